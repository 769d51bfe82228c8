/* SPDX-License-Identifier: Apache-2.0 */
/* A cancel ends everything that the call started and nothing else, whichever way it comes and
 * whatever the processes do about it; so does a timeout. */
#include "support/host.h"
#include "tap.h"

#include <time.h>

static struct box *box;

/* ---- what is to be killed -------------------------------------------------------------------- */

struct tree {
  const char *name, *command;
  const char *ready;   /* on its stdout */
  const char *process; /* or so many processes like this, by host_processes() */
  int count;
};

#define TREE                                                                                  \
  "sh -c '(setsid sleep 600 &) ; (trap \"\" TERM; sleep 600) & python3 -c \"import os,time; " \
  "os.fork() or os.setsid() or os.fork() or time.sleep(600)\"; wait'"

static const struct tree trees[] = {
    {"a tree that hides", TREE, NULL, "S sleep 600", 2},
    {"a process that stops itself", "echo ready; kill -STOP $$; sleep 600", "ready", NULL, 0},
    {"a tree of stopped processes",
     "for i in 1 2 3 4; do (setsid sh -c 'kill -STOP $$; sleep 600' &); done; sleep 600", NULL,
     "T sh -c kill -STOP", 4},
    {"a process that ignores every signal it can",
     "for s in $(seq 1 64); do trap '' $s; done 2>/dev/null\n"
     "echo ready; while :; do sleep 600; done",
     "ready", NULL, 0},
    {"64 chains of fork and exit",
     "exec python3 -c 'import os, time\n"
     "def fork():\n"
     "    while True:\n"
     "        try: return os.fork()\n"
     "        except OSError: pass\n"
     "for _ in range(64):\n"
     "    if fork() == 0:\n"
     "        while fork() == 0: pass\n"
     "        os._exit(0)\n"
     "print(\"ready\", flush=True)\n"
     "time.sleep(600)'",
     "ready", NULL, 0},
    {"a fork bomb",
     "exec python3 -c 'import os\n"
     "told = False\n"
     "while True:\n"
     "    try: os.fork()\n"
     "    except OSError:\n"
     "        told = told or os.write(1, b\"ready\\n\")'",
     "ready", NULL, 0},
};

#define TREES (sizeof trees / sizeof *trees)

struct awaited {
  struct call *call;
  const struct tree *tree;
};

static bool stands(void *arg) {
  const struct awaited *a = arg;
  return atomic_load(&a->call->is_done) ||
         host_count_processes(box, a->call->session, a->tree->process) >= a->tree->count;
}

static bool await_tree(struct call *c, const struct tree *tree) {
  struct awaited a = {c, tree};
  bool is_there =
      tree->ready ? call_wait_output(c, tree->ready, 60000) : host_wait(stands, &a, 60000);
  return is_there && !atomic_load(&c->is_done);
}

/* ---- the ways -------------------------------------------------------------------------------- */

static void by_hook(struct call *c) {
  atomic_store(&c->cancel, 1);
}

static void by_call_cancel(struct call *c) {
  is_int(call_cancel(c), CAISSON_OK, "call_cancel returns at once");
}

static atomic_int output_says_no;

static int32_t refuse_output(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  (void)c, (void)stream, (void)bytes, (void)n;
  return atomic_load(&output_says_no);
}

static void by_output(struct call *c) {
  (void)c;
  atomic_store(&output_says_no, 1);
}

static const struct way {
  const char *name;
  void (*cancel)(struct call *c);
} ways[] = {{"hooks.cancelled", by_hook},
            {"call_cancel from another thread", by_call_cancel},
            {"a non-zero return of output", by_output}};

/* ---- the session around it ------------------------------------------------------------------- */

/* The fastest of some calls of `true`: a figure that other work on the machine disturbs little. */
static double usual_ms(void) {
  double best = 1e9;
  for (int i = 0; i < 10; i++) {
    CALL c = shell(box, "a", "true");
    double ms = (double)c->took_ns / 1e6;
    if (c->status == CAISSON_OK && c->result.exit_code == 0 && ms < best) best = ms;
  }
  return best;
}

/* What runs in the session before a call must run after it, and nothing else. */
static void check_session(const char *what, const char *before, double usual) {
  char *after = host_processes(box, "a");
  is_str(after, before, "%s: nothing of it is left, and another call's process still runs", what);
  free(after);
  double now = usual_ms();
  ok(now < 5 * usual + 5, "%s: the next call takes about the usual time (%.2f ms, was %.2f)", what,
     now, usual);
  CALL c = shell(box, "a", "cat kept");
  is_str(call_string(c, "stdout"), "mine\n", "%s: files are there", what);
}

