/* SPDX-License-Identifier: Apache-2.0 */
/* Rule 1 of caisson.h, kept by caisson.so: it touches no member that the writer of a struct did not
 * know of. Each struct that a host gives is cut at every multiple of four bytes, which is every
 * size that it ever had and could have had, and ends where memory ends; what the plugin is told by
 * what is left must have its effect. Needs no engine. */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caisson.h"
#include "tap.h"

#define CONFIG \
  "{\"config_version\": 1, \"engine\": {\"lazy\": true, \"endpoint\": \"unix:///nowhere\"}}"
#define UNTOUCHED 0xa5
#define NEWER 32 /* bytes that a newer host has behind what this header knows */

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

static const caisson_plugin *p;
static caisson_host host;
static uint64_t instance;

/* What the host's callbacks see and answer. */
static struct {
  int asked, logged, polled, options_asked;
  int refuses, pause_us, cancels;
  char session[64];
  const void *gate, *session_options;
} seen;

/* ---- memory that ends ------------------------------------------------------------------------ */

static struct {
  const char *type;
  unsigned char *at;
  size_t size, slack;
  char words[160]; /* for a signal handler, which may not make any */
} cut;

/* Says which promise broke before the program ends. */
static void on_fault(int number) {
  (void)number;
  (void)!write(STDOUT_FILENO, cut.words, strlen(cut.words));
  _exit(1);
}

/* The first `size` bytes of `from`, with that as their struct_size. They end where memory ends, but
 * for the bytes that alignment takes; of these the sanitizer sees reads too. */
static void *cut_off(const char *type, const void *from, size_t known, size_t size) {
  static unsigned char *end;
  size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + 7) / 8 * 8;
  if (!end) {
    end = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (end == MAP_FAILED || mprotect(end += page, page, PROT_NONE)) BAIL_OUT("no guard page");
  }
  ASAN_UNPOISON_MEMORY_REGION(end - page, page);
  memset(end - page, UNTOUCHED, page);
  cut.type = type, cut.at = end - whole, cut.size = size, cut.slack = whole - size;
  snprintf(cut.words, sizeof cut.words,
           "not ok 9999 - rule 1: memory behind a %s of %zu bytes was touched\n", type, size);
  memcpy(cut.at, from, size < known ? size : known);
  memcpy(cut.at, &(uint32_t){(uint32_t)size}, 4);
  ASAN_POISON_MEMORY_REGION(cut.at + size, whole - size);
  return cut.at;
}

#define CUT(type, from, size) ((type *)cut_off(#type, &(from), sizeof(type), size))

/* That nothing was written from `known` on, which is as far as the header goes. */
static void check_rest(size_t known) {
  ASAN_UNPOISON_MEMORY_REGION(cut.at, cut.size + cut.slack);
  size_t i = known < cut.size ? known : cut.size;
  while (i < cut.size + cut.slack && cut.at[i] == UNTOUCHED) i++;
  is_int(i, cut.size + cut.slack, "rule 1: a %s of %zu bytes: what is behind it stays as it was",
         cut.type, cut.size);
}

#define EACH_SIZE(type) (size_t size = 4; size <= sizeof(type) + NEWER; size += 4)
/* Where a member ends: a struct that is as long has it. */
#define END(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* ---- the host -------------------------------------------------------------------------------- */

static caisson_str str(const char *text) {
  return (caisson_str){text, strlen(text)};
}

static int32_t allow(void *ctx, uint32_t flags, const caisson_str *name, const caisson_str *session,
                     const caisson_str *args, char *words, uint64_t capacity) {
  (void)ctx, (void)flags, (void)name, (void)args, (void)words, (void)capacity;
  seen.asked++;
  snprintf(seen.session, sizeof seen.session, "%.*s", (int)session->size, session->data);
  (void)usleep((useconds_t)seen.pause_us);
  return seen.refuses;
}

