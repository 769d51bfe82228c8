/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: a host that uses all of ABI 1.0, built once with the header of each release, with today's
 * and with the next one's. Each of its structs ends where memory ends, so that a plugin that
 * touches what this host does not know of crashes it. What it saw goes out as lines of JSON.
 *
 *   host [-f] [-g WORDS] [-o OPTIONS] PLUGIN CONFIG STEP...
 *     -f  goes on with a plugin that asks for a newer host
 *     -g  its gate refuses every call, with these words
 *     -o  what it answers when it is asked what a session is made of
 *   steps: describe, drain, run SESSION TOOL ARGUMENTS, feed SESSION TOOL ARGUMENTS INPUT,
 *     op NAME ARGUMENTS, early SESSION TOOL ARGUMENTS (cancelled before it runs), late SESSION
 *     TOOL ARGUMENTS (cancelled at its first output), poll SESSION TOOL ARGUMENTS (the same, by the
 *     hook that is polled) */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caisson.h"

/* What a newer header has. An older plugin must leave it as it is. */
#ifdef CAISSON_EXT_NEXT
#define UNTOUCHED 0x5a5a5a5a
#define SET_NEXT(p) ((p)->next_number = UNTOUCHED)
#define OFFER_NEXT(p) ((p)->next_call = count_next)
#define NEXT_NUMBER(p) ((p)->next_number == UNTOUCHED ? -1 : (long long)(p)->next_number)
#define NEXT_FLAGS CAISSON_REQUEST_NEXT
static int nexts;
static int32_t count_next(void *ctx) {
  (void)ctx;
  return ++nexts;
}
#else
#define SET_NEXT(p) ((void)(p))
#define OFFER_NEXT(p) ((void)(p))
#define NEXT_NUMBER(p) ((void)(p), -1LL)
#define NEXT_FLAGS 0
static const int nexts = 0;
#endif

enum cancel { NOT, EARLY, LATE, POLL };

static const caisson_plugin *plugin;
static uint64_t instance;
static const char *gate_words, *session_options, *input;
static int logs, gates, progresses;

/* Of the call that runs. */
static struct {
  uint64_t id;
  enum cancel cancel;
  char output[4096];
  size_t size;
} running;

/* A struct of `size` bytes, all zero but for its struct_size, with no memory behind it. */
static void *at_edge(size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE) != 0) exit(3);
  memcpy(map + page - size, &(uint32_t){(uint32_t)size}, sizeof(uint32_t));
  return map + page - size;
}

#define NEW(type, name) \
  type *name = at_edge(sizeof(type)); \
  SET_NEXT(name)

