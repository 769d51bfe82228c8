/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: the host's side of the ABI in one place: what this program offers to the plugin, an
 * instance from create to destroy, a call from open to close, and the hooks that fire meanwhile.
 * Knows nothing of how results are shown. */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "interrupt.h"
#include "json.h"
#include "ui.h"
#include "version.h"

/* How long `input` may hold the calling thread, on which the output callback waits too. */
#define INPUT_WAIT_MS 1

/* ---- the instance ---------------------------------------------------------------------------- */

static struct {
  void (*logged)(void *ctx, int32_t level, const char *text, size_t n);
  void *ctx;
} log_reader;

void csn_host_notify_log(void (*logged)(void *ctx, int32_t level, const char *text, size_t n),
                         void *ctx) {
  log_reader.logged = logged;
  log_reader.ctx = ctx;
}

static void on_log(void *ctx, int32_t level, const char *text, uint64_t n) {
  const struct csn_host *host = ctx;
  if (log_reader.logged)
    log_reader.logged(log_reader.ctx, level, text, (size_t)n);
  if (level > CAISSON_LOG_WARNING && !host->verbose)
    return;
  if (level == CAISSON_LOG_AUDIT) { /* a line of its own, for whoever reads them by program */
    csn_ui_line(text, (size_t)n);
    return;
  }
  const char *kind = level <= CAISSON_LOG_ERROR      ? "error: "
                     : level <= CAISSON_LOG_WARNING ? "warning: "
                                                     : "";
  csn_ui_say("%s%.*s", kind, (int)(n < 4000 ? n : 4000), text);
}

int csn_host_load(struct csn_host *host, const struct csn_options *options, bool lazy,
                  struct csn_failure *failure) {
  host->verbose = options->verbose;
  host->offer = (caisson_host){
      .struct_size = sizeof host->offer,
      .abi_minor = CAISSON_ABI_MINOR,
      .ctx = host,
      .name = "caisson-host",
      .version = CSN_VERSION,
      .log = on_log,
  };
  return csn_routes_load(&host->routes, options, lazy, &host->offer, failure);
}

int csn_host_create(struct csn_host *host, struct csn_failure *failure) {
  return csn_routes_create(&host->routes, failure);
}

int csn_host_start(struct csn_host *host, const struct csn_options *options, bool lazy) {
  struct csn_failure failure;
  if (csn_host_load(host, options, lazy, &failure) == 0 && csn_host_create(host, &failure) == 0)
    return 0;
  csn_ui_say("%s", failure.message);
  csn_host_stop(host);
  return CSN_EXIT_FAILED;
}

void csn_host_stop(struct csn_host *host) { csn_routes_close(&host->routes); }

static const struct csn_route *chosen(const struct csn_host *host) {
  return &host->routes.all[host->routes.chosen];
}

struct csn_slot *csn_host_slot(struct csn_host *host) {
  return &host->routes.all[host->routes.chosen].slot;
}

struct csn_generation *csn_host_pin(struct csn_host *host) {
  return csn_slot_pin(csn_host_slot(host));
}

struct csn_generation *csn_host_pin_tool(struct csn_host *host, const char *name,
                                         const cJSON **tool) {
  struct csn_route *route = csn_routes_find(&host->routes, false, name, &name);
  struct csn_generation *g = route ? csn_slot_pin(&route->slot) : csn_host_pin(host);
  *tool = route ? csn_generation_tool(g, name) : NULL;
  return g;
}