static int32_t give_options(void *ctx, const char *key, uint64_t key_size,
                            void (*emit)(void *sink, const char *json, uint64_t n), void *sink) {
  (void)ctx, (void)key, (void)key_size, (void)emit, (void)sink;
  return ++seen.options_asked;
}

static const void *get_extension(void *ctx, const char *id) {
  (void)ctx;
  if (strcmp(id, CAISSON_EXT_GATE) == 0) return seen.gate;
  if (strcmp(id, CAISSON_EXT_SESSION_OPTIONS) == 0) return seen.session_options;
  return NULL;
}

static void count_log(void *ctx, int32_t level, const char *text, uint64_t n) {
  (void)ctx, (void)level, (void)text, (void)n;
  seen.logged++;
}

static int32_t cancelled(void *ctx) {
  (void)ctx;
  seen.polled++;
  return seen.cancels;
}

static int32_t no_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  (void)ctx, (void)stream, (void)bytes, (void)n;
  return 0;
}

static void no_progress(void *ctx, int32_t permille, const char *note, uint64_t n) {
  (void)ctx, (void)permille, (void)note, (void)n;
}

static int64_t no_input(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx, (void)buffer, (void)capacity;
  return CAISSON_INPUT_END;
}

static const caisson_gate whole_gate = {.struct_size = sizeof whole_gate, .allow = allow};
static const caisson_session_options whole_options = {.struct_size = sizeof whole_options,
                                                      .options = give_options};
static const caisson_hooks whole_hooks = {.struct_size = sizeof whole_hooks,
                                          .cancelled = cancelled,
                                          .output = no_output,
                                          .progress = no_progress};

static caisson_request request_for(const char *tool) {
  return (caisson_request){.struct_size = sizeof(caisson_request),
                           .name = str(tool),
                           .args_json = str("{\"command\": \"true\"}"),
                           .session = str("a"),
                           .deadline_ms = 60000,
                           .output_limit = 1000,
                           .input = no_input};
}

static int32_t run(const caisson_request *request, const caisson_hooks *hooks,
                   caisson_result *result) {
  uint64_t call = 0;
  caisson_result own = {.struct_size = sizeof own};
  int32_t rc = p->call_open(instance, request, &call, NULL);
  if (rc != CAISSON_OK) return rc;
  rc = p->call_run(instance, call, hooks, result ? result : &own, NULL);
  is_int(p->call_close(instance, call), CAISSON_OK, "the call is closed");
  return rc == CAISSON_OK && !result ? own.outcome : rc;
}

static void open_instance(const caisson_host *with) {
  caisson_error err = {.struct_size = sizeof err};
  if (p->create(with, CONFIG, sizeof CONFIG - 1, &instance, &err) != CAISSON_OK)
    BAIL_OUT("create: %s", err.message);
}

/* ---- each struct ----------------------------------------------------------------------------- */

static void check_result(const caisson_result *r, size_t size, uint64_t call) {
  is_int(p->call_run(instance, call, NULL, (caisson_result *)(uintptr_t)r, NULL),
         size < END(caisson_result, outcome) ? CAISSON_E_INVALID : CAISSON_E_NOT_FOUND,
         "a result of %zu bytes", size);
  if (CAISSON_HAS(r, outcome)) is_int(r->outcome, CAISSON_OUTCOME_NONE, "%zu: outcome", size);
  if (CAISSON_HAS(r, exit_code)) is_int(r->exit_code, CAISSON_EXIT_UNKNOWN, "%zu: exit code", size);
  if (CAISSON_HAS(r, flags)) is_int(r->flags, 0, "%zu: flags", size);
  if (CAISSON_HAS(r, bytes_dropped)) is_int(r->bytes_dropped, 0, "%zu: bytes dropped", size);
  if (CAISSON_HAS(r, json))
    ok(strstr(r->json.data, CAISSON_REASON_UNKNOWN_TOOL) && !r->json.data[r->json.size],
       "%zu: the document", size);
}

