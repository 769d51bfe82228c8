/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of caisson.async/1 for hosts that are right and hosts that are not, on an instance whose
 * engine does not answer: its calls end soon, in an error that has the whole way behind it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "caisson.h"
#include "support/process.h"
#include "support/refuse.h"
#include "tap.h"

#define CONFIG "{\"config_version\": 1, \"engine\": {\"lazy\": true, \"endpoint\": \"unix:///nowhere\"}}"
#define QUEUES 1024 /* as caisson.h has it */
#define TEXT(s) {s, sizeof(s) - 1}

static const caisson_plugin *p;
static const caisson_async *a;
static uint64_t box;
static int gate_answer; /* of the host's gate: 1 refuses */
static atomic_int gate_asked, gate_waits, gate_open;
static int32_t from_gate;
static uint64_t gate_queue; /* what a callback may not close */

static int32_t allow(void *ctx, uint32_t flags, const caisson_str *name, const caisson_str *session,
                     const caisson_str *args, char *words, uint64_t capacity) {
  (void)ctx, (void)flags, (void)name, (void)session, (void)args;
  (void)snprintf(words, capacity, "no");
  if (gate_queue) from_gate = a->queue_close(gate_queue);
  atomic_fetch_add(&gate_asked, 1);
  if (atomic_load(&gate_waits))
    for (int i = 0; i < 60000 && !atomic_load(&gate_open); i++) poll(NULL, 0, 1);
  return gate_answer;
}

static const void *get_extension(void *ctx, const char *id) {
  static const caisson_gate gate = {.struct_size = sizeof gate, .allow = allow};
  (void)ctx;
  return strcmp(id, CAISSON_EXT_GATE) == 0 ? &gate : NULL;
}

static const caisson_host host = {.struct_size = sizeof host,
                                  .abi_minor = CAISSON_ABI_MINOR,
                                  .name = "",
                                  .version = "",
                                  .get_extension = get_extension};

static uint64_t create(void) {
  uint64_t id = 0;
  if (p->create(&host, CONFIG, sizeof CONFIG - 1, &id, NULL) != CAISSON_OK) BAIL_OUT("create");
  return id;
}

static uint64_t open_call(uint64_t instance) {
  caisson_request request = {.struct_size = sizeof request,
                             .name = TEXT("shell"),
                             .args_json = TEXT("{\"command\":\"true\"}"),
                             .session = TEXT("a")};
  uint64_t id = 0;
  if (p->call_open(instance, &request, &id, NULL) != CAISSON_OK) BAIL_OUT("call_open");
  return id;
}

static uint64_t open_queue(uint64_t instance, int32_t *fd) {
  uint64_t id = 0;
  if (a->queue_open(instance, &id, fd, NULL) != CAISSON_OK) BAIL_OUT("queue_open");
  return id;
}