static caisson_str str(const char *text) {
  return (caisson_str){text, strlen(text)};
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void say_text(const char *name, const char *text, size_t n) {
  printf(", \"%s\": \"", name);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    printf(c < ' ' || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
  }
  printf("\"");
}

static void say_error(int32_t status, const caisson_error *err) {
  printf(", \"status\": %d, \"code\": %d, \"error_next\": %lld", status, err->code,
         NEXT_NUMBER(err));
  say_text("reason", err->reason, strlen(err->reason));
  say_text("message", err->message, strlen(err->message));
}

/* Rule 9: what this header does not name. */
static const char *verdict(int32_t status, int32_t outcome) {
  static const char *const words[] = {"none", "exited", "cancelled", "deadline", "oom", "lost"};
  if (status < 0) return "failed";
  return outcome >= 0 && outcome <= CAISSON_OUTCOME_LOST ? words[outcome] : "lost";
}

/* ---- what it offers -------------------------------------------------------------------------- */

static int32_t gate_allow(void *ctx, uint32_t flags, const caisson_str *name,
                          const caisson_str *session, const caisson_str *args, char *words,
                          uint64_t capacity) {
  (void)ctx, (void)flags, (void)name, (void)session, (void)args;
  gates++;
  if (gate_words) snprintf(words, capacity, "%s", gate_words);
  return gate_words != NULL;
}

static int32_t give_options(void *ctx, const char *key, uint64_t key_size,
                            void (*emit)(void *sink, const char *json, uint64_t n), void *sink) {
  (void)ctx, (void)key, (void)key_size;
  if (session_options) emit(sink, session_options, strlen(session_options));
  return 0;
}

static const void *get_extension(void *ctx, const char *id) {
  (void)ctx;
  if (strcmp(id, CAISSON_EXT_GATE) == 0) {
    NEW(caisson_gate, gate);
    gate->allow = gate_allow;
    OFFER_NEXT(gate);
    return gate;
  }
  if (strcmp(id, CAISSON_EXT_SESSION_OPTIONS) == 0) {
    NEW(caisson_session_options, options);
    options->options = give_options;
    OFFER_NEXT(options);
    return options;
  }
#ifdef CAISSON_EXT_NEXT
  if (strcmp(id, CAISSON_EXT_NEXT) == 0) {
    NEW(caisson_next, next);
    OFFER_NEXT(next);
    return next;
  }
#endif
  return NULL;
}

static void count_log(void *ctx, int32_t level, const char *text, uint64_t n) {
  (void)ctx, (void)level, (void)text, (void)n;
  logs++;
}

static int32_t on_cancelled(void *ctx) {
  (void)ctx;
  return running.cancel == POLL && running.size > 0;
}

static int32_t on_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  (void)ctx;
  if (stream != CAISSON_STREAM_STDOUT && stream != CAISSON_STREAM_STDERR) return 0;
  size_t room = sizeof running.output - running.size, taken = n < room ? (size_t)n : room;
  memcpy(running.output + running.size, bytes, taken);
  running.size += taken;
  if (running.cancel == LATE) (void)plugin->call_cancel(instance, running.id);
  return 0;
}

static void on_progress(void *ctx, int32_t permille, const char *note, uint64_t n) {
  (void)ctx, (void)permille, (void)note, (void)n;
  progresses++;
}

static int64_t give_input(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx;
  size_t n = strlen(input);
  if (n > capacity) n = (size_t)capacity;
  memcpy(buffer, input, n);
  input += n;
  return (int64_t)n;
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void run_call(caisson_request *request) {
  NEW(caisson_hooks, hooks);
  NEW(caisson_result, result);
  NEW(caisson_error, err);
  hooks->cancelled = on_cancelled;
  hooks->output = on_output;
  hooks->progress = on_progress;
  OFFER_NEXT(hooks);
  if (running.cancel == EARLY) (void)plugin->call_cancel(instance, running.id);
  int32_t status = plugin->call_run(instance, running.id, hooks, result, err);
  say_error(status, err);
  printf(", \"outcome\": %d, \"exit_code\": %d, \"verdict\": \"%s\", \"flags\": %u, \"bytes\": %llu"
         ", \"result_next\": %lld, \"hooks_next\": %lld, \"request_next\": %lld",
         result->outcome, result->exit_code, verdict(status, result->outcome), result->flags,
         (unsigned long long)result->bytes_out, NEXT_NUMBER(result), NEXT_NUMBER(hooks),
         NEXT_NUMBER(request));
  say_text("output", running.output, running.size);
  if (result->json.data) printf(", \"json\": %s", result->json.data);
}

static void call(const char *step, uint32_t flags, const char *session, char **name_and_args) {
  NEW(caisson_request, request);
  NEW(caisson_error, err);
  request->flags = flags | NEXT_FLAGS;
  request->name = str(name_and_args[0]);
  request->args_json = str(name_and_args[1]);
  request->session = str(session);
  request->deadline_ms = 120000;
  if (input) request->input = give_input;
  OFFER_NEXT(request);
  running.size = 0;
  printf("{\"step\": \"%s\"", step);
  int32_t status = plugin->call_open(instance, request, &running.id, err);
  printf(", \"open\": %d", status);
  if (status == CAISSON_OK) {
    run_call(request);
    printf(", \"close\": %d", plugin->call_close(instance, running.id));
    printf(", \"stale\": %d", plugin->call_cancel(instance, running.id));
  } else {
    say_error(status, err);
  }
  puts("}");
  running.cancel = NOT;
  input = NULL;
}

static void describe(void) {
  caisson_str json = {NULL, 0};
  int32_t status = plugin->describe(instance, &json);
  printf("{\"step\": \"describe\", \"status\": %d", status);
  if (json.data) printf(", \"json\": %.*s", (int)json.size, json.data);
  puts("}");
}

static int step(char **arg) {
  static const struct { const char *name; enum cancel cancel; } calls[] = {
      {"run", NOT}, {"early", EARLY}, {"late", LATE}, {"poll", POLL}};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(arg[0], calls[i].name) != 0) continue;
    running.cancel = calls[i].cancel;
    call(arg[0], 0, arg[1], arg + 2);
    return 4;
  }
  if (strcmp(arg[0], "feed") == 0) {
    input = arg[4];
    call(arg[0], 0, arg[1], arg + 2);
    return 5;
  }
  if (strcmp(arg[0], "op") == 0) {
    call(arg[0], CAISSON_REQUEST_HOST, "", arg + 1);
    return 3;
  }
  if (strcmp(arg[0], "drain") == 0)
    printf("{\"step\": \"drain\", \"status\": %d}\n", plugin->drain(instance, 1000));
  else
    describe();
  return 1;
}

