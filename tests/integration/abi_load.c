/* SPDX-License-Identifier: Apache-2.0 */
/* Many calls: at once, on one session and on many, and one after the other; and nothing of them is
 * left in the host. */
#include "support/host.h"
#include "support/process.h"
#include "tap.h"

#include <signal.h>

#define THREADS 16

static struct box *box;
static atomic_int sigpipes;

static void count_sigpipe(int number) {
  (void)number;
  atomic_fetch_add(&sigpipes, 1);
}

/* A host that keeps no log, since that would grow. */
static void open_box(void) {
  box = box_new(NULL);
  box->host.log = NULL;
  if (box_create(box, NULL, NULL) != CAISSON_OK) BAIL_OUT("create");
}

/* ---- at once --------------------------------------------------------------------------------- */

struct worker {
  pthread_t thread;
  char session[32];
  int number, calls;
  int right, created;
};

/* Each call says who it is and what it got on stdin: nothing may be mixed up. */
static void *work(void *arg) {
  struct worker *w = arg;
  for (int i = 0; i < w->calls; i++) {
    char id[32], code[64];
    snprintf(id, sizeof id, "%d.%d", w->number, i);
    snprintf(code, sizeof code, "cat; exit %d", i % 100);
    CALL c = call_run(call_arg(call_new_shell(box, w->session, code), "stdin", id));
    w->right += c->status == CAISSON_OK && c->result.exit_code == i % 100 &&
                strcmp(call_string(c, "stdout"), id) == 0;
    w->created += (c->result.flags & CAISSON_RESULT_CREATED) != 0;
    if (c->status != CAISSON_OK) diag("%s", call_describe(c));
  }
  return NULL;
}

static void run_workers(const char *session_format, int calls, int *right, int *created) {
  struct worker workers[THREADS] = {0};
  for (int i = 0; i < THREADS; i++) {
    struct worker *w = &workers[i];
    w->number = i;
    w->calls = calls;
    snprintf(w->session, sizeof w->session, "%s%d", session_format,
             session_format[strlen(session_format) - 1] == '-' ? i : 0);
    pthread_create(&w->thread, NULL, work, w);
  }
  *right = *created = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(workers[i].thread, NULL);
    *right += workers[i].right;
    *created += workers[i].created;
  }
}

static void test_one_session(void) {
  int right, created;
  run_workers("shared", 50, &right, &created);
  is_int(right, THREADS * 50, "%d threads with 50 calls each on one session", THREADS);
  is_int(created, 1, "one of which made it");
  CALL list = operation(box, "session.list", NULL, NULL);
  is_int(cJSON_GetArraySize(call_get(list, "sessions")), 1, "there is one container");
}

static void test_many_sessions(void) {
  int right, created;
  run_workers("own-", 10, &right, &created);
  is_int(right, THREADS * 10, "%d threads with 10 calls each on their own sessions", THREADS);
  is_int(created, THREADS, "each made its own");
}

/* ---- one after the other --------------------------------------------------------------------- */

struct usage {
  int fds, threads;
  long kb;
};

static struct usage measure(void) {
  return (struct usage){process_fds(), process_threads(), process_kb("VmRSS")};
}

/* The heap may keep a page here and there; what is lost with each call is more than that. The
 * sanitizer keeps what is freed and finds leaks by itself. */
static void check_usage(const char *what, struct usage before, long most_kb) {
  struct usage now = measure();
  is_int(now.fds, before.fds, "%s: as many descriptors as before", what);
  is_int(now.threads, before.threads, "%s: as many threads", what);
  if (process_is_sanitized() || getenv("CAISSON_SLOW")) return;
  ok(now.kb - before.kb < most_kb, "%s: memory has grown by %ld kB", what, now.kb - before.kb);
}

static void run_true(int n) {
  int right = 0;
  int64_t begun = host_now_ns();
  for (int i = 0; i < n; i++) {
    CALL c = shell(box, "many", "true");
    right += c->status == CAISSON_OK && c->result.exit_code == 0;
  }
  is_int(right, n, "%d calls of true, %.2f ms each", n, (double)(host_now_ns() - begun) / 1e6 / n);
}

