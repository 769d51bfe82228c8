/* What a session is made of: the options of a request, the operator's settings, and what happens
 * when they change; and secrets, which are in none of it. */
#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static struct call *new_with(struct box *box, const char *session, const char *command,
                             const char *options) {
  struct call *c = call_new_shell(box, session, command);
  c->options = options;
  return c;
}

static struct call *shell_with(struct box *box, const char *session, const char *command,
                               const char *options) {
  return call_run(new_with(box, session, command, options));
}

static const char *said(const struct call *c) {
  return c->out.data ? c->out.data : "";
}

/* ---- they hold ------------------------------------------------------------------------------ */

static void test_hold(void) {
  struct box *box = box_open("{\"sandbox\":{\"env\":{\"FROM\":\"operator\",\"BOTH\":\"operator\"}}}");
  CALL c = shell_with(box, "hold",
                      "echo $FROM $BOTH $MINE; pwd; cat /sys/fs/cgroup/memory/memory.limit_in_bytes "
                      "/sys/fs/cgroup/memory.max 2>/dev/null; cat /sys/fs/cgroup/pids/pids.max "
                      "/sys/fs/cgroup/pids.max 2>/dev/null",
                      "{\"env\":{\"BOTH\":\"session\",\"MINE\":\"session\"},\"workdir\":\"/tmp\","
                      "\"limits\":{\"memory\":\"768m\",\"pids\":99},\"principal\":\"somebody\","
                      "\"trace_id\":\"t1\"}");
  is_str(said(c), "operator session session\n/tmp\n805306368\n99\n",
         "environment, directory and limits are as the options say");
  CALL next = shell(box, "hold", "echo $FROM $BOTH $MINE; pwd");
  is_str(said(next), "operator session session\n/tmp\n", "for later calls without options too");
  char *inspected = engine_inspect(engine_container(box, "hold"));
  ok(inspected && !strstr(inspected, "somebody"), "who asked is no part of the sandbox");
  free(inspected);
  box_close(box);
}

static void test_mistakes(void) {
  static const struct {
    const char *options, *words;
  } cases[] = {
      {"{", "options"},
      {"[]", "options"},
      {"{\"ensures\":\"create\"}", "did you mean \"ensure\""},
      {"{\"ensure\":\"maybe\"}", "ensure"},
      {"{\"limits\":{\"memory\":\"1k\"}}", "limits.memory"},
      {"{\"limits\":{\"cpu\":1}}", "did you mean \"cpus\""},
      {"{\"limits\":{\"memory\":\"600m\"}}", "sandbox.memory"},
      {"{\"env\":{\"A B\":\"x\"}}", "env"},
      {"{\"workdir\":\"here\"}", "workdir"},
      {"{\"secrets\":{\"A\":1}}", "secrets"},
      {"{\"secrets\":{\"A\":[\"hush hush\"]}}", "secrets"},
  };
  struct box *box = box_open_as(".wrong", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CALL c = shell_with(box, "s", "true", cases[i].options);
    ended(c, CAISSON_E_CONFIG, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN, "the options %s",
          cases[i].options);
    call_ok(c, strstr(c->err.message, cases[i].words) && !strstr(c->text, "hush") &&
                !strstr(c->err.message, "hush"), "are refused: %s",
            cases[i].words);
  }
  is_int(engine_count(box->name), 0, "and nothing was made");
  box_close(box);
}

/* ---- other options -------------------------------------------------------------------------- */

static const char one[] = "{\"env\":{\"N\":\"1\",\"M\":\"m\"},\"limits\":{\"pids\":101}}";
static const char one_again[] = "{\"limits\":{\"pids\":101},\"env\":{\"M\":\"m\",\"N\":\"1\"}}";
static const char two[] = "{\"limits\":{\"pids\":102}}";

/* Prints the limit, as cgroup v1 or v2 has it. */
#define LIMIT "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; "