/* ---- its life -------------------------------------------------------------------------------- */

static const char *refusal(int forced) {
  if (!plugin || !CAISSON_HAS(plugin, magic) || plugin->magic != CAISSON_MAGIC) return "magic";
  if (!CAISSON_HAS(plugin, destroy)) return "table";
  if (plugin->needs_host_minor > CAISSON_ABI_MINOR && !forced) return "needs a newer host";
  return NULL;
}

static int create(const char *config) {
  NEW(caisson_host, host);
  NEW(caisson_error, err);
  host->abi_minor = CAISSON_ABI_MINOR;
  host->name = "peer";
  host->version = "1";
  host->get_extension = get_extension;
  host->log = count_log;
  OFFER_NEXT(host);
  int32_t status = plugin->create(host, config, strlen(config), &instance, err);
  printf("{\"step\": \"create\", \"host_next\": %lld", NEXT_NUMBER(host));
  say_error(status, err);
  puts("}");
  return status;
}

static void finish(void) {
  int32_t status = plugin->destroy(instance), again = plugin->destroy(instance);
#ifdef CAISSON_EXT_NEXT
  if (CAISSON_HAS(plugin, next_call) && plugin->next_call) nexts += plugin->next_call(NULL);
#endif
  printf("{\"step\": \"destroy\", \"status\": %d, \"again\": %d, \"logs\": %d, \"gates\": %d, "
         "\"progresses\": %d, \"nexts\": %d}\n",
         status, again, logs, gates, progresses, nexts);
}

static void live(const char *config, int n, char **steps) {
  if (create(config) != CAISSON_OK) return;
  for (int i = 0; i < n;) i += step(steps + i);
  finish();
}

int main(int argc, char **argv) {
  int option, forced = 0;
  while ((option = getopt(argc, argv, "+fg:o:")) != -1) {
    if (option == 'f') forced = 1;
    if (option == 'g') gate_words = optarg;
    if (option == 'o') session_options = optarg;
  }
  argv += optind, argc -= optind;
  if (argc < 2) return 2;
  void *so = dlopen(argv[0], RTLD_NOW | RTLD_LOCAL);
  caisson_entry_fn *entry = NULL;
  if (so) *(void **)&entry = dlsym(so, CAISSON_ENTRY_SYMBOL);
  if (!entry) {
    fprintf(stderr, "%s\n", dlerror());
    return 3;
  }
  plugin = entry();
  const char *why = refusal(forced);
  if (why)
    printf("{\"step\": \"refused\", \"why\": \"%s\"}\n", why);
  else
    live(argv[1], argc - 2, argv + 2);
  return dlclose(so) == 0 ? 0 : 3;
}