char *csn_host_tool_name(struct csn_host *host, const char *factory_name) {
  struct csn_generation *g = csn_host_pin(host);
  const cJSON *tool;
  const char *name = NULL;
  cJSON_ArrayForEach(tool, csn_json_get(g->offered, "tools")) {
    const char *made_as = csn_json_string(csn_json_get(tool, "_meta"), "caisson/tool");
    if (made_as && strcmp(made_as, factory_name) == 0)
      name = csn_json_string(tool, "name");
  }
  char *full = NULL;
  if (name && asprintf(&full, "%s%s", chosen(host)->prefix, name) < 0)
    full = csn_must(NULL);
  csn_slot_unpin(g);
  return full;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

struct run {
  const struct csn_host *host;
  const struct csn_call *call;
  struct csn_reply *reply;
  bool told; /* that it is being cancelled */
};

static int32_t on_cancelled(void *ctx) {
  struct run *run = ctx;
  if (!csn_interrupt_pressed())
    return 0;
  if (!run->told && !run->call->beside && isatty(STDERR_FILENO))
    csn_ui_say("cancelling (Ctrl-C again leaves at once)");
  run->told = true;
  return 1;
}

static int32_t on_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  struct run *run = ctx;
  if (n == 0)
    return 0;
  int fd = stream == CAISSON_STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO;
  if (run->call->has_output && fd == STDOUT_FILENO)
    fd = run->call->output;
  else
    csn_ui_progress_clear();
  int failed = csn_file_write(fd, bytes, (size_t)n, csn_interrupt_pressed);
  run->reply->streamed += n;
  if (run->call->moved)
    run->call->moved(run->call->moved_ctx, n);
  run->reply->line_open = ((const char *)bytes)[n - 1] != '\n';
  if (failed && failed != EINTR)
    run->reply->write_errno = failed;
  return failed != 0;
}

static void on_progress(void *ctx, int32_t permille, const char *note, uint64_t n) {
  const struct run *run = ctx;
  csn_ui_progress(run->host->verbose, permille, note, n);
}

static int32_t on_watch_cancelled(void *ctx) {
  const struct csn_watch *watch = ctx;
  return watch->cancelled(watch->ctx);
}

static int32_t on_watch_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  const struct csn_watch *watch = ctx;
  (void)stream;
  watch->output(watch->ctx, bytes, (size_t)n);
  return watch->cancelled(watch->ctx);
}

static void on_watch_progress(void *ctx, int32_t permille, const char *note, uint64_t n) {
  const struct csn_watch *watch = ctx;
  watch->progress(watch->ctx, permille, note, (size_t)n);
}

static int64_t on_input(void *ctx, void *buffer, uint64_t capacity) {
  const struct csn_call *call = ctx;
  struct pollfd ready = {.fd = call->input, .events = POLLIN};
  if (poll(&ready, 1, INPUT_WAIT_MS) <= 0)
    return CAISSON_INPUT_AGAIN;
  ssize_t n = read(call->input, buffer, (size_t)capacity);
  if (n < 0)
    return errno == EINTR || errno == EAGAIN ? CAISSON_INPUT_AGAIN : CAISSON_INPUT_ERROR;
  if (call->moved)
    call->moved(call->moved_ctx, (uint64_t)n);
  return n; /* 0 is CAISSON_INPUT_END */
}

/* ---- one call -------------------------------------------------------------------------------- */

static caisson_str str(const char *text) {
  return (caisson_str){text, text ? strlen(text) : 0};
}

/* The plugin's json ends with the call, so what outlives it is a copy. */
static void keep_result(struct csn_reply *reply) {
  const caisson_str *json = &reply->result.json;
  if (!json->data)
    return;
  reply->json = csn_must(malloc((size_t)json->size + 1));
  memcpy(reply->json, json->data, (size_t)json->size);
  reply->json[json->size] = '\0';
  reply->result.json.data = reply->json;
  reply->document = csn_json_parse(reply->json, (size_t)json->size);
}

