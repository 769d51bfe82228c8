/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c: a plugin that uses all of ABI 1.0 and no engine, built like host.c. Its table ends
 * where memory ends, so that a host that reads what this plugin does not know of crashes;
 * $PEER_TABLE cuts the table shorter.
 *
 *   echo  says what it was asked for, exits with 3
 *   read  says what it was fed
 *   wait  says "waiting" and ends when it is cancelled
 *   odd, strange (of the next header): a status, and an outcome, that 1.0 does not name */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "caisson.h"

#ifndef NEEDS_HOST_MINOR
#define NEEDS_HOST_MINOR 0
#endif
#define INSTANCE 7
#define PAGE 65536 /* of no machine's are larger */
#define TEXT(s) s, sizeof(s) - 1

/* What a newer header has: used where the host has it too. */
#ifdef CAISSON_EXT_NEXT
#define CALL_NEXT(p) \
  do { \
    if (CAISSON_HAS(p, next_call) && (p)->next_call) (void)(p)->next_call(NULL); \
  } while (0)
#define WRITE_NEXT(p) \
  do { \
    if (CAISSON_HAS(p, next_number)) (p)->next_number = 1; \
  } while (0)
#else
#define CALL_NEXT(p) ((void)0)
#define WRITE_NEXT(p) ((void)0)
#endif

struct call {
  atomic_int cancelled;
  int is_open;
  uint32_t flags;
  char name[64], args[512], session[64], json[2048];
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  void *input_ctx;
};

static const uint32_t needed = NEEDS_HOST_MINOR;
static const caisson_host *host;
static const caisson_gate *gate;
static struct call calls[64];
static uint64_t opened;
static int draining;

static int32_t fail(caisson_error *err, int32_t code, const char *reason, const char *message) {
  if (!err) return code;
  if (CAISSON_HAS(err, code)) err->code = code;
  if (CAISSON_HAS(err, flags)) err->flags = 0;
  if (CAISSON_HAS(err, sys_errno)) err->sys_errno = 0;
  if (CAISSON_HAS(err, reason)) snprintf(err->reason, sizeof err->reason, "%s", reason);
  if (CAISSON_HAS(err, message)) snprintf(err->message, sizeof err->message, "%s", message);
  WRITE_NEXT(err);
  return code;
}

static struct call *find(uint64_t instance, uint64_t id) {
  if (instance != INSTANCE || !host || id == 0 || id > opened) return NULL;
  return calls[id - 1].is_open ? &calls[id - 1] : NULL;
}

/* ---- instances ------------------------------------------------------------------------------- */

static const void *get_extension(const char *id) {
#ifdef CAISSON_EXT_NEXT
  static const caisson_next next = {.struct_size = sizeof next};
  if (strcmp(id, CAISSON_EXT_NEXT) == 0) return &next;
#endif
  (void)id;
  return NULL;
}

static int32_t create(const caisson_host *h, const char *config, uint64_t len, uint64_t *instance,
                      caisson_error *err) {
  if (len > 0 && config[0] != '{')
    return fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, "the configuration is no object");
  if (h->abi_minor < needed)
    return fail(err, CAISSON_E_VERSION, CAISSON_REASON_ABI_VERSION, "a newer host is needed");
  host = h;
  if (CAISSON_HAS(h, get_extension) && h->get_extension) {
    gate = h->get_extension(h->ctx, CAISSON_EXT_GATE);
#ifdef CAISSON_EXT_NEXT
    const caisson_next *next = h->get_extension(h->ctx, CAISSON_EXT_NEXT);
    if (next) CALL_NEXT(next);
#endif
  }
  if (CAISSON_HAS(h, log) && h->log) h->log(h->ctx, CAISSON_LOG_INFO, TEXT("ready"));
  CALL_NEXT(h);
  *instance = INSTANCE;
  return CAISSON_OK;
}

static int32_t describe(uint64_t instance, caisson_str *json) {
  if (instance != INSTANCE || !host) return CAISSON_E_NOT_FOUND;
  *json = (caisson_str){TEXT("{\"describe_version\": 1, \"instance\": \"peer\", \"tools\": [{"
                             "\"name\": \"echo\", \"description\": \"Says it.\", \"inputSchema\": "
                             "{\"type\": \"object\"}}], \"operations\": []}")};
  return CAISSON_OK;
}

