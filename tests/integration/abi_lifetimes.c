/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that mean nothing, calls in the wrong state, functions in the wrong place, forks, and the end
 * of an instance. */
#include "integration/abi_raw.h"
#include "support/process.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- ids and states -------------------------------------------------------------------------- */

static void test_ids(void) {
  caisson_result result = {.struct_size = sizeof result};
  caisson_request request = request_for("c", EXIT_3);
  caisson_str json;
  uint64_t id = 0;
  static const uint64_t none[] = {0, UINT64_MAX, 999999999};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    is_int(p->describe(none[i], &json), CAISSON_E_NOT_FOUND, "describe of no instance");
    is_int(p->call_open(none[i], &request, &id, NULL), CAISSON_E_NOT_FOUND, "call_open in none");
    is_int(p->call_run(box->id, none[i], NULL, &result, NULL), CAISSON_E_NOT_FOUND,
           "run of no call");
    is_int(p->call_cancel(box->id, none[i]), CAISSON_E_NOT_FOUND, "cancel of no call");
    is_int(p->call_close(box->id, none[i]), CAISSON_E_NOT_FOUND, "close of no call");
    is_int(p->drain(none[i], 0), CAISSON_E_NOT_FOUND, "drain of no instance");
    is_int(p->destroy(none[i]), CAISSON_E_NOT_FOUND, "destroy of no instance");
  }
  is_int(p->describe(box->id, NULL), CAISSON_E_INVALID, "describe to nowhere");
  struct box *other = box_open_as("o", NULL);
  uint64_t call = open_call("c", EXIT_3);
  is_int(p->describe(call, &json), CAISSON_E_NOT_FOUND, "a call is no instance");
  is_int(p->call_cancel(box->id, box->id), CAISSON_E_NOT_FOUND, "an instance is no call");
  is_int(p->call_run(other->id, call, NULL, &result, NULL), CAISSON_E_NOT_FOUND,
         "another instance's call is not found");
  is_int(p->call_cancel(other->id, call), CAISSON_E_NOT_FOUND, "nor cancelled");
  is_int(p->call_close(other->id, call), CAISSON_E_NOT_FOUND, "nor closed");
  is_int(p->call_close(box->id, call), CAISSON_OK, "but by its own");
  is_int(p->call_close(box->id, call), CAISSON_E_NOT_FOUND, "once");
  uint64_t next = open_call("c", EXIT_3);
  ok(next != call && next != 0, "its id is not given again");
  p->call_close(box->id, next);
  uint64_t gone = other->id;
  box_close(other);
  is_int(p->describe(gone, &json), CAISSON_E_NOT_FOUND,
         "an instance that was destroyed is not found");
  is_int(p->destroy(gone), CAISSON_E_NOT_FOUND, "nor destroyed again");
}

static void test_states(void) {
  caisson_result result = {.struct_size = sizeof result};
  caisson_error err = {.struct_size = sizeof err};
  uint64_t id = open_call("c", EXIT_3);
  is_int(p->call_run(box->id, id, NULL, &result, NULL), CAISSON_OK, "a call runs once");
  const char *text = result.json.data;
  char *copy = strdup(text);
  is_int(p->call_run(box->id, id, NULL, &result, &err), CAISSON_E_STATE, "not twice");
  is_str(err.reason, CAISSON_REASON_ABI_STATE, "with its reason");
  ok(result.json.data == text && strcmp(text, copy) == 0,
     "its result stays readable until the close");
  free(copy);
  p->call_close(box->id, id);

  CALL running = call_start(call_new_shell(box, "c", "echo ready; sleep 600"));
  ok(call_wait_output(running, "ready", 20000), "a call that runs");
  is_int(p->call_close(box->id, running->id), CAISSON_E_STATE, "is not closed");
  caisson_result again = {.struct_size = sizeof again};
  is_int(p->call_run(box->id, running->id, NULL, &again, NULL), CAISSON_E_STATE, "nor run again");
  call_cancel(running);
  call_join(running);
  was_cancelled(running, "and goes on");
}

/* ---- from inside a hook ---------------------------------------------------------------------- */

static int32_t from_hook[4];

static int32_t try_from_hook(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  caisson_str json;
  (void)stream, (void)bytes, (void)n;
  from_hook[0] = p->destroy(c->box->id);
  from_hook[1] = p->drain(c->box->id, 0);
  from_hook[2] = p->call_close(c->box->id, c->id);
  from_hook[3] = p->describe(c->box->id, &json);
  return 0;
}

static void test_from_a_hook(void) {
  CALL c = call_new_shell(box, "c", "echo out; exit 3");
  c->on_output = try_from_hook;
  call_run(c);
  is_int(from_hook[0], CAISSON_E_STATE, "destroy from a hook is refused");
  is_int(from_hook[1], CAISSON_E_STATE, "and drain, which would wait for itself");
  is_int(from_hook[2], CAISSON_E_STATE, "and to close the running call");
  is_int(from_hook[3], CAISSON_OK, "describe is not");
  exited(c, 3, "and the call goes on");
}