static void run_call(const struct csn_host *host, const struct csn_generation *g,
                     const struct csn_call *call, uint64_t id, struct csn_reply *reply) {
  struct run run = {.host = host, .call = call, .reply = reply};
  caisson_hooks hooks = {
      .struct_size = sizeof hooks,
      .ctx = &run,
      .cancelled = on_cancelled,
      .output = call->live ? on_output : NULL,
      .progress = call->beside ? NULL : on_progress,
  };
  union {
    const struct csn_watch *in;
    void *out;
  } watch = {.in = call->watch}; /* hooks have one type of context */
  if (call->watch)
    hooks = (caisson_hooks){.struct_size = sizeof hooks,
                            .ctx = watch.out,
                            .cancelled = on_watch_cancelled,
                            .output = on_watch_output,
                            .progress = on_watch_progress};
  (void)fflush(stdout);
  if (!call->beside)
    csn_interrupt_enter(CSN_INTERRUPT_CALL);
  reply->status =
      g->loaded.plugin->call_run(g->instance, id, &hooks, &reply->result, &reply->error);
  if (call->beside)
    return;
  csn_interrupt_enter(CSN_INTERRUPT_IDLE);
  csn_ui_progress_clear();
}

/* The whole call on one generation. */
static void call_on(const struct csn_host *host, const struct csn_generation *g,
                    const char *name, const struct csn_call *call, struct csn_reply *reply) {
  const caisson_plugin *plugin = g->loaded.plugin;
  struct csn_call with_input = *call;
  uint64_t id = 0;
  caisson_request request = {
      .struct_size = sizeof request,
      .flags = call->operation ? CAISSON_REQUEST_HOST : 0,
      .name = str(name),
      .args_json = str(call->args),
      .options_json = str(call->options),
      .session = str(call->session),
      .deadline_ms = call->timeout_ms,
      .input = call->input >= 0 ? on_input : NULL,
      .input_ctx = &with_input,
  };
  if (call->args_size)
    request.args_json.size = call->args_size;
  *reply = (struct csn_reply){.generation = g->number, .retries = reply->retries};
  reply->error.struct_size = sizeof reply->error;
  reply->result.struct_size = sizeof reply->result;
  reply->status = plugin->call_open(g->instance, &request, &id, &reply->error);
  if (reply->status < 0)
    return;
  run_call(host, g, call, id, reply);
  keep_result(reply);
  (void)plugin->call_close(g->instance, id);
}

/* CAISSON_E_DRAINING says that the tool did not start. A caller that pinned a generation just
 * before another was published gets it, from call_open or from call_run, and makes the call anew. */
static bool was_replaced(const struct csn_slot *slot, const struct csn_generation *g,
                         const struct csn_reply *reply) {
  return reply->status == CAISSON_E_DRAINING && atomic_load(&slot->current) != g;
}

static void refuse_unknown(const char *name, struct csn_reply *reply) {
  reply->status = reply->error.code = CAISSON_E_NOT_FOUND;
  (void)snprintf(reply->error.reason, sizeof reply->error.reason, "%s",
                 CAISSON_REASON_UNKNOWN_TOOL);
  (void)snprintf(reply->error.message, sizeof reply->error.message,
                 "no plugin offers a tool %.200s (`caisson-host tools` lists them)", name);
}

void csn_host_call(struct csn_host *host, const struct csn_call *call, struct csn_reply *reply) {
  bool again;
  *reply = (struct csn_reply){.status = 0};
  do {
    const char *name = call->name;
    struct csn_route *route = csn_routes_find(&host->routes, call->operation, name, &name);
    if (!route) {
      refuse_unknown(name, reply);
      return;
    }
    struct csn_generation *g = csn_slot_pin(&route->slot);
    call_on(host, g, name, call, reply);
    again = was_replaced(&route->slot, g, reply);
    csn_slot_unpin(g);
    if (again) {
      unsigned retries = reply->retries + 1;
      csn_reply_free(reply);
      reply->retries = retries;
    }
  } while (again);
}

void csn_reply_free(struct csn_reply *reply) {
  cJSON_Delete(reply->document);
  free(reply->json);
  *reply = (struct csn_reply){.status = 0};
}

const cJSON *csn_reply_structured(const struct csn_reply *reply) {
  return csn_json_get(reply->document, "structuredContent");
}
