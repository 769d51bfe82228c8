/* What a host finds when it comes back, or when somebody did something to a sandbox behind its
 * back: adopted where it runs, made anew where it does not, and the result says which. */
#include "support/engine.h"
#include "support/host.h"
#include "support/ulimits.h"
#include "tap.h"

#define NEW (CAISSON_RESULT_CREATED | CAISSON_RESULT_RECREATED)

static struct call *shell_with(struct box *box, const char *session, const char *command,
                               const char *options) {
  struct call *c = call_new_shell(box, session, command);
  c->options = options;
  return call_run(c);
}

/* ---- a host that comes back ----------------------------------------------------------------- */

static void test_restart(void) {
  struct box *before = box_open(NULL);
  CALL make = shell(before, "s", "echo kept > file; sleep 6543 >/dev/null 2>&1 &\necho made");
  exited(make, 0, "a session with a file and a process in the background");
  is_int(make->result.flags, CAISSON_RESULT_CREATED | CAISSON_RESULT_STILL_RUNNING, "new");
  box_close(before);
  struct box *after = box_open(NULL);
  CALL look = shell(after, "s", "cat file");
  exited(look, 0, "the next host");
  is_str(look->out.data, "kept\n", "finds the file");
  is_int(look->result.flags, 0, "and says of it neither new nor changed");
  is_int(host_count_processes(after, "s", "sleep 6543"), 1, "the process still runs");
  CALL first = call_new(after, "s", "session.ensure");
  first->flags = CAISSON_REQUEST_HOST;
  call_run(first);
  ok(!call_is_true(first, "created") && !call_is_true(first, "recreated"), "ensure agrees");
  box_close(after);
}

/* Two hosts at once, each with channels of its own. */
static void test_two_hosts(void) {
  struct box *a = box_open(NULL), *b = box_open(NULL);
  CALL in_a = shell(a, "shared", "echo a > file");
  exited(in_a, 0, "one host makes a session");
  CALL in_b = shell(b, "shared", "cat file; echo b > file");
  is_str(in_b->out.data, "a\n", "another one shares it");
  box_close(b);
  CALL again = shell(a, "shared", "cat file");
  is_str(again->out.data, "b\n", "and leaves it when it goes");
  is_int(again->result.flags, 0, "unharmed");
  box_close(a);
}

static void test_modes(void) {
  static const char adopt[] = "{\"ensure\":\"adopt\"}", never[] = "{\"ensure\":\"never\"}";
  struct box *box = box_open(NULL), *other = box_open(NULL);
  CALL none = shell_with(box, "modes", "true", adopt);
  ended(none, CAISSON_E_NOT_FOUND, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
        "adopt where nothing runs");
  is_str(call_reason(none), CAISSON_REASON_SESSION_MISSING, "is session.missing");
  is_str(engine_state(engine_container(box, "modes")), "", "and makes nothing");
  CALL not_here = shell_with(box, "modes", "true", never);
  is_str(call_reason(not_here), CAISSON_REASON_SESSION_MISSING, "so is never");
  CALL made = shell_with(other, "modes", "echo 1 > file", "{\"ensure\":\"create\"}");
  is_int(made->result.flags, CAISSON_RESULT_CREATED, "create makes it");
  CALL unknown = shell_with(box, "modes", "true", never);
  is_str(call_reason(unknown), CAISSON_REASON_SESSION_MISSING,
         "never does not take what this host does not hold");
  CALL adopted = shell_with(box, "modes", "cat file", adopt);
  is_str(adopted->out.data, "1\n", "adopt takes it");
  CALL held = shell_with(box, "modes", "cat file", never);
  is_str(held->out.data, "1\n", "then never does as well");
  CALL fresh = shell_with(box, "modes", "cat file", "{\"ensure\":\"fresh\"}");
  exited(fresh, 1, "fresh finds no file");
  is_int(fresh->result.flags, CAISSON_RESULT_RECREATED, "since it made a new sandbox");
  CALL first = shell_with(box, "fresh", "true", "{\"ensure\":\"fresh\"}");
  is_int(first->result.flags, CAISSON_RESULT_CREATED, "fresh where nothing was creates");
  box_close(box);
  box_close(other);
}

/* ---- removed behind our back ---------------------------------------------------------------- */