static int32_t try_outer(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  (void)c, (void)stream, (void)bytes, (void)n;
  from_hook[0] = p->destroy(box->id);
  from_hook[1] = p->drain(box->id, 0);
  return 0;
}

/* A hook that runs a call of another instance, from whose hook it reaches for the first. */
static int32_t run_nested(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  (void)c, (void)stream, (void)bytes, (void)n;
  struct box *other = box_open_as("n", NULL);
  CALL inner = call_new_shell(other, "c", "echo in; exit 3");
  inner->on_output = try_outer;
  call_run(inner);
  exited(inner, 3, "a call inside another's hook ends");
  call_free(inner);
  inner = NULL;
  box_close(other);
  return 0;
}

static void test_from_a_hook_in_a_hook(void) {
  CALL c = call_new_shell(box, "c", "echo out; exit 3");
  c->on_output = run_nested;
  memset(from_hook, 0, sizeof from_hook);
  call_run(c);
  is_int(from_hook[0], CAISSON_E_STATE, "destroy of the outer instance is refused there too");
  is_int(from_hook[1], CAISSON_E_STATE, "and drain");
  exited(c, 3, "and the outer call goes on");
}

/* ---- forks ----------------------------------------------------------------------------------- */

/* What the child found, as the number of functions that did not say CAISSON_E_FORKED. */
static int count_wrong_in_fork(uint64_t call) {
  caisson_result result = {.struct_size = sizeof result};
  caisson_request request = request_for("c", EXIT_3);
  caisson_error err = {.struct_size = sizeof err};
  caisson_str json;
  uint64_t id;
  int wrong = 0;
  wrong += p->create(&box->host, NULL, 0, &id, &err) != CAISSON_E_FORKED;
  wrong += strcmp(err.reason, CAISSON_REASON_ABI_FORKED) != 0;
  wrong += p->describe(box->id, &json) != CAISSON_E_FORKED;
  wrong += p->call_open(box->id, &request, &id, &err) != CAISSON_E_FORKED;
  wrong += p->call_run(box->id, call, NULL, &result, &err) != CAISSON_E_FORKED;
  wrong += p->call_cancel(box->id, call) != CAISSON_E_FORKED;
  wrong += p->call_close(box->id, call) != CAISSON_E_FORKED;
  wrong += p->drain(box->id, 0) != CAISSON_E_FORKED;
  wrong += p->destroy(box->id) != CAISSON_E_FORKED;
  return wrong;
}

/* What a fork finds out, or -1 if it died over it. It ends without a word, since a checker of
 * memory would take what the parent's other threads hold for lost. */
static int ask_fork(int (*find_out)(uint64_t arg), uint64_t arg) {
  int *found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *found = -1;
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    *found = find_out(arg);
    raise(SIGKILL);
  }
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
  int answer = *found;
  munmap(found, sizeof *found);
  return answer;
}

static void test_fork(void) {
  uint64_t call = open_call("c", EXIT_3);
  CALL running = call_start(call_new_shell(box, "c", "echo ready; sleep 600"));
  ok(call_wait_output(running, "ready", 20000), "a fork while a call runs");
  is_int(ask_fork(count_wrong_in_fork, call), 0,
         "every function says CAISSON_E_FORKED to the child");
  ok(!atomic_load(&running->is_done), "the parent's call goes on");
  call_cancel(running);
  was_cancelled(call_join(running), "and ends as it should");
  p->call_close(box->id, call);
  CALL after = shell(box, "c", "exit 4");
  exited(after, 4, "and the parent's instance works");
}

static int create_in_fork(uint64_t unused) {
  caisson_host host = {.struct_size = sizeof host, .name = "child", .version = "1"};
  uint64_t id = 0;
  (void)unused;
  int32_t rc = p->create(&host, NULL, 0, &id, NULL);
  return rc == CAISSON_OK && id ? p->destroy(id) : rc;
}

/* A pre-forking server loads the plugin, forks, and makes its instances in each child. */
static void test_fork_before(void) {
  is_int(ask_fork(create_in_fork, 0), CAISSON_OK, "instances can be made after a fork");
}

/* ---- the end --------------------------------------------------------------------------------- */

static void *drain_generously(void *arg) {
  struct box *b = arg;
  return (void *)(intptr_t)(p->drain(b->id, 60000) == CAISSON_OK);
}

static bool refuses(void *arg) {
  struct box *b = arg;
  caisson_request request = request_for("d", EXIT_3);
  uint64_t id = 0;
  int32_t rc = p->call_open(b->id, &request, &id, NULL);
  if (id) p->call_close(b->id, id);
  return rc == CAISSON_E_DRAINING;
}