static int is_readable(int fd, int ms) {
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  return poll(&poller, 1, ms) == 1;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static void test_call(void) {
  int32_t fd = -1;
  uint64_t queue = open_queue(box, &fd), call = open_call(box);
  caisson_event e = {.struct_size = sizeof e};
  ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK),
     "the descriptor is closed on exec and does not block");
  ok(!is_readable(fd, 0), "there is nothing to collect");
  is_int(a->collect(queue, &e), 0, "and nothing is collected");
  is_int(a->start(queue, call, CAISSON_START_OUTPUT | UINT32_C(1) << 30, 77, NULL), CAISSON_OK,
         "start, also with a flag that nobody knows");
  is_int(p->call_close(box, call), CAISSON_E_STATE, "a call that was started is not closed");
  ok(is_readable(fd, 60000), "its end makes the descriptor readable");
  is_int(p->call_close(box, call), CAISSON_E_STATE, "nor closed before that was collected");
  is_int(a->collect(queue, &e), 1, "which is");
  is_int(e.kind, CAISSON_EVENT_DONE, "DONE");
  ok(e.call == call && e.tag == 77, "of that call, with its tag");
  is_int(e.status, CAISSON_E_ENGINE, "with the status of call_run");
  ok(e.error && strcmp(e.error->reason, CAISSON_REASON_ENGINE_UNREACHABLE) == 0, "the error");
  ok(e.error && e.error->code == e.status && e.error->struct_size == sizeof *e.error, "in full");
  ok(e.result && e.result->outcome == CAISSON_OUTCOME_NONE && e.result->json.size > 2, "the result");
  is_int(e.bytes.size, 0, "and no bytes");
  ok(!is_readable(fd, 0), "nothing is left");
  is_int(a->start(queue, call, 0, 0, NULL), CAISSON_E_STATE, "it cannot be started again");
  caisson_result result = {.struct_size = sizeof result};
  is_int(p->call_run(box, call, NULL, &result, NULL), CAISSON_E_STATE, "nor run");
  ok(strstr(e.result->json.data, "engine"), "its result stays readable");
  is_int(a->feed(queue, call, "x", 1), CAISSON_E_STATE, "it takes no input that it was not asked for");
  is_int(a->queue_close(queue), CAISSON_OK, "the queue is closed");
  ok(fcntl(fd, F_GETFD) < 0, "with its descriptor");
  ok(strstr(e.result->json.data, "engine"), "the result outlives it");
  is_int(p->call_close(box, call), CAISSON_OK, "until the call is closed");
  is_int(a->collect(queue, &e), CAISSON_E_NOT_FOUND, "the queue's id is unknown then");
}

static int64_t no_input(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx, (void)buffer, (void)capacity;
  return CAISSON_INPUT_END;
}

static void test_refusals(void) {
  int32_t fd = -1;
  uint64_t id = 0, queue = open_queue(box, &fd), call = open_call(box), other = create();
  caisson_error err = {.struct_size = sizeof err};
  caisson_event e = {.struct_size = sizeof e};
  is_int(a->queue_open(box, NULL, &fd, NULL), CAISSON_E_INVALID, "a queue to nowhere");
  is_int(a->queue_open(box, &id, NULL, NULL), CAISSON_E_INVALID, "without a descriptor");
  is_int(a->queue_open(call, &id, &fd, NULL), CAISSON_E_NOT_FOUND, "in no instance");
  is_int(a->start(box, call, 0, 0, NULL), CAISSON_E_NOT_FOUND, "start on no queue");
  is_int(a->start(queue, queue, 0, 0, NULL), CAISSON_E_NOT_FOUND, "start of no call");
  uint64_t theirs = open_call(other);
  is_int(a->start(queue, theirs, 0, 0, NULL), CAISSON_E_NOT_FOUND, "of another instance's");
  is_int(a->collect(call, &e), CAISSON_E_NOT_FOUND, "collect from no queue");
  is_int(a->collect(queue, NULL), CAISSON_E_INVALID, "collect to nowhere");
  is_int(a->feed(queue, call, NULL, 1), CAISSON_E_INVALID, "feed of bytes that are not there");
  is_int(a->feed(queue, call, "x", 1), CAISSON_E_NOT_FOUND, "feed of a call that was not started");
  is_int(a->queue_close(call), CAISSON_E_NOT_FOUND, "close of no queue");
  caisson_request request = {.struct_size = sizeof request, .name = TEXT("shell"), .input = no_input};
  uint64_t with_input = 0;
  p->call_open(box, &request, &with_input, NULL);
  is_int(a->start(queue, with_input, CAISSON_START_INPUT, 0, &err), CAISSON_E_INVALID,
         "two inputs for one call");
  ok(strstr(err.message, "input"), "and it says so");
  is_int(p->call_close(box, with_input), CAISSON_OK, "which is as it was");
  p->call_close(box, call);
  a->queue_close(queue);
  p->destroy(other);
  is_int(p->call_close(other, theirs), CAISSON_E_NOT_FOUND, "destroy closes what was not started");
}

