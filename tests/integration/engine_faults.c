/* An engine that fails at any point of a session's start or adoption, in any way: each call ends
 * with a clear error or recovers, nothing is left behind, and the next call works. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/host.h"
#include "support/process.h"
#include "tap.h"

/* ---- what fails, and how -------------------------------------------------------------------- */

struct exchange {
  const char *what, *method, *path;
};

static const struct exchange starting[] = {
    {"the look-up", "GET", "containers/caisson-[^/]+/json$"},
    {"the look at the image", "GET", "/images/"},
    {"the list of ids in use", "GET", "/containers/json"},
    {"the create", "POST", "/containers/create"},
    {"the attach", "POST", "/attach"},
    {"the start", "POST", "/containers/[0-9a-f]+/start$"},
    {"the look at what was started", "GET", "containers/[0-9a-f]{64}/json$"},
};

static const struct exchange adopting[] = {
    {"the look-up", "GET", "containers/caisson-[^/]+/json$"},
    {"the making of an exec", "POST", "/exec$"},
    {"the start of an exec", "POST", "/exec/[0-9a-f]+/start$"},
};

struct fault {
  const char *what, *rule;
  enum { ENDS, STALLS, LIES } kind; /* LIES: it says 200 to what it has not done */
  bool is_basic;                    /* worth trying on questions too, not only on what changes something */
};