static void test_removed_between(void) {
  static const char *const ways[] = {"removed", "killed", "stopped"};
  struct box *box = box_open_as(".gone", NULL);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    const char *name = engine_container(box, ways[i]);
    CALL make = shell(box, ways[i], "echo 1 > file");
    exited(make, 0, "a session");
    if (i == 0) engine_remove(name);
    if (i == 1) engine_do(name, "kill");
    if (i == 2) engine_do(name, "stop?t=0");
    CALL next = shell(box, ways[i], "ls");
    exited(next, 0, "%s between two calls: the next one works", ways[i]);
    is_int(next->result.flags, CAISSON_RESULT_RECREATED, "in a new sandbox, as it says");
    ok(call_is_true(next, "recreated"), "to the model too");
    ok(next->out.size == 0, "files are gone");
  }
  box_close(box);
}

static void test_removed_during(void) {
  struct box *box = box_open_as(".during", NULL);
  CALL c = call_new_shell(box, "mid", "echo begun; sleep 600");
  call_start(c);
  ok(call_wait_output(c, "begun", 30000), "a call runs");
  int64_t begin = host_now_ns();
  engine_remove(engine_container(box, "mid"));
  ended(call_join(c), CAISSON_OK, CAISSON_OUTCOME_LOST, CAISSON_EXIT_UNKNOWN,
        "its container is removed");
  int64_t ms = (host_now_ns() - begin) / 1000000;
  ok(ms < host_patience(5000), "which ends it soon (%d ms)", (int)ms);
  is_str(call_reason(c), CAISSON_REASON_SESSION_LOST, "as session.lost");
  call_ok(c, strstr(call_text(c), "begun"), "what it printed before is there");
  call_ok(c, strstr(call_text(c), "files are gone"), "and it says what was lost");
  CALL next = shell(box, "mid", "echo fine");
  exited(next, 0, "the next call works");
  ok((next->result.flags & NEW) != 0, "in a new sandbox");
  box_close(box);
}

static void *remove_soon(void *arg) {
  char path[256];
  snprintf(path, sizeof path, "/containers/%s?force=1", (const char *)arg);
  engine_ask("DELETE", path, NULL, NULL);
  return NULL;
}

/* The removal meets a call at any point of it. */
static void test_removed_at_any_point(void) {
  struct box *box = box_open_as(".race", NULL);
  int wrong = 0, lost = 0, anew = 0;
  for (int i = 0; i < 8; i++) {
    pthread_t thread;
    CALL make = shell(box, "r", "true");
    exited(make, 0, "a session");
    if (pthread_create(&thread, NULL, remove_soon, (void *)(uintptr_t)engine_container(box, "r")) != 0)
      BAIL_OUT("no thread");
    for (int64_t end = host_now_ns() + 20000000000; host_now_ns() < end;) {
      CALL c = shell(box, "r", "true");
      bool is_lost = c->result.outcome == CAISSON_OUTCOME_LOST;
      bool is_good = c->status == CAISSON_OK &&
                     (is_lost || (c->result.outcome == CAISSON_OUTCOME_EXITED && !c->result.exit_code));
      is_good = is_good && (!is_lost || strcmp(call_reason(c), CAISSON_REASON_SESSION_LOST) == 0);
      if (!is_good) diag("%s", call_describe(c));
      wrong += !is_good;
      lost += is_lost;
      anew += (c->result.flags & NEW) != 0;
      if (is_lost || (c->result.flags & NEW)) break;
    }
    pthread_join(thread, NULL);
  }
  is_int(wrong, 0, "a removal at any point of a call: it runs, runs anew, or is lost and says so");
  ok(lost + anew >= 8, "each was noticed (%d lost, %d anew)", lost, anew);
  box_close(box);
}

/* ---- found in another state ----------------------------------------------------------------- */

/* A container as somebody's half-done work might leave it, with our labels. */
static const char *make_by_hand(const struct box *box, const char *key, const char *command,
                                const char *start) {
  const char *name = engine_container(box, key);
  char path[256], body[1024];
  snprintf(path, sizeof path, "/containers/create?name=%s", name);
  snprintf(body, sizeof body,
           "{\"Image\":\"%s\",\"Cmd\":[%s],\"OpenStdin\":true,\"StopSignal\":\"SIGKILL\",\"Labels\":{"
           "\"caisson.instance\":\"%s\",\"caisson.session\":\"%s\"},\"HostConfig\":{\"NetworkMode\":"
           "\"none\"," HOST_ULIMITS "}}",
           host_env("CAISSON_IMAGE"), command, box->name, key);
  if (engine_ask("POST", path, body, NULL) != 201) BAIL_OUT("cannot make %s", name);
  if (*start) engine_do(name, start);
  return name;
}