/* Each has a descriptor, of which a process may have 1,024 unless it asks for more. */
static void allow_descriptors(rlim_t n) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= n) return;
  limit.rlim_cur = n;
  if (setrlimit(RLIMIT_NOFILE, &limit)) BAIL_OUT("a process may have too few descriptors");
}

static void test_queue_limit(void) {
  static uint64_t ids[QUEUES + 10];
  int32_t fd;
  caisson_error err = {.struct_size = sizeof err};
  int n = 0, fds = process_fds();
  allow_descriptors((rlim_t)fds + QUEUES + 100);
  while (n < QUEUES + 10 && a->queue_open(box, &ids[n], &fd, &err) == CAISSON_OK) n++;
  is_int(n, QUEUES, "so many queues");
  is_int(err.code, CAISSON_E_LIMIT, "and no more");
  is_str(err.reason, CAISSON_REASON_HOST_LIMIT, "with a reason");
  ok(strstr(err.message, "close"), "and what to do: %s", err.message);
  while (n > 0) a->queue_close(ids[--n]);
  is_int(process_fds(), fds, "all are closed again");
  is_int(a->queue_open(box, &ids[0], &fd, NULL), CAISSON_OK, "then there is room");
  a->queue_close(ids[0]);
}

/* ---- structs at the end of memory ------------------------------------------------------------ */

static char *page_end(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *m = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (m == MAP_FAILED || mprotect(m + page, page, PROT_NONE)) BAIL_OUT("guard page");
  return m + page;
}

/* An older host's event ends where its struct_size says. */
static void test_truncated(void) {
  static const uint32_t sizes[] = {
      offsetof(caisson_event, tag),    offsetof(caisson_event, stream),
      offsetof(caisson_event, status), offsetof(caisson_event, bytes),
      offsetof(caisson_event, result), offsetof(caisson_event, error),
      sizeof(caisson_event),
  };
  char *end = page_end();
  int32_t fd;
  uint64_t queue = open_queue(box, &fd);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    caisson_event *e = (caisson_event *)(void *)(end - sizes[i]);
    uint64_t call = open_call(box);
    a->start(queue, call, 0, 0, NULL);
    memset(end - sizes[i], 0xee, sizes[i]);
    e->struct_size = sizes[i];
    ok(is_readable(fd, 60000) && a->collect(queue, e) == 1, "an event of %u bytes", sizes[i]);
    ok(e->kind == CAISSON_EVENT_DONE && e->call == call && e->struct_size == sizes[i], "is filled in");
    is_int(p->call_close(box, call), CAISSON_OK, "and collected");
  }
  caisson_event *small = (caisson_event *)(void *)(end - 8);
  small->struct_size = 8;
  is_int(a->collect(queue, small), CAISSON_E_INVALID, "one that cannot say which call is refused");
  caisson_error *err = (caisson_error *)(void *)(end - offsetof(caisson_error, flags));
  err->struct_size = offsetof(caisson_error, flags);
  is_int(a->start(queue, box, 0, 0, err), CAISSON_E_NOT_FOUND, "so is an error");
  is_int(err->code, CAISSON_E_NOT_FOUND, "as far as it goes");
  a->queue_close(queue);
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* A call that waits in the host's gate until the gate opens. */
static uint64_t start_waiting(uint64_t instance, uint64_t queue) {
  uint64_t call = open_call(instance);
  int asked = atomic_load(&gate_asked);
  atomic_store(&gate_open, 0);
  atomic_store(&gate_waits, 1);
  is_int(a->start(queue, call, 0, 0, NULL), CAISSON_OK, "a call");
  for (int i = 0; i < 60000 && atomic_load(&gate_asked) == asked; i++) poll(NULL, 0, 1);
  ok(atomic_load(&gate_asked) > asked, "that waits");
  return call;
}

static void *open_gate_soon(void *arg) {
  (void)arg;
  poll(NULL, 0, 100);
  atomic_store(&gate_open, 1);
  return NULL;
}

static pthread_t open_gate_later(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, open_gate_soon, NULL)) BAIL_OUT("no thread");
  return thread;
}