static const struct fault faults[] = {
    {"is never answered", "\"silent\":true", STALLS, true},
    {"is done and never answered", "\"to_client\":{\"stall_after\":0}", STALLS, false},
    {"is done and reset", "\"to_client\":{\"reset_after\":0}", ENDS, true},
    {"is answered by half a head and a reset", "\"to_client\":{\"reset_after\":30}", ENDS, false},
    {"is refused with 500", "\"respond\":{\"status\":500,\"json\":{\"message\":\"scripted\"}}",
     ENDS, true},
    {"is refused with 403", "\"respond\":{\"status\":403,\"json\":{\"message\":\"scripted\"}}",
     ENDS, false},
    {"is answered by half of a JSON", "\"respond\":{\"status\":200,\"body\":\"{\\\"Id\\\": \\\"ab\"}",
     LIES, true},
    {"is answered by another JSON", "\"respond\":{\"status\":200,\"json\":{\"Id\":7}}", LIES, false},
    {"is answered without end", "\"respond\":{\"status\":200,\"endless\":true}", ENDS, false},
    {"is answered by what is no HTTP", "\"raw\":\"go away\\r\\n\\r\\n\"", ENDS, false},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct proxy *proxy_with(const struct exchange *x, const struct fault *f) {
  char scenario[1024];
  snprintf(scenario, sizeof scenario,
           "{\"rules\":[{\"method\":\"%s\",\"path\":\"%s\",\"times\":1,%s}]}", x->method, x->path,
           f->rule);
  return proxy_start(scenario);
}

/* A failure that somebody can understand: of the engine, with a reason, with words. */
static bool is_clear(const struct call *c) {
  return c->status == CAISSON_E_ENGINE && c->result.outcome == CAISSON_OUTCOME_NONE &&
         strlen(c->err.message) > 20 && !strchr(c->err.message, '\n') &&
         (strncmp(c->err.reason, "engine.", 7) == 0 || strncmp(c->err.reason, "helper.", 7) == 0) &&
         *call_string(c, "error.hint");
}

static bool is_tried(const struct exchange *x, const struct fault *f) {
  return f->is_basic || strcmp(x->method, "POST") == 0;
}

/* Calls until one has met the fault: on a slow machine a deadline may come sooner than it. */
static struct call *call_into(struct proxy *proxy, struct box *box, bool is_stall) {
  for (uint64_t ms = is_stall ? 600 : 30000;; ms *= 4) {
    struct call *c = call_new_shell(box, "s", "echo fine");
    c->deadline_ms = ms;
    call_run(c);
    if (proxy_met(proxy)) return c;
    if (ms >= 30000) BAIL_OUT("the fault is never met: %s", call_describe(c));
    call_free(c);
  }
}

static void meet(struct proxy *proxy, struct box *box, const struct exchange *x,
                 const struct fault *f) {
  /* An engine that says it has started something, and has not, is one that stalls. */
  bool is_stall = f->kind == STALLS || (f->kind == LIES && strstr(x->path, "/start"));
  CALL c = call_into(proxy, box, is_stall);
  if (is_stall && (f->kind == STALLS || c->status == CAISSON_OK)) {
    ended(c, CAISSON_OK, CAISSON_OUTCOME_DEADLINE, CAISSON_EXIT_DEADLINE, "%s %s: the deadline ends it",
          x->what, f->what);
    int64_t late = c->took_ns / 1000000 - (int64_t)c->deadline_ms;
    call_ok(c, late < host_patience(2000), "in time");
    return;
  }
  bool recovered = call_has_ended(c, CAISSON_OK, CAISSON_OUTCOME_EXITED, 0);
  call_ok(c, recovered || is_clear(c), "%s %s: %s", x->what, f->what,
          recovered ? "it goes on" : c->err.reason);
}

static void check_recovers(struct box *box) {
  CALL next = shell(box, "s", "echo fine");
  exited(next, 0, "the next call works");
}

/* ---- at the start --------------------------------------------------------------------------- */

static void test_start(const struct exchange *x, const struct fault *f) {
  struct proxy *proxy = proxy_with(x, f);
  int fds = process_fds();
  struct box *box = box_open_as(".start", proxy->settings);
  meet(proxy, box, x, f);
  CALL look = operation(box, "session.inspect", "s", NULL);
  is_int(engine_count(box->name), call_is_true(look, "ready"), "no container is left that cannot work");
  check_recovers(box);
  CALL rm = operation(box, "session.remove", "s", NULL);
  exited(rm, 0, "it is removed");
  is_int(engine_count(box->name), 0, "and was the only one");
  box_close(box);
  is_int(process_fds(), fds, "no descriptor is left");
  proxy_stop(proxy);
}

/* It ran, and its helper was heard; what it was to report of itself is cut off. Nothing was used, so
 * nothing was lost: the next one is no second one. */
static void test_unreported(void) {
  struct proxy *proxy = proxy_start("{\"rules\":[{\"method\":\"POST\",\"path\":\"/attach\",\"times\":1,"
                                    "\"to_client\":{\"reset_after\":2000}}]}");
  struct box *box = box_open_as(".start", proxy->settings);
  CALL c = shell(box, "s", "echo fine");
  call_ok(c, proxy_met(proxy) && c->status == CAISSON_E_LOST && *c->err.reason,
          "a start without the helper's report fails");
  is_int(engine_count(box->name), 0, "and leaves nothing");
  CALL next = shell(box, "s", "echo fine");
  exited(next, 0, "the next call works");
  is_int(next->result.flags, CAISSON_RESULT_CREATED, "in the first sandbox of its session");
  CALL rm = operation(box, "session.remove", "s", NULL);
  exited(rm, 0, "it is removed");
  box_close(box);
  proxy_stop(proxy);
}

/* ---- at an adoption ------------------------------------------------------------------------- */

static void test_adopt(struct box *maker, const struct exchange *x, const struct fault *f) {
  struct proxy *proxy = proxy_with(x, f);
  int fds = process_fds();
  struct box *box = box_open_as(".adopt", proxy->settings);
  meet(proxy, box, x, f);
  check_recovers(box);
  box_close(box);
  is_int(process_fds(), fds, "no descriptor is left");
  proxy_stop(proxy);
  CALL still = shell(maker, "s", "cat file");
  ok(still->out.data && strcmp(still->out.data, "kept\n") == 0, "the session is what it was");
}

/* ---- cancel --------------------------------------------------------------------------------- */

static bool has_asked(void *arg) {
  const struct call *c = arg;
  return c->took_ns != 0 || atomic_load(&c->is_running);
}

static void test_cancel(const struct exchange *x) {
  static const struct fault stall = {"is never answered", "\"silent\":true", STALLS, true};
  struct proxy *proxy = proxy_with(x, &stall);
  struct box *box = box_open_as(".start", proxy->settings);
  CALL c = call_start(call_new_shell(box, "s", "true"));
  host_wait(has_asked, c, 10000);
  usleep(400000); /* it hangs by now; if not, the cancel just comes sooner */
  int64_t begin = host_now_ns();
  call_cancel(c);
  ended(call_join(c), CAISSON_OK, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED,
        "%s hangs: a cancel ends it", x->what);
  int64_t ms = (host_now_ns() - begin) / 1000000;
  ok(ms < host_patience(600), "at once (%d ms)", (int)ms);
  is_int(engine_count(box->name), 0, "and leaves nothing");
  box_close(box);
  proxy_stop(proxy);
}

/* An engine that hangs as a whole cannot clear up either: that is bounded too. */
static void test_frozen(void) {
  struct proxy *proxy = proxy_start("{\"rules\":[]}");
  struct box *box = box_open_as(".frozen", proxy->settings);
  CALL warm = shell(box, "warm", "true");
  exited(warm, 0, "a session");
  proxy_freeze(proxy);
  CALL c = call_new_shell(box, "cold", "true");
  c->deadline_ms = 300;
  call_run(c);
  ended(c, CAISSON_OK, CAISSON_OUTCOME_DEADLINE, CAISSON_EXIT_DEADLINE, "an engine that hangs");
  ok(c->took_ns < (int64_t)host_patience(7000) * 1000000, "holds a call up for a bounded time (%d ms)",
     (int)(c->took_ns / 1000000));
  proxy_freeze(proxy);
  CALL next = shell(box, "cold", "true");
  exited(next, 0, "when it goes on the next call works");
  box_close(box);
  proxy_stop(proxy);
}

/* ---- in the middle of a call ---------------------------------------------------------------- */

static bool is_idle(void *box) {
  return host_count_processes(box, "s", "sleep 4321") == 0;
}

static void test_gone_in_a_call(void) {
  struct proxy *proxy = proxy_start("{\"rules\":[]}");
  struct box *box = box_open_as(".mid", proxy->settings), *direct = box_open_as(".mid", NULL);
  CALL c = call_start(call_new_shell(box, "s", "echo kept > file; echo begun; sleep 4321"));
  call_wait_output(c, "begun", 30000);
  int64_t begin = host_now_ns();
  proxy_stop(proxy);
  ended(call_join(c), CAISSON_OK, CAISSON_OUTCOME_LOST, CAISSON_EXIT_UNKNOWN,
        "an engine that goes away in the middle of a call");
  is_str(call_reason(c), CAISSON_REASON_ENGINE_UNREACHABLE, "is told as what it is");
  ok(host_now_ns() - begin < (int64_t)host_patience(3000) * 1000000, "at once");
  CALL dead = shell(box, "s", "true");
  call_ok(dead, is_clear(dead), "the next call fails clearly as long as it is gone");
  ok((dead->err.flags & CAISSON_ERROR_RETRYABLE) != 0, "and can be tried again");
  ok(host_wait(is_idle, direct, 5000), "the command was killed when its host was gone");
  CALL file = shell(direct, "s", "cat file");
  ok(file->out.data && strcmp(file->out.data, "kept\n") == 0, "its files are there");
  box_close(box);
  box_close(direct);
}

/* ---- no engine ------------------------------------------------------------------------------ */

static int32_t try_create(const char *endpoint, bool lazy, caisson_error *err) {
  char settings[256];
  struct box *box = box_new(".none");
  snprintf(settings, sizeof settings, "{\"engine\":{\"endpoint\":\"%s\",\"lazy\":%s}}", endpoint,
           lazy ? "true" : "false");
  *err = (caisson_error){.struct_size = sizeof *err};
  int32_t rc = box_create(box, settings, err);
  if (rc == CAISSON_OK) {
    CALL c = shell(box, "s", "true");
    rc = c->status;
    *err = c->err;
    call_ok(c, is_clear(c), "the first call finds out");
  }
  box_close(box);
  return rc;
}

/* A socket in a folder of its own; listening or not. */
static int make_socket(char path[108], bool listening, mode_t mode) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char dir[] = "/tmp/caisson-faults-XXXXXX";
  if (!mkdtemp(dir)) BAIL_OUT("no folder in /tmp");
  chmod(dir, 0755);
  snprintf(path, 108, "%s/s", dir);
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
    BAIL_OUT("%s: %s", path, strerror(errno));
  if (listening && listen(fd, 16) != 0) BAIL_OUT("listen");
  chmod(path, mode);
  return fd;
}