static void test_result(void) {
  unsigned char unset[sizeof(caisson_result)];
  memset(unset, UNTOUCHED, sizeof unset);
  for EACH_SIZE(caisson_result) {
    caisson_request request = request_for("no-such-tool");
    uint64_t call = 0;
    is_int(p->call_open(instance, &request, &call, NULL), CAISSON_OK, "a call");
    check_result(CUT(caisson_result, unset, size), size, call);
    /* The last member that is there whole: what it has of the next one is not written. */
    static const size_t ends[] = {4,
                                  END(caisson_result, outcome),
                                  END(caisson_result, exit_code),
                                  END(caisson_result, term_signal),
                                  END(caisson_result, flags),
                                  END(caisson_result, reserved),
                                  END(caisson_result, wall_ns),
                                  END(caisson_result, bytes_out),
                                  END(caisson_result, bytes_dropped),
                                  END(caisson_result, json)};
    size_t known = 4;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
      if (ends[i] <= size) known = ends[i];
    check_rest(known);
    is_int(p->call_close(instance, call), CAISSON_OK, "is closed");
  }
}

static void test_error(void) {
  unsigned char unset[sizeof(caisson_error)];
  memset(unset, UNTOUCHED, sizeof unset);
  for EACH_SIZE(caisson_error) {
    uint64_t call = 0;
    caisson_error *e = CUT(caisson_error, unset, size);
    is_int(p->call_open(instance, NULL, &call, e), CAISSON_E_INVALID, "an error of %zu bytes",
           size);
    size_t known = size < offsetof(caisson_error, reason) ? size : offsetof(caisson_error, reason);
    if (CAISSON_HAS(e, code)) is_int(e->code, CAISSON_E_INVALID, "%zu: the code", size);
    if (CAISSON_HAS(e, flags)) is_int(e->flags, 0, "%zu: the flags", size);
    if (CAISSON_HAS(e, reason)) {
      is_str(e->reason, CAISSON_REASON_ABI_INVALID, "%zu: the reason", size);
      known = END(caisson_error, reason);
    }
    if (CAISSON_HAS(e, message)) {
      ok(strstr(e->message, "request"), "%zu: the message", size);
      known = END(caisson_error, message);
    }
    check_rest(known);
  }
}

static void test_request(void) {
  seen.refuses = 0;
  for EACH_SIZE(caisson_request) {
    /* Its deadline passes at the gate. */
    caisson_request late = request_for("shell"), wrong = request_for("shell");
    late.deadline_ms = 1;
    wrong.options_json = str("{\"no-such-option\": 1}");
    seen.pause_us = 5000;
    seen.asked = 0;
    is_int(run(CUT(caisson_request, late, size), NULL, NULL),
           size < END(caisson_request, name)          ? CAISSON_E_INVALID
           : size < END(caisson_request, args_json)   ? CAISSON_E_ARGUMENTS
           : size < END(caisson_request, deadline_ms) ? CAISSON_E_ENGINE
                                                      : CAISSON_OUTCOME_DEADLINE,
           "a request of %zu bytes", size);
    if (seen.asked)
      is_str(seen.session, size < END(caisson_request, session) ? "" : "a",
             "%zu: the session is known as far as it goes", size);
    seen.pause_us = 0;
    if (size >= END(caisson_request, args_json))
      is_int(run(CUT(caisson_request, wrong, size), NULL, NULL),
             size < END(caisson_request, options_json) ? CAISSON_E_ENGINE : CAISSON_E_CONFIG,
             "%zu: its options", size);
  }
  caisson_request none = request_for("shell");
  caisson_error err = {.struct_size = sizeof err};
  uint64_t call = 0;
  p->call_open(instance, CUT(caisson_request, none, 8), &call, &err);
  ok(strstr(err.message, "struct_size"), "one too short is refused with words: %s", err.message);
}