static void test_many_calls(void) {
  run_true(200);
  struct usage before = measure();
  run_true(process_is_sanitized() || getenv("CAISSON_SLOW") ? 1000 : 10000);
  check_usage("after them", before, 512);
}

/* Calls that end in every other way, over and over. */
static void run_failures(int n) {
  int right = 0;
  for (int i = 0; i < n; i++) {
    CALL unknown = call_run(call_new(box, "many", "xyzzy"));
    CALL wrong = call_run(call_arg(call_new(box, "many", "shell"), "comand", "true"));
    CALL nowhere = call_run(call_arg(call_new_shell(box, "many", "true"), "cwd", "/nowhere"));
    CALL cancelled = call_new_shell(box, "many", "true");
    call_open(cancelled);
    call_cancel(cancelled);
    call_run(cancelled);
    CALL unrun = call_new_shell(box, "many", "true");
    call_open(unrun);
    right += unknown->status == CAISSON_E_NOT_FOUND && wrong->status == CAISSON_E_ARGUMENTS &&
             nowhere->status == CAISSON_E_ARGUMENTS &&
             cancelled->result.outcome == CAISSON_OUTCOME_CANCELLED;
  }
  is_int(right, n, "%d times five calls that fail", n);
}

static void run_kills(int n) {
  int right = 0;
  for (int i = 0; i < n; i++) {
    CALL timeout =
        call_run(call_arg_number(call_new_shell(box, "many", "sleep 600"), "timeout_ms", 20));
    CALL lost = shell(box, "many", "kill -9 -1; sleep 600");
    right += timeout->result.outcome == CAISSON_OUTCOME_DEADLINE &&
             lost->result.outcome == CAISSON_OUTCOME_LOST;
  }
  is_int(right, n, "%d times a call that is killed and one that is lost", n);
}

static void test_many_failures(void) {
  run_failures(50);
  run_kills(5);
  run_true(1);
  struct usage before = measure();
  run_failures(500);
  run_kills(20);
  run_true(1);
  check_usage("after them", before, 512);
}

static void run_instances(int n) {
  int right = 0;
  for (int i = 0; i < n; i++) {
    open_box();
    CALL c = shell(box, "many", "exit 3");
    right += c->status == CAISSON_OK && c->result.exit_code == 3;
    box_close(box);
  }
  is_int(right, n, "%d instances, one after the other", n);
}

static void test_many_instances(void) {
  run_instances(5);
  struct usage before = measure();
  run_instances(40);
  check_usage("after them", before, 512);
}

/* ---- broken pipes ---------------------------------------------------------------------------- */

static int64_t give_zeros(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx;
  memset(buffer, 0, capacity);
  return (int64_t)capacity;
}

/* The other end goes away while the host writes. */
static void test_broken_pipes(void) {
  for (int i = 0; i < 10; i++) {
    CALL c = call_new_shell(box, "many", "head -c 3000000 >/dev/null; kill -9 -1; sleep 600");
    c->input = give_zeros;
    call_run(c);
    was_lost(c, "a sandbox that is killed while it is fed");
  }
  CALL c = call_new_shell(box, "many", "exec <&-; sleep 0.3; exit 3");
  c->input = give_zeros;
  call_run(c);
  exited(c, 3, "a command that closes what it is fed through");
  is_int(atomic_load(&sigpipes), 0, "SIGPIPE was never raised");
}

int main(void) {
  signal(SIGPIPE, count_sigpipe);
  open_box();
  box_close(box);
  struct usage before = measure();
  open_box();
  test_one_session();
  test_many_sessions();
  box_close(box);
  is_int(process_fds(), before.fds, "no descriptor is left of all the channels");
  open_box();
  test_many_calls();
  test_many_failures();
  test_broken_pipes();
  box_close(box);
  test_many_instances();
  is_int(process_threads(), before.threads, "no thread is left at the end");
  is_int(process_fds(), before.fds, "and no descriptor");
  return done_testing();
}