static void remove_socket(int fd, char path[108]) {
  close(fd);
  unlink(path);
  *strrchr(path, '/') = '\0';
  rmdir(path);
}

static void test_none(bool lazy) {
  caisson_error err;
  char path[108], endpoint[128];
  const char *how = lazy ? "by a call" : "by create";
  is_int(try_create("unix:///nowhere/at/all.sock", lazy, &err), CAISSON_E_ENGINE,
         "a socket that does not exist, found out %s", how);
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "is engine.unreachable");
  ok(strstr(err.message, "/nowhere/at/all.sock") && strstr(err.message, "start the engine"),
     "with its name and what to do");
  is_int(err.sys_errno, ENOENT, "and errno");
  int fd = make_socket(path, false, 0666);
  snprintf(endpoint, sizeof endpoint, "unix://%s", path);
  is_int(try_create(endpoint, lazy, &err), CAISSON_E_ENGINE, "one that nobody listens on");
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "likewise");
  ok(err.flags & CAISSON_ERROR_RETRYABLE && err.sys_errno == ECONNREFUSED, "and may come back");
  remove_socket(fd, path);
  is_int(try_create("tcp://127.0.0.1:1", lazy, &err), CAISSON_E_ENGINE, "a port that is closed");
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "likewise");
}

static void test_deaf(void) {
  caisson_error err;
  char path[108], endpoint[128];
  int fd = make_socket(path, true, 0666);
  snprintf(endpoint, sizeof endpoint, "unix://%s", path);
  int64_t begin = host_now_ns();
  is_int(try_create(endpoint, false, &err), CAISSON_E_ENGINE, "an engine that takes no connection up");
  int64_t ms = (host_now_ns() - begin) / 1000000;
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "is engine.unreachable");
  ok(ms >= 1900 && ms < host_patience(4000), "after 2 s (%d ms)", (int)ms);
  remove_socket(fd, path);
}