static void check_killed(const struct call *c, const char *what, int64_t since_ns, int most_ms) {
  was_cancelled(c, "%s: it is cancelled", what);
  is_str(call_reason(c), CAISSON_REASON_CANCELLED, "%s: the reason", what);
  is_int(call_number(c, "survivors"), 0, "%s: survivors: 0", what);
  is_int(c->result.flags & (CAISSON_RESULT_SURVIVORS | CAISSON_RESULT_STILL_RUNNING), 0,
         "%s: no flag says otherwise", what);
  int64_t took_ms = (host_now_ns() - since_ns) / 1000000;
  ok(took_ms < host_patience(most_ms), "%s: %lld ms from the cancel to the end", what,
     (long long)took_ms);
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void test_ways(const char *before, double usual) {
  static const struct tree loud = {"", "(while :; do echo tick; sleep 0.02; done) & " TREE, NULL,
                                   "S sleep 600", 2};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    CALL c = call_new_shell(box, "a", loud.command);
    atomic_store(&output_says_no, 0);
    c->on_output = refuse_output;
    call_start(c);
    ok(await_tree(c, &loud), "%s: the tree stands", ways[i].name);
    int64_t since = host_now_ns();
    ways[i].cancel(c);
    call_join(c);
    check_killed(c, ways[i].name, since, 5000);
    call_ok(c, strstr(call_text(c), "tick") && strstr(call_text(c), "[cancelled after"),
            "%s: the text has the output so far, and says what happened", ways[i].name);
    check_session(ways[i].name, before, usual);
  }
}

static void test_trees(const char *before, double usual) {
  for (size_t i = 0; i < TREES; i++) {
    CALL c = call_start(call_new_shell(box, "a", trees[i].command));
    ok(await_tree(c, &trees[i]), "%s: it stands", trees[i].name);
    int64_t since = host_now_ns();
    call_cancel(c);
    call_join(c);
    check_killed(c, trees[i].name, since, 10000);
    check_session(trees[i].name, before, usual);
  }
}

static void test_timeouts(const char *before, double usual) {
  for (size_t i = 0; i < TREES; i++) {
    char what[100];
    snprintf(what, sizeof what, "%s, by timeout", trees[i].name);
    CALL c = call_new_shell(box, "a", trees[i].command);
    call_run(call_arg_number(c, "timeout_ms", 1000));
    was_late(c, "%s: it is ended", what);
    is_int(call_number(c, "survivors"), 0, "%s: survivors: 0", what);
    check_session(what, before, usual);
  }
}

static void test_neighbour(void) {
  CALL other = call_new_shell(box, "a", "until [ -e go ]; do sleep 0.02; done; echo done");
  call_start(other);
  CALL c = call_start(call_new_shell(box, "a", trees[0].command));
  ok(await_tree(c, &trees[0]), "two calls in one session");
  call_cancel(c);
  call_join(c);
  was_cancelled(c, "one is cancelled");
  ok(!atomic_load(&other->is_done), "the other one goes on");
  CALL go = shell(box, "a", "touch go");
  exited(go, 0, "the other one may end");
  exited(call_join(other), 0, "and ends by itself");
  is_str(call_string(other, "stdout"), "done\n", "as if nothing had happened");
}

static atomic_int polls;

static int32_t count_poll(void *ctx) {
  (void)ctx;
  atomic_fetch_add(&polls, 1);
  return 0;
}

/* Every 25 ms is the promise; half of that is what a machine with other work must still show. */
static void test_polling(void) {
  static const char args[] = "{\"command\": \"sleep 1\"}";
  caisson_hooks hooks = {.struct_size = sizeof hooks, .cancelled = count_poll};
  caisson_request request = {.struct_size = sizeof request,
                             .name = {"shell", 5},
                             .args_json = {args, sizeof args - 1},
                             .session = {"a", 1}};
  caisson_result result = {.struct_size = sizeof result};
  uint64_t id;
  is_int(plugin()->call_open(box->id, &request, &id, NULL), CAISSON_OK, "a call of a second");
  is_int(plugin()->call_run(box->id, id, &hooks, &result, NULL), CAISSON_OK, "that says nothing");
  ok(polls >= 20, "asks hooks.cancelled all the while (%d times)", polls);
  plugin()->call_close(box->id, id);
}

static void test_before_the_run(void) {
  CALL c = call_new_shell(box, "never-made", "touch ran");
  call_open(c);
  is_int(call_cancel(c), CAISSON_OK, "a cancel before the run");
  call_run(c);
  was_cancelled(c, "is not lost");
  is_str(call_reason(c), CAISSON_REASON_CANCELLED, "it has its reason");
  CALL i = operation(box, "session.inspect", "never-made", NULL);
  call_ok(i, cJSON_IsFalse(call_get(i, "found")), "nothing was started for it");
  CALL h = call_new_shell(box, "never-made", "touch ran");
  atomic_store(&h->cancel, 1);
  call_run(h);
  was_cancelled(h, "a hook that cancels from the start");
}