static void test_idle(void) {
  struct box *box = box_open_as(".idle", NULL);
  CALL first = shell_with(box, "s", "touch file", one);
  is_int(first->result.flags, CAISSON_RESULT_CREATED, "a session with options");
  CALL same = shell_with(box, "s", "ls; " LIMIT, one_again);
  is_str(said(same), "file\n101\n", "the same options in another order change nothing");
  is_int(same->result.flags, 0, "and say nothing");
  CALL none = shell_with(box, "s", "ls; " LIMIT, "{\"ensure\":\"create\",\"principal\":\"p\"}");
  is_str(said(none), "file\n101\n", "nor do options that are no wish");
  CALL other = shell_with(box, "s", "ls; " LIMIT, two);
  is_str(said(other), "102\n", "other options make it anew");
  is_int(other->result.flags, CAISSON_RESULT_RECREATED, "as the result says");
  CALL adopt = shell_with(box, "s", LIMIT, "{\"ensure\":\"adopt\",\"limits\":{\"pids\":103}}");
  is_str(said(adopt), "102\n", "but not for a call that only adopts");
  is_int(adopt->result.flags, CAISSON_RESULT_OLDER_SETTINGS, "which is told so");
  ok(call_is_true(adopt, "older_settings"), "in the document too");
  box_close(box);
}

/* That a call has ended is known to its host a moment before it is known to others. */
static bool is_as_two(void *box) {
  CALL c = shell_with(box, "s", "ls; " LIMIT, two);
  return c->result.flags == CAISSON_RESULT_RECREATED && strcmp(said(c), "102\n") == 0;
}

static void test_busy(void) {
  struct box *box = box_open_as(".busy", NULL), *other = box_open_as(".busy", NULL);
  CALL running = new_with(box, "s", "echo begun; while ! [ -e stop ]; do sleep 0.05; done", one);
  call_start(running);
  ok(call_wait_output(running, "begun", 30000), "a session in use");
  CALL here = shell_with(box, "s", LIMIT, two);
  is_str(said(here), "101\n", "other options leave it as it is");
  is_int(here->result.flags, CAISSON_RESULT_OLDER_SETTINGS, "and the result says so");
  /* A call counts as busy once it has lasted some 20 ms: the one above is well past that. */
  CALL there = shell_with(other, "s", LIMIT, two);
  is_str(said(there), "101\n", "also when another host uses it");
  is_int(there->result.flags, CAISSON_RESULT_OLDER_SETTINGS, "which is seen");
  CALL stop = shell(box, "s", "touch stop");
  exited(stop, 0, "a call that ends it");
  exited(call_join(running), 0, "once it has ended");
  ok(host_wait(is_as_two, other, 10000), "it is made anew");
  CALL known = shell(box, "s", "ls; " LIMIT);
  is_str(said(known), "102\n", "and the host that knew the old one takes the new one");
  ok((known->result.flags & CAISSON_RESULT_RECREATED) != 0, "and says that it is another");
  box_close(box);
  box_close(other);
}

/* ---- the operator's settings ---------------------------------------------------------------- */

static const char newer[] = "{\"sandbox\":{\"env\":{\"OPERATOR\":\"new\"}}}";

static bool is_recreated(void *box) {
  CALL ensured = operation(box, "session.ensure", "s", NULL);
  return call_is_true(ensured, "recreated");
}

static void test_settings(void) {
  struct box *before = box_open_as(".set", NULL), *after = box_open_as(".set", newer);
  CALL made = shell_with(before, "s", "touch file", one);
  exited(made, 0, "a session under some settings");
  CALL running = new_with(before, "s", "echo begun; while ! [ -e stop ]; do sleep 0.05; done", NULL);
  call_start(running);
  call_wait_output(running, "begun", 30000);
  CALL busy = shell(after, "s", "ls file; echo $N-$OPERATOR");
  is_str(said(busy), "file\n1-\n", "a host with newer settings uses it while it is busy");
  is_int(busy->result.flags, CAISSON_RESULT_OLDER_SETTINGS, "and says so");
  CALL stop = shell(before, "s", "touch stop");
  exited(stop, 0, "a call that ends it");
  call_join(running);
  ok(host_wait(is_recreated, after, 10000), "idle, it is made anew");
  CALL idle = shell(after, "s", "ls; echo $N-$OPERATOR");
  is_str(said(idle), "1-new\n", "under the new settings and with its own options");
  is_int(idle->result.flags, 0, "once");
  CALL same = shell(after, "s", "true");
  is_int(same->result.flags, 0, "not again with each call");
  box_close(before);
  box_close(after);
}