static void test_drain_waits(void) {
  struct box *b = box_open_as("d", NULL);
  is_int(p->drain(b->id, 0), CAISSON_OK, "a drain with nothing to wait for");
  is_int(p->drain(b->id, 0), CAISSON_OK, "and again");
  ok(refuses(b), "afterwards no call can be opened");
  box_close(b);

  b = box_open_as("d", NULL);
  CALL early = call_new_shell(b, "d", "touch ran");
  call_open(early);
  CALL c = call_start(
      call_new_shell(b, "d", "touch kept; echo ready; until [ -e go ]; do sleep 0.02; done"));
  ok(call_wait_output(c, "ready", 20000), "a call that runs");
  CALL other = call_start(call_new_shell(b, "d", "echo ready; sleep 0.5; touch go"));
  ok(call_wait_output(other, "ready", 20000), "and another");
  pthread_t thread;
  void *all_ended;
  pthread_create(&thread, NULL, drain_generously, b);
  ok(host_wait(refuses, b, 20000), "a drain refuses new calls at once");
  call_run(early);
  did_not_start(early, CAISSON_E_DRAINING, "also those that were opened before");
  pthread_join(thread, &all_ended);
  ok(all_ended, "and lets those end that run");
  exited(call_join(c), 0, "by themselves");
  exited(call_join(other), 0, "all of them");
  box_close(b);

  b = box_open_as("d", NULL);
  CALL next = shell(b, "d", "ls kept ran");
  is_str(call_string(next, "stdout"), "kept\n", "the sandbox and its files outlive the instance");
  is_int(next->result.flags, 0, "the next one adopts it");
  box_close(b);
}

static void test_drain_cancels(void) {
  struct box *b = box_open_as("d", NULL);
  CALL c = call_start(call_new_shell(b, "d", "echo ready; sleep 600"));
  ok(call_wait_output(c, "ready", 20000), "a call that does not end");
  is_int(p->drain(b->id, 200), CAISSON_E_DEADLINE, "is cancelled when the grace is over");
  was_cancelled(call_join(c), "and told so");
  box_close(b);
}

/* A call whose host looks at nothing but the numbers: destroy may have taken the document away. */
struct raw_run {
  uint64_t instance, call;
  int32_t status, outcome;
  atomic_int is_running;
};

static int32_t note_running(void *ctx) {
  struct raw_run *r = ctx;
  atomic_store(&r->is_running, 1);
  return 0;
}

static void *run_raw(void *arg) {
  struct raw_run *r = arg;
  caisson_hooks hooks = {.struct_size = sizeof hooks, .ctx = r, .cancelled = note_running};
  caisson_result result = {.struct_size = sizeof result};
  r->status = p->call_run(r->instance, r->call, &hooks, &result, NULL);
  r->outcome = result.outcome;
  return NULL;
}

static bool is_running(void *arg) {
  struct raw_run *r = arg;
  return atomic_load(&r->is_running);
}

static void test_destroy_while_running(void) {
  struct box *b = box_open_as("d", NULL);
  int threads = process_threads();
  struct raw_run runs[4];
  pthread_t ids[4];
  for (int i = 0; i < 4; i++) {
    caisson_request request = request_for("d", "{\"command\": \"sleep 600\"}");
    runs[i] = (struct raw_run){.instance = b->id};
    p->call_open(b->id, &request, &runs[i].call, NULL);
    pthread_create(&ids[i], NULL, run_raw, &runs[i]);
    ok(host_wait(is_running, &runs[i], 20000), "call %d runs", i);
  }
  uint64_t never_run;
  caisson_request request = request_for("d", EXIT_3);
  p->call_open(b->id, &request, &never_run, NULL);
  is_int(p->destroy(b->id), CAISSON_OK, "destroy with calls that run and calls that never ran");
  is_int(p->call_close(b->id, never_run), CAISSON_E_NOT_FOUND, "closes them");
  for (int i = 0; i < 4; i++) {
    pthread_join(ids[i], NULL);
    is_int(runs[i].status, CAISSON_OK, "call %d ends", i);
    is_int(runs[i].outcome, CAISSON_OUTCOME_CANCELLED, "cancelled");
  }
  b->id = 0;
  ok(process_threads() <= threads, "no thread of the plugin is left");
  box_close(b);
}

static void *destroy(void *arg) {
  struct raw_run *r = arg;
  r->status = p->destroy(r->instance);
  return NULL;
}

static void test_destroy_twice_at_once(void) {
  for (int round = 0; round < 20; round++) {
    struct box *b = box_open_as("t", NULL);
    struct raw_run ends[2] = {{.instance = b->id}, {.instance = b->id}};
    pthread_t ids[2];
    for (int i = 0; i < 2; i++) pthread_create(&ids[i], NULL, destroy, &ends[i]);
    for (int i = 0; i < 2; i++) pthread_join(ids[i], NULL);
    ok(ends[0].status + ends[1].status == CAISSON_E_NOT_FOUND,
       "of two threads that destroy it one does");
    b->id = 0;
    box_close(b);
  }
}

int main(void) {
  p = plugin();
  test_fork_before();
  free(host_instance_name(NULL)); /* the janitor has a descriptor of its own */
  int threads = process_threads(), fds = process_fds();
  box = box_open(NULL);
  test_ids();
  test_states();
  test_from_a_hook();
  test_from_a_hook_in_a_hook();
  test_fork();
  test_drain_waits();
  test_drain_cancels();
  test_destroy_while_running();
  test_destroy_twice_at_once();
  box_close(box);
  is_int(process_threads(), threads, "no thread is left at the end");
  is_int(process_fds(), fds, "and no descriptor");
  return done_testing();
}