static void test_hooks(void) {
  seen.cancels = 1;
  for EACH_SIZE(caisson_hooks) {
    caisson_request request = request_for("shell");
    seen.polled = 0;
    bool polls = size >= END(caisson_hooks, cancelled);
    is_int(run(&request, CUT(caisson_hooks, whole_hooks, size), NULL),
           polls ? CAISSON_OUTCOME_CANCELLED : CAISSON_E_ENGINE, "hooks of %zu bytes", size);
    is_int(seen.polled > 0, polls, "%zu: polled if there is one to poll", size);
  }
  seen.cancels = 0;
}

static void test_host(void) {
  seen.refuses = 1;
  for EACH_SIZE(caisson_host) {
    caisson_error err = {.struct_size = sizeof err};
    caisson_request request = request_for("shell");
    seen.asked = seen.logged = 0;
    caisson_host *h = CUT(caisson_host, host, size);
    bool enough = size >= END(caisson_host, version);
    bool gated = size >= END(caisson_host, get_extension), logs = size >= END(caisson_host, log);
    is_int(p->create(h, CONFIG, sizeof CONFIG - 1, &instance, &err),
           enough ? CAISSON_OK : CAISSON_E_INVALID, "a host of %zu bytes", size);
    if (!enough) {
      ok(strstr(err.message, "struct_size"), "%zu: refused with words", size);
      continue;
    }
    is_int(run(&request, NULL, NULL), gated ? CAISSON_E_REFUSED : CAISSON_E_ENGINE, "%zu: a call",
           size);
    is_int(seen.logged > 0, logs, "%zu: logs if it can", size);
    is_int(p->destroy(instance), CAISSON_OK, "%zu: destroyed", size);
    check_rest(sizeof *h);
  }
}

static void test_gate(void) {
  for EACH_SIZE(caisson_gate) {
    caisson_request request = request_for("shell");
    seen.gate = CUT(caisson_gate, whole_gate, size);
    open_instance(&host);
    is_int(run(&request, NULL, NULL),
           size < END(caisson_gate, allow) ? CAISSON_E_ENGINE : CAISSON_E_REFUSED,
           "a gate of %zu bytes", size);
    is_int(p->destroy(instance), CAISSON_OK, "%zu: destroyed", size);
  }
  seen.gate = &whole_gate;
}

/* Without an engine no session is made for which it would be asked; abi_baseline.py shows that. */
static void test_session_options(void) {
  seen.refuses = 0;
  for EACH_SIZE(caisson_session_options) {
    caisson_request request = request_for("shell");
    seen.session_options = CUT(caisson_session_options, whole_options, size);
    open_instance(&host);
    is_int(run(&request, NULL, NULL), CAISSON_E_ENGINE, "session options of %zu bytes", size);
    is_int(p->destroy(instance), CAISSON_OK, "%zu: destroyed", size);
  }
  is_int(seen.options_asked, 0, "none was asked");
  seen.session_options = NULL;
}

int main(void) {
  const char *path = getenv("CAISSON_PLUGIN");
  void *so = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  caisson_entry_fn *entry = NULL;
  if (so) *(void **)&entry = dlsym(so, CAISSON_ENTRY_SYMBOL);
  if (!entry) BAIL_OUT("CAISSON_PLUGIN: %s", path ? dlerror() : "is not set");
  p = entry();
  (void)signal(SIGSEGV, on_fault);
  host = (caisson_host){.struct_size = sizeof host,
                        .abi_minor = CAISSON_ABI_MINOR,
                        .name = "truncated",
                        .version = "1",
                        .get_extension = get_extension,
                        .log = count_log};
  seen.gate = &whole_gate;
  open_instance(&host);
  test_result();
  test_error();
  test_request();
  test_hooks();
  is_int(p->destroy(instance), CAISSON_OK, "destroyed");
  test_host();
  test_gate();
  test_session_options();
  return done_testing();
}