static bool has_exited(void *name) {
  return strcmp(engine_state(name), "exited") == 0;
}

static void test_exited(void) {
  struct box *box = box_open_as(".exited", NULL);
  const char *name = make_by_hand(box, "e", "\"true\"", "start");
  host_wait(has_exited, (void *)(uintptr_t)name, 30000);
  is_str(engine_state(name), "exited", "a container that has exited and was left");
  CALL c = shell(box, "e", "echo fine");
  exited(c, 0, "is replaced");
  is_int(c->result.flags, CAISSON_RESULT_RECREATED, "as the result says");
  box_close(box);
}

/* What its label says it was made with is nothing that a call could have given. */
static void test_strange_label(void) {
  static const char *const options[] = {"{\"labels\":[\"x\"]}",
                                        "{\"workspace\":{\"type\":\"volume\",\"dirs\":[1]}}",
                                        "{\"limits\":{\"pids\":1e300}}", "[]", "7"};
  struct box *box = box_open_as(".strange", NULL);
  const char *name = engine_container(box, "s");
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    char path[256];
    cJSON *body = cJSON_Parse("{\"HostConfig\":{\"NetworkMode\":\"none\"," HOST_ULIMITS "}}");
    cJSON *labels = cJSON_AddObjectToObject(body, "Labels");
    char *spec = NULL;
    if (asprintf(&spec, "{\"v\":1,\"base\":{},\"options\":%s}", options[i]) < 0) BAIL_OUT("no memory");
    cJSON_AddStringToObject(body, "Image", host_env("CAISSON_IMAGE"));
    cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "Cmd"), cJSON_CreateString("true"));
    cJSON_AddStringToObject(labels, "caisson.instance", box->name);
    cJSON_AddStringToObject(labels, "caisson.session", "s");
    cJSON_AddStringToObject(labels, "caisson.spec", spec);
    char *text = cJSON_PrintUnformatted(body);
    snprintf(path, sizeof path, "/containers/create?name=%s", name);
    if (engine_ask("POST", path, text, NULL) != 201) BAIL_OUT("cannot make %s", name);
    engine_do(name, "start");
    host_wait(has_exited, (void *)(uintptr_t)name, 30000);
    CALL c = shell(box, "s", "echo fine");
    exited(c, 0, "one that was made with %s is replaced", options[i]);
    CALL gone = operation(box, "session.remove", "s", NULL);
    exited(gone, 0, "and goes");
    cJSON_free(text);
    free(spec);
    cJSON_Delete(body);
  }
  box_close(box);
}

static void test_without_helper(void) {
  struct box *box = box_open_as(".helpless", NULL);
  make_by_hand(box, "h", "\"sleep\",\"600\"", "start");
  CALL c = shell(box, "h", "echo fine");
  ok(c->status < 0 && c->result.outcome == CAISSON_OUTCOME_NONE,
     "a container with our labels and no helper: the call fails");
  call_ok(c, strstr(call_text(c), "helper"), "and says what is missing");
  ok(c->took_ns < (int64_t)host_patience(20000) * 1000000, "in good time");
  CALL fresh = shell_with(box, "h", "echo fine", "{\"ensure\":\"fresh\"}");
  exited(fresh, 0, "fresh replaces it");
  box_close(box);
}

/* Takes its time, so it has a thread of its own. */
static void *test_paused(void *arg) {
  (void)arg;
  struct box *box = box_open_as(".paused", NULL), *other = box_open_as(".paused", NULL);
  const char *name = engine_container(box, "p");
  CALL make = shell(box, "p", "echo 1 > file");
  exited(make, 0, "a session");
  engine_do(name, "pause");
  CALL met = shell(other, "p", "true");
  is_str(call_reason(met), CAISSON_REASON_SESSION_CONFLICT, "one that is paused is not adopted");
  call_ok(met, strstr(call_text(met), "docker unpause"), "and the error says how to go on");
  CALL look = operation(other, "session.inspect", "p", NULL);
  ok(call_is_true(look, "found") && !call_is_true(look, "ready"), "inspect finds it, not ready");
  is_str(call_string(look, "state"), "paused", "and says why");
  CALL held = call_new_shell(box, "p", "cat file");
  held->deadline_ms = 500;
  call_run(held);
  ok(held->took_ns < (int64_t)host_patience(20000) * 1000000,
     "a call on a channel to it ends in bounded time");
  call_ok(held, held->result.outcome == CAISSON_OUTCOME_LOST &&
                    strstr(call_string(held, "error.message"), "paused"),
          "as lost, and says that it is paused");
  engine_do(name, "unpause");
  CALL next = shell(other, "p", "cat file");
  is_str(next->out.data, "1\n", "unpaused, it goes on with its files");
  CALL again = shell(box, "p", "cat file");
  is_str(again->out.data, "1\n", "for whoever held it as well");
  box_close(box);
  box_close(other);
  return NULL;
}