static void test_close_running(void) {
  int32_t fd;
  uint64_t queue = open_queue(box, &fd), call = start_waiting(box, queue);
  pthread_t opener = open_gate_later();
  is_int(a->queue_close(queue), CAISSON_OK, "a queue with a call that runs is closed");
  ok(atomic_load(&gate_open), "once that has ended");
  ok(fcntl(fd, F_GETFD) < 0, "its descriptor is gone");
  is_int(p->call_close(box, call), CAISSON_OK, "and the call can be closed, its DONE uncollected");
  pthread_join(opener, NULL);
}

static void test_drain(void) {
  int32_t fd;
  uint64_t other = create(), queue = open_queue(other, &fd), call = start_waiting(other, queue);
  uint64_t late = open_call(other);
  caisson_event e = {.struct_size = sizeof e};
  pthread_t opener = open_gate_later();
  is_int(p->drain(other, 60000), CAISSON_OK, "drain waits for a call that was started");
  is_int(a->collect(queue, &e), 1, "its DONE is there when it returns");
  ok(e.call == call && e.status == CAISSON_E_ENGINE, "with its own end");
  is_int(a->start(queue, late, 0, 0, NULL), CAISSON_OK, "a call that is started later");
  ok(is_readable(fd, 60000) && a->collect(queue, &e) == 1, "ends");
  is_int(e.status, CAISSON_E_DRAINING, "before it begins");
  ok(e.result && e.result->json.size > 0, "with words for the model");
  is_int(a->queue_open(other, &queue, &fd, NULL), CAISSON_E_DRAINING, "no queue is opened any more");
  pthread_join(opener, NULL);
  p->destroy(other);
}

static void test_destroy(void) {
  int threads = process_threads(), fds = process_fds();
  int32_t fd;
  caisson_event e = {.struct_size = sizeof e};
  uint64_t other = create(), queue = open_queue(other, &fd), calls[8];
  for (int i = 0; i < 8; i++) calls[i] = start_waiting(other, queue);
  ok(process_threads() >= threads + 8, "each call has its thread");
  pthread_t opener = open_gate_later();
  is_int(p->destroy(other), CAISSON_OK, "destroy with a queue and calls that run");
  ok(atomic_load(&gate_open), "waits for them");
  pthread_join(opener, NULL);
  is_int(process_threads(), threads, "no thread is left");
  is_int(process_fds(), fds, "and no descriptor");
  is_int(a->collect(queue, &e), CAISSON_E_NOT_FOUND, "the queue is unknown");
  is_int(p->call_close(other, calls[0]), CAISSON_E_NOT_FOUND, "and so are its calls");
  atomic_store(&gate_waits, 0);
}

static void test_from_callback(void) {
  int32_t fd;
  uint64_t queue = open_queue(box, &fd), call = open_call(box);
  caisson_event e = {.struct_size = sizeof e};
  gate_queue = queue;
  gate_answer = 1;
  a->start(queue, call, 0, 0, NULL);
  ok(is_readable(fd, 60000) && a->collect(queue, &e) == 1, "a call whose gate closes its queue");
  is_int(from_gate, CAISSON_E_STATE, "is refused that");
  is_int(e.status, CAISSON_E_REFUSED, "and the gate's answer counts");
  gate_queue = 0;
  gate_answer = 0;
  p->call_close(box, call);
  a->queue_close(queue);
}

/* ---- other processes ------------------------------------------------------------------------- */

static uint64_t parents_queue, parents_call;

static int count_wrong_in_fork(void) {
  caisson_event e = {.struct_size = sizeof e};
  uint64_t id;
  int32_t fd;
  int wrong = 0;
  wrong += a->queue_open(box, &id, &fd, NULL) != CAISSON_E_FORKED;
  wrong += a->start(parents_queue, parents_call, 0, 0, NULL) != CAISSON_E_FORKED;
  wrong += a->collect(parents_queue, &e) != CAISSON_E_FORKED;
  wrong += a->feed(parents_queue, parents_call, "x", 1) != CAISSON_E_FORKED;
  wrong += a->queue_close(parents_queue) != CAISSON_E_FORKED;
  return wrong;
}