static int32_t drain(uint64_t instance, uint64_t grace_ms) {
  (void)grace_ms;
  if (instance != INSTANCE || !host) return CAISSON_E_NOT_FOUND;
  draining = 1;
  return CAISSON_OK;
}

static int32_t destroy(uint64_t instance) {
  if (instance != INSTANCE || !host) return CAISSON_E_NOT_FOUND;
  host = NULL;
  return CAISSON_OK;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int32_t call_open(uint64_t instance, const caisson_request *r, uint64_t *call,
                         caisson_error *err) {
  if (instance != INSTANCE || !host) return CAISSON_E_NOT_FOUND;
  if (draining)
    return fail(err, CAISSON_E_DRAINING, CAISSON_REASON_DRAINING, "it goes down");
  if (opened == sizeof calls / sizeof *calls)
    return fail(err, CAISSON_E_LIMIT, CAISSON_REASON_NOMEM, "too many calls");
  struct call *c = &calls[opened];
  *c = (struct call){.is_open = 1, .flags = r->flags & CAISSON_REQUEST_HOST};
  snprintf(c->name, sizeof c->name, "%.*s", (int)r->name.size, r->name.data);
  snprintf(c->args, sizeof c->args, "%.*s", (int)r->args_json.size, r->args_json.data);
  snprintf(c->session, sizeof c->session, "%.*s", (int)r->session.size, r->session.data);
  if (CAISSON_HAS(r, input_ctx)) {
    c->input = r->input;
    c->input_ctx = r->input_ctx;
  }
  CALL_NEXT(r);
  *call = ++opened;
  return CAISSON_OK;
}

static int32_t deliver(struct call *c, caisson_result *result, int32_t outcome, int32_t exit_code) {
  result->outcome = outcome;
  result->exit_code = exit_code;
  if (CAISSON_HAS(result, flags)) result->flags = 0;
  if (CAISSON_HAS(result, bytes_out)) result->bytes_out = strlen(c->args);
  if (CAISSON_HAS(result, json)) result->json = (caisson_str){c->json, strlen(c->json)};
  WRITE_NEXT(result);
  return CAISSON_OK;
}

static void say(const caisson_hooks *hooks, const char *text) {
  if (hooks && CAISSON_HAS(hooks, output) && hooks->output)
    (void)hooks->output(hooks->ctx, CAISSON_STREAM_STDOUT, text, strlen(text));
}

static int32_t run_echo(struct call *c, const caisson_hooks *hooks, caisson_result *result) {
  if (hooks && CAISSON_HAS(hooks, progress) && hooks->progress)
    hooks->progress(hooks->ctx, 500, TEXT("half"));
  say(hooks, c->args);
  snprintf(c->json, sizeof c->json,
           "{\"content\": [{\"type\": \"text\", \"text\": \"3\"}], \"isError\": true, "
           "\"structuredContent\": {\"args\": %s, \"session\": \"%s\", \"flags\": %u}}",
           c->args, c->session, c->flags);
  return deliver(c, result, CAISSON_OUTCOME_EXITED, 3);
}

static int32_t run_read(struct call *c, const caisson_hooks *hooks, caisson_result *result) {
  char bytes[64];
  int64_t n = c->input ? c->input(c->input_ctx, bytes, sizeof bytes - 1) : 0;
  bytes[n > 0 ? n : 0] = '\0';
  say(hooks, bytes);
  return deliver(c, result, CAISSON_OUTCOME_EXITED, 0);
}

/* Ten seconds of nobody's cancelling it are a failure that the test sees. */
static int32_t run_wait(struct call *c, const caisson_hooks *hooks, caisson_result *result) {
  int polls = hooks && CAISSON_HAS(hooks, cancelled) && hooks->cancelled;
  say(hooks, "waiting");
  for (int i = 0; i < 10000; i++) {
    if (atomic_load(&c->cancelled) || (polls && hooks->cancelled(hooks->ctx)))
      return deliver(c, result, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED);
    (void)usleep(1000);
  }
  return deliver(c, result, CAISSON_OUTCOME_LOST, CAISSON_EXIT_UNKNOWN);
}

#ifdef CAISSON_EXT_NEXT
static int32_t run_strange(struct call *c, const caisson_hooks *hooks, caisson_result *result) {
  if (hooks && CAISSON_HAS(hooks, output) && hooks->output)
    (void)hooks->output(hooks->ctx, CAISSON_STREAM_NEXT, TEXT("of no stream"));
  (void)deliver(c, result, CAISSON_OUTCOME_NEXT, 0);
  if (CAISSON_HAS(result, flags)) result->flags = CAISSON_RESULT_NEXT;
  return CAISSON_OK;
}
#endif

static int is_refused(const struct call *c, char *words, size_t size) {
  if (!gate || !CAISSON_HAS(gate, allow) || !gate->allow) return 0;
  caisson_str name = {c->name, strlen(c->name)}, args = {c->args, strlen(c->args)};
  caisson_str session = {c->session, strlen(c->session)};
  CALL_NEXT(gate);
  return gate->allow(host->ctx, c->flags, &name, &session, &args, words, size) != 0;
}

static int32_t run_tool(struct call *c, const caisson_hooks *hooks, caisson_result *result,
                        caisson_error *err) {
  char words[256] = "";
  if (hooks) CALL_NEXT(hooks);
  if (is_refused(c, words, sizeof words))
    return fail(err, CAISSON_E_REFUSED, CAISSON_REASON_GATE, words);
  if (atomic_load(&c->cancelled))
    return deliver(c, result, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED);
  if (strcmp(c->name, "echo") == 0) return run_echo(c, hooks, result);
  if (strcmp(c->name, "read") == 0) return run_read(c, hooks, result);
  if (strcmp(c->name, "wait") == 0) return run_wait(c, hooks, result);
#ifdef CAISSON_EXT_NEXT
  if (strcmp(c->name, "odd") == 0)
    return fail(err, CAISSON_E_NEXT, "next.odd", "a status of the next header");
  if (strcmp(c->name, "strange") == 0) return run_strange(c, hooks, result);
#endif
  return fail(err, CAISSON_E_NOT_FOUND, CAISSON_REASON_UNKNOWN_TOOL, "there is no such tool");
}

static int32_t call_run(uint64_t instance, uint64_t id, const caisson_hooks *hooks,
                        caisson_result *result, caisson_error *err) {
  struct call *c = find(instance, id);
  if (!c) return CAISSON_E_NOT_FOUND;
  snprintf(c->json, sizeof c->json, "{\"content\": [], \"isError\": true}");
  int32_t status = run_tool(c, hooks, result, err);
  if (status < 0) (void)deliver(c, result, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN);
  return status;
}

static int32_t call_cancel(uint64_t instance, uint64_t id) {
  struct call *c = find(instance, id);
  if (!c) return CAISSON_E_NOT_FOUND;
  atomic_store(&c->cancelled, 1);
  return CAISSON_OK;
}

static int32_t call_close(uint64_t instance, uint64_t id) {
  struct call *c = find(instance, id);
  if (!c) return CAISSON_E_NOT_FOUND;
  c->is_open = 0;
  return CAISSON_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

#ifdef CAISSON_EXT_NEXT
static int32_t table_next(void *ctx) {
  (void)ctx;
  return 100;
}
#endif

static const caisson_plugin whole = {
    .struct_size = sizeof whole,
    .magic = CAISSON_MAGIC,
    .abi_minor = CAISSON_ABI_MINOR,
    .needs_host_minor = NEEDS_HOST_MINOR,
    .id = "peer",
    .version = "1.0.0",
    .build_id = "peer",
    .manifest_json = "{\"manifest_version\": 1, \"tools\": [], \"operations\": []}",
    .get_extension = get_extension,
    .create = create,
    .describe = describe,
    .call_open = call_open,
    .call_run = call_run,
    .call_cancel = call_cancel,
    .call_close = call_close,
    .drain = drain,
    .destroy = destroy,
#ifdef CAISSON_EXT_NEXT
    .next_call = table_next,
#endif
};

const caisson_plugin *caisson_plugin_v1(void) {
  static _Alignas(PAGE) char memory[2 * PAGE];
  static const caisson_plugin *table;
  if (table) return table;
  const char *cut = getenv("PEER_TABLE");
  uint32_t size = cut ? (uint32_t)strtoul(cut, NULL, 10) : (uint32_t)sizeof whole;
  /* Aligned as a table must be: what lies between its end and the end of memory is of no member. */
  char *at = memory + PAGE - (size + 7) / 8 * 8;
  memset(memory, 0xa5, PAGE);
  memcpy(at, &whole, size);
  memcpy(at, &size, sizeof size);
  if (mprotect(memory + PAGE, PAGE, PROT_NONE) != 0) return NULL;
  table = (const caisson_plugin *)(void *)at;
  return table;
}