/* ---- made and not started: the starter has a grace ------------------------------------------ */

static const char no_start[] =
    "{\"rules\":[{\"method\":\"POST\",\"path\":\"/start$\",\"silent\":true}]}";

/* The same one for a second: an engine may have to refuse a start or two until it is understood. */
static bool is_created(void *name) {
  static char last[4096];
  static int64_t since;
  char *found = strcmp(engine_state(name), "created") == 0 ? engine_inspect(name) : NULL;
  const char *id = found ? strstr(found, "\"Id\"") : NULL;
  if (!id || strncmp(id, last, 72) != 0) since = host_now_ns();
  snprintf(last, sizeof last, "%.72s", id ? id : "");
  free(found);
  return id && host_now_ns() - since > 1000000000;
}

static void test_created(void) {
  struct box *box = box_open_as(".created", NULL);
  struct proxy *proxy = proxy_start(no_start);
  struct box *starter = box_open_as(".created", proxy->settings);
  const char *name = engine_container(box, "c");
  struct call *stuck = call_start(call_new_shell(starter, "c", "true"));
  ok(host_wait(is_created, (void *)(uintptr_t)name, 30000), "a start that hangs after the create");
  const char *junk = make_by_hand(box, "junk", "\"true\"", "");
  struct call *heir = call_start(call_new_shell(box, "c", "echo fine"));
  struct call *cleaner = call_start(call_new_shell(box, "junk", "echo fine"));
  proxy_stop(proxy); /* the starter and its engine are gone */
  call_join(stuck);
  ok(stuck->status == CAISSON_E_ENGINE && stuck->err.flags & CAISSON_ERROR_RETRYABLE,
     "whose starter goes away");
  exited(call_join(heir), 0, "is started by the next one");
  is_int(heir->result.flags, CAISSON_RESULT_CREATED, "as a new sandbox");
  ok(heir->took_ns > 5000000000, "after it gave the starter time (%d ms)",
     (int)(heir->took_ns / 1000000));
  exited(call_join(cleaner), 0, "one that cannot be a sandbox is replaced");
  is_str(engine_state(junk), "running", "by one that is");
  call_free(stuck);
  call_free(heir);
  call_free(cleaner);
  box_close(starter);
  box_close(box);
}

/* One that somebody starts within the grace is simply used. */
static void test_created_and_started(void) {
  struct proxy *proxy = proxy_start(
      "{\"rules\":[{\"method\":\"POST\",\"path\":\"/start$\",\"to_engine\":{\"delay_ms\":1500}}]}");
  struct box *slow = box_open_as(".late", proxy->settings), *box = box_open_as(".late", NULL);
  struct call *first = call_start(call_new_shell(slow, "l", "echo a > file"));
  host_wait(is_created, (void *)(uintptr_t)engine_container(box, "l"), 30000);
  CALL second = shell(box, "l", "while ! [ -e file ]; do sleep 0.05; done; cat file");
  exited(second, 0, "who finds a container that another host is starting waits for it");
  is_int(second->result.flags, 0, "and adopts it");
  exited(call_join(first), 0, "while the other one has made it");
  is_int(first->result.flags, CAISSON_RESULT_CREATED, "as it says");
  call_free(first);
  box_close(slow);
  box_close(box);
  proxy_stop(proxy);
}

int main(void) {
  pthread_t paused;
  if (pthread_create(&paused, NULL, test_paused, NULL) != 0) BAIL_OUT("no thread");
  test_restart();
  test_two_hosts();
  test_modes();
  test_removed_between();
  test_removed_during();
  test_removed_at_any_point();
  test_exited();
  test_strange_label();
  test_without_helper();
  test_created();
  test_created_and_started();
  pthread_join(paused, NULL);
  return done_testing();
}
