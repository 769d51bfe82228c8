/* Who gets which sandbox: one for each key, however many threads and processes ask at once;
 * sandboxes of other instances and other people's containers are left alone. */
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/host.h"
#include "support/ulimits.h"
#include "tap.h"

#define THREADS 16
#define PROCESSES 3

/* Tells one sandbox from another. */
static const char who[] = "readlink /proc/self/ns/pid; echo $RANDOM >> asked; wc -l < asked";

static int count_flag(struct call *const *calls, int n, uint32_t flag) {
  int found = 0;
  for (int i = 0; i < n; i++) found += (calls[i]->result.flags & flag) != 0;
  return found;
}

/* The first line of what each printed is the same. */
static int count_alike(struct call *const *calls, int n) {
  int alike = 0;
  for (int i = 0; i < n; i++) {
    const char *a = calls[0]->out.data, *b = calls[i]->out.data;
    alike += a && b && strncmp(a, b, strcspn(a, "\n") + 1) == 0;
  }
  return alike;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void test_threads(void) {
  struct proxy *proxy = proxy_start("{\"rules\":[]}");
  struct box *box = box_open(proxy->settings);
  struct call *calls[THREADS];
  CALL warm = shell(box, "", "true");
  exited(warm, 0, "the engine has the helper");
  for (int i = 0; i < THREADS; i++) calls[i] = call_new_shell(box, "many", who);
  for (int i = 0; i < THREADS; i++) call_start(calls[i]);
  int good = 0;
  for (int i = 0; i < THREADS; i++)
    good += exited(call_join(calls[i]), 0, "thread %d of %d asks for the same new session", i + 1,
                   THREADS);
  is_int(good, THREADS, "all are served");
  is_int(count_alike(calls, THREADS), THREADS, "by one sandbox");
  is_int(count_flag(calls, THREADS, CAISSON_RESULT_CREATED), 1, "which one of them made");
  is_int(count_flag(calls, THREADS, CAISSON_RESULT_RECREATED), 0, "and nobody made anew");
  is_int(proxy_count(proxy, "POST", "-many"), 1, "with one request to the engine");
  is_int(engine_count(box->name), 1, "one container is there");
  for (int i = 0; i < THREADS; i++) call_free(calls[i]);
  box_close(box);
  proxy_stop(proxy);
}

/* ---- processes ------------------------------------------------------------------------------ */

#define CHILD_THREADS 4

/* This program again, as another host of the same instance: it says when it is ready, waits for a
 * byte, then asks from some threads, and tells of each what it got. */
static int be_child(void) {
  struct call *calls[CHILD_THREADS];
  struct box *box = box_open(NULL);
  char byte;
  printf("ready\n");
  (void)fflush(stdout);
  if (read(0, &byte, 1) < 0) return 1;
  for (int i = 0; i < CHILD_THREADS; i++) calls[i] = call_start(call_new_shell(box, "both", who));
  for (int i = 0; i < CHILD_THREADS; i++) {
    struct call *c = call_join(calls[i]);
    const char *out = c->out.data ? c->out.data : "-\n";
    printf("%d %u %.*s\n", c->status, c->result.flags, (int)strcspn(out, "\n"), out);
    call_free(c);
  }
  box_close(box);
  return 0;
}

struct child {
  pid_t pid;
  int in;
  FILE *out;
};

static void start_child(struct child *c, const char *instance) {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) BAIL_OUT("no pipe");
  (void)fflush(stdout);
  c->pid = fork();
  if (c->pid < 0) BAIL_OUT("no process");
  if (c->pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    for (int fd = 3; fd < 1024; fd++) close(fd);
    setenv("CAISSON_TEST_INSTANCE", instance, 1);
    execl("/proc/self/exe", "session_ensure", "child", NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  c->in = in[1];
  c->out = fdopen(out[0], "r");
}

static void test_processes(void) {
  char *instance = host_instance_name(NULL);
  struct child children[PROCESSES];
  char line[256], first[200] = "";
  int good = 0, made = 0, alike = 0;
  for (int i = 0; i < PROCESSES; i++) {
    start_child(&children[i], instance);
    if (!fgets(line, sizeof line, children[i].out) || strcmp(line, "ready\n") != 0)
      BAIL_OUT("process %d does not start", i);
  }
  for (int i = 0; i < PROCESSES; i++)
    if (write(children[i].in, "g", 1) != 1) BAIL_OUT("process %d is gone", i);
  for (int i = 0; i < PROCESSES; i++) {
    while (fgets(line, sizeof line, children[i].out)) {
      char sandbox[200] = "";
      unsigned flags = 0;
      int status = -1;
      good += sscanf(line, "%d %u %199s", &status, &flags, sandbox) == 3 && status == 0;
      made += (flags & CAISSON_RESULT_CREATED) != 0;
      if (!*first) memcpy(first, sandbox, sizeof first);
      alike += strcmp(first, sandbox) == 0;
    }
    fclose(children[i].out);
    close(children[i].in);
    waitpid(children[i].pid, NULL, 0);
  }
  is_int(good, PROCESSES * CHILD_THREADS, "%d processes ask for the same new session at once",
         PROCESSES);
  is_int(alike, PROCESSES * CHILD_THREADS, "they get one sandbox");
  is_int(made, 1, "which one of them made");
  is_int(engine_count(instance), 2, "beside the one from before, one container is there");
  free(instance);
}

/* ---- a slow start --------------------------------------------------------------------------- */

static const char stalling[] =
    "{\"rules\":[{\"method\":\"POST\",\"path\":\"create.*-slow$\",\"silent\":true}]}";

static bool is_running(void *arg) {
  struct call *c = arg;
  return atomic_load(&c->is_running);
}

static void test_slow_start(void) {
  struct proxy *proxy = proxy_start(stalling);
  struct box *box = box_open_as(".slow", proxy->settings);
  struct call *slow = call_start(call_new_shell(box, "slow", "true"));
  struct call *second = call_start(call_new_shell(box, "slow", "true"));
  host_wait(is_running, second, 10000);
  for (int i = 0; i < 3; i++) {
    char key[] = {'q', (char)('a' + i), '\0'};
    CALL quick = shell(box, key, "echo quick");
    exited(quick, 0, "session %s starts", key);
  }
  ok(!atomic_load(&slow->is_done) && !atomic_load(&second->is_done),
     "while the start of another one hangs");
  call_cancel(second);
  ended(call_join(second), CAISSON_OK, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED,
        "who waits behind it can be cancelled");
  ok(second->took_ns > 0 && !atomic_load(&slow->is_done), "at once, alone");
  call_cancel(slow);
  ended(call_join(slow), CAISSON_OK, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED,
        "and so can the one that hangs");
  call_free(slow);
  call_free(second);
  box_close(box);
  proxy_stop(proxy);
}

/* ---- instances ------------------------------------------------------------------------------ */

static int listed(const struct call *list) {
  return cJSON_GetArraySize(call_get(list, "sessions"));
}

static void test_instances(void) {
  struct box *a = box_open_as(".a", NULL), *b = box_open_as(".b", NULL);
  CALL in_a = shell(a, "same", "echo a > file");
  CALL in_b = shell(b, "same", "ls; echo b > file; cat file");
  exited(in_a, 0, "a session in one instance");
  exited(in_b, 0, "the same key in another");
  is_str(in_b->out.data, "b\n", "has files of its own");
  CALL again = shell(a, "same", "cat file");
  is_str(again->out.data, "a\n", "and changes none of the first's");
  CALL list_a = operation(a, "session.list", NULL, NULL);
  CALL list_b = operation(b, "session.list", NULL, NULL);
  is_int(listed(list_a), 1, "one is listed here");
  is_int(listed(list_b), 1, "and one there");
  CALL shut = operation(a, "session.shutdown", NULL, "{\"scope\":\"instance\"}");
  exited(shut, 0, "the shutdown of one instance");
  CALL after = shell(b, "same", "cat file");
  is_str(after->out.data, "b\n", "leaves the other's alone");
  is_int(after->result.flags, 0, "which goes on as it was");
  box_close(a);
  box_close(b);
}

/* ---- keys ----------------------------------------------------------------------------------- */

#define K_64 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static void test_keys(void) {
  static const char *const keys[] = {
      "plain",         "f\xc3\xbcr \xf0\x9f\x9a\xa2",
      "../../etc",     "two\nlines\r\n",
      K_64 K_64 K_64 K_64, "x0123456789abcdef0123456789abcdef",
      "--key",         "a'b\"c\\d$e`f;g|h&i<j>k",
  };
  enum { N = sizeof keys / sizeof *keys };
  struct box *box = box_open_as(".keys", NULL);
  struct call *calls[N];
  for (int i = 0; i < N; i++) calls[i] = call_start(call_new_shell(box, keys[i], "echo $((6*7)) > f"));
  for (int i = 0; i < N; i++) exited(call_join(calls[i]), 0, "the key %s", keys[i]);
  is_int(engine_count(box->name), N, "each has a sandbox of its own");
  for (int i = 0; i < N; i++) {
    CALL look = operation(box, "session.inspect", keys[i], NULL);
    ok(call_is_true(look, "ready") && strcmp(call_string(look, "key"), keys[i]) == 0,
       "and is found by it, whole: %s", keys[i]);
    call_free(calls[i]);
  }
  CALL hashed = operation(box, "session.inspect", "x0123456789abcdef0123456789abcdef", NULL);
  CALL ghost = operation(box, "session.inspect", strrchr(call_string(hashed, "name"), '-') + 1, NULL);
  ok(!call_is_true(ghost, "found"), "a hash in a name is not the key of its session");
  box_close(box);
}

static int32_t open_with_key(const struct box *box, const char *key, size_t n) {
  caisson_request request = {.struct_size = sizeof request,
                             .name = {"shell", 5},
                             .args_json = {"{\"command\":\"true\"}", 18},
                             .session = {key, n}};
  uint64_t call = 0;
  int32_t rc = plugin()->call_open(box->id, &request, &call, NULL);
  if (rc == CAISSON_OK) plugin()->call_close(box->id, call);
  return rc;
}

static void test_bad_keys(void) {
  static const struct {
    const char *what, *key;
    size_t n;
    int32_t rc;
  } cases[] = {
      {"of 256 bytes", K_64 K_64 K_64 K_64, 256, CAISSON_OK},
      {"of 257 bytes", K_64 K_64 K_64 K_64 "k", 257, CAISSON_E_INVALID},
      {"with a NUL", "a\0b", 3, CAISSON_E_INVALID},
      {"that is one NUL", "\0", 1, CAISSON_E_INVALID},
      {"with a lone continuation byte", "a\x80", 2, CAISSON_E_INVALID},
      {"with an overlong slash", "\xc0\xaf", 2, CAISSON_E_INVALID},
      {"with half a character", "\xf0\x9f\x9a", 3, CAISSON_E_INVALID},
      {"with a surrogate", "\xed\xa0\x80", 3, CAISSON_E_INVALID},
      {"that is missing but has a size", NULL, 3, CAISSON_E_INVALID},
  };
  struct box *box = box_open_as(".bad", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is_int(open_with_key(box, cases[i].key, cases[i].n), cases[i].rc, "a key %s", cases[i].what);
  is_int(engine_count(box->name), 0, "none of which touched the engine");
  box_close(box);
}

/* ---- other people's containers -------------------------------------------------------------- */

static void make_foreign(const char *name, const char *labels) {
  char path[256], body[512];
  snprintf(path, sizeof path, "/containers/create?name=%s", name);
  snprintf(body, sizeof body,
           "{\"Image\":\"%s\",\"Cmd\":[\"sleep\",\"600\"],\"Labels\":{%s},\"StopSignal\":\"SIGKILL\","
           "\"HostConfig\":{\"NetworkMode\":\"none\"," HOST_ULIMITS "}}",
           host_env("CAISSON_IMAGE"), labels);
  if (engine_ask("POST", path, body, NULL) != 201) BAIL_OUT("cannot make %s", name);
  engine_do(name, "start");
}

static void test_conflict(void) {
  struct box *box = box_open_as(".foreign", NULL);
  char labels[256];
  snprintf(labels, sizeof labels, "\"caisson.instance\":\"%s\",\"caisson.session\":\"another\"",
           box->name);
  const char *const all[] = {"", "\"caisson.instance\":\"other\",\"caisson.session\":\"taken\"",
                             labels};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    const char *name = engine_container(box, "taken");
    make_foreign(name, all[i]);
    CALL c = shell(box, "taken", "true");
    ended(c, CAISSON_E_POLICY, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
          "a name that is taken, labels {%s}", all[i]);
    is_str(call_reason(c), CAISSON_REASON_SESSION_CONFLICT, "is a conflict");
    call_ok(c, strstr(call_text(c), name) && strstr(call_string(c, "error.message"), "remove it"),
            "that says what is there and what to do");
    CALL rm = operation(box, "session.remove", "taken", NULL);
    is_str(call_reason(rm), CAISSON_REASON_SESSION_CONFLICT, "the host may not remove it either");
    CALL look = operation(box, "session.inspect", "taken", NULL);
    is_str(call_reason(look), CAISSON_REASON_SESSION_CONFLICT, "nor look into it");
    CALL fresh = call_new_shell(box, "taken", "true");
    fresh->options = "{\"ensure\":\"fresh\"}";
    is_str(call_reason(call_run(fresh)), CAISSON_REASON_SESSION_CONFLICT, "nor replace it");
    is_str(engine_state(name), "running", "it is left alone");
    engine_remove(name);
  }
  CALL c = shell(box, "taken", "true");
  exited(c, 0, "once it is gone the session starts");
  box_close(box);
}

/* ---- a call's own --------------------------------------------------------------------------- */

static void test_ephemeral(void) {
  struct box *box = box_open_as(".own", NULL);
  CALL first = shell(box, "", "echo here > file; readlink /proc/self/ns/pid");
  exited(first, 0, "a call without a session");
  is_int(engine_count(box->name), 0, "its sandbox is gone when it has ended");
  CALL second = shell(box, "", "ls; readlink /proc/self/ns/pid");
  exited(second, 0, "another one");
  ok(second->out.data && !strstr(second->out.data, "file"), "finds no files");
  struct call *running = call_start(call_new_shell(box, "", "echo begun; sleep 600"));
  ok(call_wait_output(running, "begun", 30000), "one that runs long");
  is_int(engine_count(box->name), 1, "has a sandbox");
  call_cancel(running);
  ended(call_join(running), CAISSON_OK, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED,
        "a cancel ends it");
  is_int(engine_count(box->name), 0, "and its sandbox");
  call_free(running);
  struct call *starting = call_start(call_new_shell(box, "", "sleep 600"));
  call_cancel(starting);
  call_join(starting);
  is_int(engine_count(box->name), 0, "a cancel while it starts leaves nothing");
  call_free(starting);
  box_close(box);
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) return be_child();
  test_threads();
  test_processes();
  test_slow_start();
  test_instances();
  test_keys();
  test_bad_keys();
  test_conflict();
  test_ephemeral();
  return done_testing();
}