static void test_after_the_end(void) {
  const caisson_plugin *p = plugin();
  static const char args[] = "{\"command\": \"exit 3\"}";
  caisson_request request = {.struct_size = sizeof request,
                             .name = {"shell", 5},
                             .args_json = {args, sizeof args - 1},
                             .session = {"a", 1}};
  caisson_result result = {.struct_size = sizeof result};
  uint64_t id;
  is_int(p->call_open(box->id, &request, &id, NULL), CAISSON_OK, "a call");
  is_int(p->call_run(box->id, id, NULL, &result, NULL), CAISSON_OK, "that has ended");
  is_int(p->call_cancel(box->id, id), CAISSON_OK, "can be cancelled");
  is_int(result.outcome, CAISSON_OUTCOME_EXITED, "and keeps its outcome");
  is_int(result.exit_code, 3, "and its exit code");
  is_int(p->call_close(box->id, id), CAISSON_OK, "once it is closed");
  is_int(p->call_cancel(box->id, id), CAISSON_E_NOT_FOUND, "it is not found");
  CALL next = shell(box, "a", "exit 4");
  exited(next, 4, "a late cancel hits no other call");
}

/* ---- while the container starts -------------------------------------------------------------- */

static void cancel_at_progress(struct call *c, const char *note, size_t n) {
  (void)note, (void)n;
  call_cancel(c);
}

/* It may come too late for some delays: then the call just ends. */
static void check_start(struct call *c, const char *session, const char *what) {
  if (c->result.outcome == CAISSON_OUTCOME_EXITED)
    exited(c, 0, "%s: it came after the end", what);
  else
    was_cancelled(c, "%s: it is cancelled", what);
  CALL next = shell(box, session, "echo works");
  exited(next, 0, "%s: the session works after it", what);
  is_str(call_string(next, "stdout"), "works\n", "%s: as it should", what);
}

static void test_during_start(void) {
  CALL c = call_new_shell(box, "start", "true");
  c->on_progress = cancel_at_progress;
  call_run(c);
  was_cancelled(c, "a cancel as the container's start begins");
  call_ok(c, strstr(call_text(c), "nothing was run"), "it says that nothing was run");
  check_start(c, "start", "as the start begins");
  for (int ms = 5; ms <= 400; ms += 45) {
    char session[32], what[64];
    snprintf(session, sizeof session, "start%d", ms);
    snprintf(what, sizeof what, "a cancel %d ms into a start", ms);
    CALL s = call_start(call_new_shell(box, session, "true"));
    struct timespec delay = {.tv_nsec = ms * 1000000L};
    nanosleep(&delay, NULL);
    call_cancel(s);
    check_start(call_join(s), session, what);
    CALL gone = operation(box, "session.remove", session, NULL);
    exited(gone, 0, "%s: the session can be removed", what);
  }
}

static void test_ephemeral_start(void) {
  for (int ms = 40; ms <= 240; ms += 100) {
    CALL s = call_start(call_new_shell(box, "", "sleep 600"));
    struct timespec delay = {.tv_nsec = ms * 1000000L};
    nanosleep(&delay, NULL);
    call_cancel(s);
    was_cancelled(call_join(s), "a sandbox of the call's own, cancelled after %d ms", ms);
  }
  CALL list = operation(box, "session.list", NULL, NULL);
  call_ok(list, !strstr(list->text, "\"key\":\"\""), "none of those sandboxes is left");
}

int main(void) {
  box = box_open(NULL);
  CALL setup = shell(box, "a", "echo mine > kept; sleep 9999 >/dev/null 2>&1 &");
  exited(setup, 0, "a session with a file and a process of its own");
  char *before = host_processes(box, "a");
  ok(before && strstr(before, "S sleep 9999"), "the process runs");
  double usual = usual_ms();
  test_ways(before, usual);
  test_trees(before, usual);
  test_timeouts(before, usual);
  test_neighbour();
  test_polling();
  test_before_the_run();
  test_after_the_end();
  test_during_start();
  test_ephemeral_start();
  CALL list = operation(box, "session.inspect", "a", NULL);
  CALL last = shell(box, "a", "cat kept");
  is_str(call_string(last, "stdout"), "mine\n", "the session has lived through it all");
  call_ok(list, call_is_true(list, "ready"), "and is ready");
  free(before);
  box_close(box);
  return done_testing();
}