static void test_fork(void) {
  int32_t fd;
  caisson_event e = {.struct_size = sizeof e};
  parents_queue = open_queue(box, &fd);
  parents_call = start_waiting(box, parents_queue);
  is_int(refuse_in_child(count_wrong_in_fork), 0, "a fork's child is refused everything");
  atomic_store(&gate_open, 1);
  ok(is_readable(fd, 60000) && a->collect(parents_queue, &e) == 1, "the parent goes on");
  atomic_store(&gate_waits, 0);
  p->call_close(box, parents_call);
  a->queue_close(parents_queue);
}

/* The child loads nothing anew, but has not used the plugin before: it is no fork to it. */
static int count_wrong_by_pipe(void) {
  int32_t fd;
  int wrong = 0;
  refuse_eventfds();
  box = create();
  uint64_t queue = open_queue(box, &fd);
  caisson_event e = {.struct_size = sizeof e};
  for (int i = 0; i < 200; i++) {
    uint64_t call = open_call(box);
    wrong += a->start(queue, call, CAISSON_START_OUTPUT | CAISSON_START_INPUT, 0, NULL) != CAISSON_OK;
    wrong += !is_readable(fd, 60000) || a->collect(queue, &e) != 1;
    wrong += e.status != CAISSON_E_ENGINE || is_readable(fd, 0) || a->collect(queue, &e) != 0;
    wrong += p->call_close(box, call) != CAISSON_OK;
  }
  wrong += p->destroy(box) != CAISSON_OK;
  return wrong + (fcntl(fd, F_GETFD) >= 0);
}

static int count_wrong_without_threads(void) {
  caisson_error err = {.struct_size = sizeof err};
  caisson_event e = {.struct_size = sizeof e};
  int32_t fd;
  box = create();
  uint64_t queue = open_queue(box, &fd), call = open_call(box);
  int wrong = 0;
  refuse_threads();
  for (int i = 0; i < 3; i++) {
    wrong += a->start(queue, call, CAISSON_START_OUTPUT, 0, &err) != CAISSON_E_LIMIT;
    wrong += strcmp(err.reason, CAISSON_REASON_HOST_LIMIT) != 0;
    wrong += !(err.flags & CAISSON_ERROR_RETRYABLE) || !strstr(err.message, "thread");
  }
  wrong += a->collect(queue, &e) != 0; /* there is no call that nobody heard of again */
  caisson_result result = {.struct_size = sizeof result};
  wrong += p->call_run(box, call, NULL, &result, NULL) != CAISSON_E_ENGINE; /* as it was: open */
  wrong += p->call_close(box, call) != CAISSON_OK;
  wrong += p->destroy(box) != CAISSON_OK;
  return wrong;
}

int main(void) {
  const char *path = getenv("CAISSON_PLUGIN");
  void *so = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!so) BAIL_OUT("CAISSON_PLUGIN: %s", path ? dlerror() : "not set");
  p = ((caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL))();
  a = p->get_extension(CAISSON_EXT_ASYNC);
  if (!a) BAIL_OUT("no " CAISSON_EXT_ASYNC);
  is_int(a->struct_size, sizeof *a, "the extension is there, by its name");
  ok(!p->get_extension("caisson.async/2") && !p->get_extension(NULL), "and by no other");
  is_int(refuse_in_child(count_wrong_by_pipe), 0, "where there is no eventfd, pipes do");
  is_int(refuse_in_child(count_wrong_without_threads), 0, "a thread that cannot be had is an error");
  int threads = process_threads(), fds = process_fds();
  box = create();
  test_call();
  test_refusals();
  test_queue_limit();
  test_truncated();
  test_close_running();
  test_drain();
  test_destroy();
  test_from_callback();
  test_fork();
  p->destroy(box);
  is_int(process_threads(), threads, "no thread is left");
  is_int(process_fds(), fds, "and no descriptor");
  return done_testing();
}