/* ---- what outlives a sandbox ---------------------------------------------------------------- */

static void test_kept(void) {
  static const char *const ways[] = {"removed", "killed", "fresh", "gone for another host"};
  struct box *box = box_open_as(".kept", NULL);
  for (int i = 0; i < 4; i++) {
    char key[] = {'k', (char)('0' + i), '\0'};
    const char *name = engine_container(box, key);
    CALL made = shell_with(box, key, "touch file", one);
    exited(made, 0, "a session with options");
    if (i == 0) engine_remove(name);
    if (i == 1) engine_do(name, "kill");
    if (i == 3) {
      struct box *other = box_open_as(".kept", newer);
      CALL replaced = shell(other, key, "echo $N");
      is_str(said(replaced), "1\n", "another host with other settings replaces it");
      box_close(other);
      engine_remove(name);
    }
    CALL again = shell_with(box, key, "ls; echo $N$M", i == 2 ? "{\"ensure\":\"fresh\"}" : NULL);
    is_str(said(again), "1m\n", "%s: a bare call makes it anew with its options", ways[i]);
    is_int(again->result.flags, CAISSON_RESULT_RECREATED, "and says so");
  }
  CALL rm = operation(box, "session.remove", "k0", NULL);
  exited(rm, 0, "the host removes one");
  CALL bare = shell(box, "k0", "echo x$N");
  is_str(said(bare), "x\n", "a session that the host removed has none any more");
  is_int(bare->result.flags, CAISSON_RESULT_CREATED, "it is a new one");
  box_close(box);
}

/* ---- the host's extension ------------------------------------------------------------------- */

static struct {
  int asked;
  const char *answer;
  int32_t rc;
  char key[64];
} extension;

static int32_t give_options(void *ctx, const char *key, uint64_t key_size,
                            void (*emit)(void *sink, const char *json, uint64_t n), void *sink) {
  (void)ctx;
  extension.asked++;
  snprintf(extension.key, sizeof extension.key, "%.*s", (int)key_size, key);
  if (extension.answer) emit(sink, extension.answer, strlen(extension.answer));
  return extension.rc;
}

static void ask(const char *answer, int32_t rc) {
  extension.asked = 0;
  extension.answer = answer;
  extension.rc = rc;
}

static void test_extension(void) {
  static const caisson_session_options offered = {.struct_size = sizeof offered,
                                                  .options = give_options};
  struct box *box = box_new(".ext");
  caisson_error err = {.struct_size = sizeof err};
  box->session_options = &offered;
  if (box_create(box, NULL, &err) != CAISSON_OK) BAIL_OUT("%s", err.message);
  ask(one, 0);
  CALL made = shell(box, "a key", "echo $N");
  is_str(said(made), "1\n", "a host that knows a session's options is asked for them");
  ok(extension.asked == 1 && strcmp(extension.key, "a key") == 0, "once, by the key");
  ask("{\"env\":{\"N\":\"2\"}}", 0);
  CALL adopted = shell(box, "a key", "echo $N");
  ok(strcmp(said(adopted), "1\n") == 0 && extension.asked == 0, "not for what runs");
  CALL look = operation(box, "session.inspect", "a key", NULL);
  engine_remove(call_string(look, "name"));
  CALL anew = shell(box, "a key", "echo $N");
  ok(strcmp(said(anew), "2\n") == 0 && extension.asked == 1, "again when it has to be made anew");
  CALL explicit = shell_with(box, "x", "echo $N", one);
  ok(strcmp(said(explicit), "1\n") == 0 && extension.asked == 1,
     "not for a request that has options of its own");
  ask(NULL, 0);
  CALL none = shell(box, "none", "echo x$N");
  ok(strcmp(said(none), "x\n") == 0 && extension.asked == 1, "a host may have none");
  CALL own = shell(box, "", "true");
  exited(own, 0, "a call's own sandbox");
  ask(NULL, 7);
  CALL refused = shell(box, "refused", "true");
  ended(refused, CAISSON_E_CONFIG, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN, "a host that fails");
  ask("{\"ensure\":1}", 0);
  CALL bad = shell(box, "bad", "true");
  ended(bad, CAISSON_E_CONFIG, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN, "or gives nonsense");
  is_str(call_reason(bad), CAISSON_REASON_OPTIONS, "fails the call");
  is_str(engine_state(engine_container(box, "refused")), "", "and nothing is made");
  is_str(engine_state(engine_container(box, "bad")), "", "in either case");
  box_close(box);
}