static void test_other(void) {
  static const struct {
    const char *what, *rule, *reason;
  } cases[] = {
      {"no HTTP", "\"raw\":\"SSH-2.0-OpenSSH_9.2\\r\\n\"", CAISSON_REASON_ENGINE_PROTOCOL},
      {"another server", "\"respond\":{\"status\":404,\"headers\":{\"Api-Version\":null},\"body\":"
                         "\"not here\"}", ""},
      {"an engine of long ago", "\"respond\":{\"headers\":{\"Api-Version\":\"1.24\"},\"body\":\"OK\"}",
       CAISSON_REASON_ENGINE_VERSION},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    char scenario[512];
    caisson_error err;
    snprintf(scenario, sizeof scenario, "{\"rules\":[{\"path\":\"_ping\",%s}]}", cases[i].rule);
    struct proxy *proxy = proxy_start_alone(scenario);
    is_int(try_create(proxy->endpoint, false, &err), CAISSON_E_ENGINE, "%s at the endpoint",
           cases[i].what);
    if (!ok(strstr(err.reason, cases[i].reason) && strlen(err.message) > 20, "is told as what it is"))
      diag("%s: %s", err.reason, err.message);
    proxy_stop(proxy);
  }
}

/* Another user: it has to be another process, made before this one has an instance. */
static void test_permission(void) {
  char path[108], endpoint[192];
  int fd = make_socket(path, true, 0), status = 0, report[2];
  caisson_error err = {.struct_size = sizeof err};
  snprintf(endpoint, sizeof endpoint, "{\"engine\":{\"endpoint\":\"unix://%s\"}}", path);
  struct box *box = box_new(".denied");
  plugin();
  if (pipe(report) != 0) BAIL_OUT("no pipe");
  (void)fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(2);
    int32_t rc = box_create(box, endpoint, &err);
    ssize_t n = write(report[1], &err, sizeof err);
    _exit(rc == CAISSON_E_ENGINE && n == sizeof err ? 0 : 1);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid) BAIL_OUT("fork");
  ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a user who may not use the socket");
  close(report[1]);
  if (read(report[0], &err, sizeof err) != sizeof err) BAIL_OUT("no report");
  close(report[0]);
  is_str(err.reason, CAISSON_REASON_ENGINE_PERMISSION, "is engine.permission");
  ok(strstr(err.message, path) && strstr(err.message, "group"), "with its name and what to do");
  is_int(err.sys_errno, EACCES, "and errno");
  box_close(box);
  remove_socket(fd, path);
}

int main(void) {
  test_permission();
  test_none(false);
  test_none(true);
  test_deaf();
  test_other();
  for (size_t i = 0; i < COUNT(starting); i++)
    for (size_t k = 0; k < COUNT(faults); k++)
      if (is_tried(&starting[i], &faults[k])) test_start(&starting[i], &faults[k]);
  test_unreported();
  struct box *maker = box_open_as(".adopt", NULL);
  CALL made = shell(maker, "s", "echo kept > file");
  exited(made, 0, "a session to be adopted");
  for (size_t i = 0; i < COUNT(adopting); i++)
    for (size_t k = 0; k < COUNT(faults); k++)
      if (is_tried(&adopting[i], &faults[k])) test_adopt(maker, &adopting[i], &faults[k]);
  box_close(maker);
  for (size_t i = 0; i < COUNT(starting); i++) test_cancel(&starting[i]);
  test_frozen();
  test_gone_in_a_call();
  return done_testing();
}
