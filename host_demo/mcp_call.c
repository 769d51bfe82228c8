/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_call.c: tools/call. The plugin's result is an MCP CallToolResult already and goes out as it
 * is; what remains is to run the call beside others and to say which failures are the protocol's. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "json.h"
#include "mcp.h"
#include "mcp_progress.h"
#include "text.h"
#include "ui.h"

/* As long as the plugin's option takes it. */
#define TRACE_MAX 256

/* ---- what the client asks for ---------------------------------------------------------------- */

static enum csn_mcp_answer check(const struct csn_mcp_request *request,
                                 struct csn_mcp_failure *failure) {
  const cJSON *arguments = csn_json_get(request->params, "arguments");
  const cJSON *token = csn_json_get(request->meta, "progressToken");
  char *text = token ? csn_rpc_name(token) : NULL;
  bool bad_token = token && !text;
  free(text);
  if (!csn_json_string(request->params, "name"))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS, "\"name\" must be a tool's name");
  if (arguments && !cJSON_IsObject(arguments))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS, "\"arguments\" must be an object");
  if (bad_token)
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS,
                        "\"progressToken\" must be a string or an integer");
  return CSN_MCP_RESULT;
}

/* The options of the command line, and the trace that the client's request is part of. NULL: none. */
static char *make_options(const struct csn_mcp *mcp, const struct csn_mcp_request *request) {
  const char *given = mcp->options->request;
  const char *trace = csn_json_string(request->meta, "traceparent");
  if (!trace || strlen(trace) > TRACE_MAX)
    return given ? csn_must(strdup(given)) : NULL;
  cJSON *options = given ? csn_json_parse(given, strlen(given)) : cJSON_CreateObject();
  /* What is no object is left to the plugin, which has words for it. */
  if (cJSON_IsObject(options) && !csn_json_get(options, "trace_id"))
    (void)csn_must(cJSON_AddStringToObject(options, "trace_id", trace));
  char *text = cJSON_IsObject(options) ? csn_must(cJSON_PrintUnformatted(options))
                                       : csn_must(strdup(given));
  cJSON_Delete(options);
  return text;
}

static void fill_in(struct csn_mcp_flight *flight, const struct csn_mcp_request *request) {
  const cJSON *arguments = csn_json_get(request->params, "arguments");
  const cJSON *token = csn_json_get(request->meta, "progressToken");
  flight->tool = csn_must(strdup(csn_json_string(request->params, "name")));
  flight->args = arguments ? csn_must(cJSON_PrintUnformatted(arguments)) : NULL;
  flight->options = make_options(flight->mcp, request);
  flight->token = token ? csn_rpc_name(token) : NULL;
}

/* ---- what it is told ------------------------------------------------------------------------- */

struct watching {
  struct csn_mcp_flight *flight;
  struct csn_progress progress;
};

static bool on_cancelled(void *ctx) {
  struct watching *w = ctx;
  csn_progress_tick(&w->progress);
  return atomic_load(&w->flight->cancelled);
}

static void on_output(void *ctx, const char *bytes, size_t n) {
  struct watching *w = ctx;
  csn_progress_output(&w->progress, bytes, n);
}

static void on_progress(void *ctx, int32_t permille, const char *note, size_t n) {
  struct watching *w = ctx;
  csn_progress_note(&w->progress, permille, note, n);
}

static char *refusal(const struct csn_mcp_flight *flight, const struct csn_reply *reply, int code,
                     size_t *n) {
  cJSON *data = csn_must(cJSON_CreateObject());
  const char *words = *reply->error.message ? reply->error.message
                                            : "the call failed, and the plugin did not say why";
  (void)csn_must(cJSON_AddStringToObject(data, "reason", reply->error.reason));
  return csn_rpc_error(flight->id, code, words, data, n);
}

/* The line that answers the request. */
static char *answer(const struct csn_mcp_flight *flight, const struct csn_reply *reply, size_t *n) {
  bool unknown = reply->status == CAISSON_E_NOT_FOUND &&
                 strcmp(reply->error.reason, CAISSON_REASON_UNKNOWN_TOOL) == 0;
  if (unknown)
    return refusal(flight, reply, CSN_RPC_INVALID_PARAMS, n);
  if (!cJSON_IsObject(reply->document) || !csn_text_is_utf8(reply->json, strlen(reply->json)))
    return refusal(flight, reply, CSN_RPC_INTERNAL_ERROR, n);
  const char *extra = csn_mcp_result_extra(flight->modern, reply->document);
  /* A message is one line, however a plugin prints its documents. */
  char *printed = strchr(reply->json, '\n') ? csn_must(cJSON_PrintUnformatted(reply->document))
                                            : NULL;
  const char *text = printed ? printed : reply->json;
  char *line = csn_rpc_result(flight->id, text, strlen(text), extra, n);
  free(printed);
  return line;
}

static void *run(void *ctx) {
  struct csn_mcp_flight *flight = ctx;
  struct csn_mcp *mcp = flight->mcp;
  struct watching *w = csn_must(calloc(1, sizeof *w));
  w->flight = flight;
  w->progress.out = &mcp->out;
  w->progress.token = flight->token;
  const struct csn_watch watch = {on_cancelled, on_output, on_progress, w};
  const struct csn_call call = {
      .name = flight->tool,
      .args = flight->args,
      .options = flight->options,
      .session = mcp->session,
      .timeout_ms = mcp->options->timeout_ms,
      .input = -1,
      .beside = true,
      .watch = &watch,
  };
  struct csn_reply reply;
  size_t n = 0;
  csn_host_call(&mcp->host, &call, &reply);
  csn_progress_end(&w->progress);
  char *line = answer(flight, &reply, &n);
  csn_reply_free(&reply);
  free(w);
  csn_mcp_flight_end(flight, line, n);
  return NULL;
}

/* Signals are for the thread that reads. */
static int start(struct csn_mcp_flight *flight) {
  pthread_t thread;
  pthread_attr_t detached;
  sigset_t blocked, before;
  csn_interrupt_signals(&blocked);
  (void)pthread_attr_init(&detached);
  (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
  int failed = pthread_create(&thread, &detached, run, flight);
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  (void)pthread_attr_destroy(&detached);
  return failed;
}

enum csn_mcp_answer csn_mcp_tools_call(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                       cJSON *result, struct csn_mcp_failure *failure) {
  (void)result;
  if (check(request, failure) == CSN_MCP_FAILED)
    return CSN_MCP_FAILED;
  struct csn_mcp_flight *flight = csn_mcp_flight_begin(mcp, request, failure);
  if (!flight)
    return CSN_MCP_FAILED;
  fill_in(flight, request);
  if (start(flight) == 0)
    return CSN_MCP_LATER;
  size_t n;
  char *line = csn_rpc_error(flight->id, CSN_RPC_INTERNAL_ERROR,
                             "no thread for the call can be started: the limit of this process or "
                             "machine is reached; try again when others have ended",
                             NULL, &n);
  csn_mcp_flight_end(flight, line, n);
  return CSN_MCP_LATER;
}