/* ---- images --------------------------------------------------------------------------------- */

static void test_image(void) {
  struct box *box = box_open_as(".image", NULL);
  CALL c = shell_with(box, "s", "true", "{\"image\":\"caisson-no-such-image:local\",\"pull\":\"never\"}");
  ended(c, CAISSON_E_ENGINE, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
        "an image that is not there");
  is_str(call_reason(c), CAISSON_REASON_IMAGE_MISSING, "is image.missing");
  call_ok(c, strstr(call_text(c), "caisson-no-such-image:local") && strstr(call_text(c), "pull"),
          "and the error says what to do");
  is_int(engine_count(box->name), 0, "nothing is left");
  CALL next = shell(box, "s", "echo fine");
  exited(next, 0, "the next call with the configured one works");
  box_close(box);
}

/* ---- secrets -------------------------------------------------------------------------------- */

static void test_secrets(void) {
  static const char secret[] = "{\"env\":{\"A\":\"plainly\"},"
                               "\"secrets\":{\"TOKEN\":\"hush-4711\",\"A\":\"hush-0815\"}}";
  struct box *box = box_open_as(".secret", NULL);
  const char *name = engine_container(box, "s");
  CALL c = shell_with(box, "s", "echo ${#TOKEN} ${TOKEN#hush-} ${A#hush-}", secret);
  is_str(said(c), "9 4711 0815\n", "secrets are in the command's environment, before all else");
  char *inspected = engine_inspect(name);
  ok(inspected && !strstr(inspected, "hush"), "and nowhere in the container's configuration");
  ok(inspected && strstr(inspected, "caisson.spec") && !strstr(inspected, "plainly"),
     "where the session's environment is not either");
  free(inspected);
  CALL look = operation(box, "session.inspect", "s", NULL);
  ok(!strstr(look->text, "hush"), "nor in what inspect says");
  CALL next = shell(box, "s", "echo [$TOKEN] $A; tr '\\0' '\\n' < /proc/1/environ 2>&1 | grep -c hush; "
                              "grep -rl hush-4711 /workspace /tmp /dev/shm 2>/dev/null; true");
  ok(strncmp(said(next), "[] plainly\n0\n", 13) == 0 && !strstr(said(next), "/"),
     "the next call has none, and no file has");
  CALL same = shell_with(box, "s", "echo $TOKEN", "{\"secrets\":{\"TOKEN\":\"hush-other\"}}");
  is_int(same->result.flags, 0, "another secret is no other sandbox");
  ok(!box_logged(box, "hush"), "no secret is logged");
  CALL failing = shell_with(box, "s", "true", "{\"secrets\":{\"TOKEN\":\"hush-4711\"},\"bad\":1}");
  ok(failing->status == CAISSON_E_CONFIG && !strstr(failing->text, "hush") &&
         !strstr(failing->err.message, "hush") && !box_logged(box, "hush"),
     "nor told in an error");
  box_close(box);
}

int main(void) {
  test_hold();
  test_mistakes();
  test_idle();
  test_busy();
  test_settings();
  test_kept();
  test_extension();
  test_image();
  test_secrets();
  return done_testing();
}
