/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_methods.c: the methods of the protocol, each in the revisions that have it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "mcp.h"
#include "text.h"
#include "ui.h"
#include "version.h"

#define MODERN "2026-07-28"
/* The newest first: it is what a client gets that asks for one that is not here. */
static const char *const with_initialize[] = {"2025-11-25", "2025-06-18"};
#define WITH_INITIALIZE (sizeof with_initialize / sizeof with_initialize[0])

/* How long a client may take the list of tools for current: it is told of changes if it listens. */
#define TTL_MS 60000

#define SERVER_INFO \
  "{\"name\":\"caisson\",\"title\":\"Caisson sandbox\",\"version\":\"" CSN_VERSION "\"}"
#define INSTRUCTIONS \
  "The tools work in one isolated Linux container. Files stay there from one call to the next; " \
  "each command is a shell of its own."

enum csn_mcp_answer csn_mcp_fail(struct csn_mcp_failure *failure, int code, const char *fmt, ...) {
  va_list ap;
  failure->code = code;
  va_start(ap, fmt);
  (void)vsnprintf(failure->message, sizeof failure->message, fmt, ap);
  va_end(ap);
  return CSN_MCP_FAILED;
}

static cJSON *add_object(cJSON *to, const char *name) {
  return csn_must(cJSON_AddObjectToObject(to, name));
}

static void add_text(cJSON *to, const char *name, const char *text) {
  (void)csn_must(cJSON_AddStringToObject(to, name, text));
}

static void notify(struct csn_mcp *mcp, const char *method, cJSON *params) {
  size_t n;
  char *line = csn_rpc_notification(method, params, &n);
  csn_out_put(&mcp->out, line, n);
}

/* ---- clients that initialize ----------------------------------------------------------------- */

static const char *agree_on(const char *wanted) {
  for (size_t i = 0; i < WITH_INITIALIZE; i++)
    if (strcmp(wanted, with_initialize[i]) == 0)
      return with_initialize[i];
  return with_initialize[0];
}

static enum csn_mcp_answer initialize(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                      cJSON *result, struct csn_mcp_failure *failure) {
  const char *wanted = csn_json_string(request->params, "protocolVersion");
  if (!wanted)
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS, "\"protocolVersion\" must be a string");
  if (atomic_load(&mcp->agreed))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_REQUEST, "this connection is initialized already");
  atomic_store(&mcp->agreed, agree_on(wanted));
  add_text(result, "protocolVersion", atomic_load(&mcp->agreed));
  cJSON *capabilities = add_object(result, "capabilities");
  (void)csn_must(cJSON_AddTrueToObject(add_object(capabilities, "tools"), "listChanged"));
  (void)add_object(capabilities, "logging");
  (void)csn_must(cJSON_AddRawToObject(result, "serverInfo", SERVER_INFO));
  add_text(result, "instructions", INSTRUCTIONS);
  return CSN_MCP_RESULT;
}

static enum csn_mcp_answer ping(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                cJSON *result, struct csn_mcp_failure *failure) {
  (void)mcp;
  (void)request;
  (void)result;
  (void)failure;
  return CSN_MCP_RESULT;
}

/* The severities of RFC 5424, which the ABI's levels are too. */
static const char *const severities[] = {"emergency", "alert",  "critical", "error",
                                         "warning",   "notice", "info",     "debug"};
#define SEVERITIES ((int)(sizeof severities / sizeof severities[0]))

static enum csn_mcp_answer set_level(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                     cJSON *result, struct csn_mcp_failure *failure) {
  const char *level = csn_json_string(request->params, "level");
  (void)result;
  for (int i = 0; level && i < SEVERITIES; i++)
    if (strcmp(level, severities[i]) == 0) {
      atomic_store(&mcp->log_level, i);
      return CSN_MCP_RESULT;
    }
  return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS,
                      "\"level\" must be one of debug, info, notice, warning, error, critical, "
                      "alert, emergency");
}

/* Of a thread that must not wait: what a slow client has no room for is on stderr all the same. */
void csn_mcp_logged(void *ctx, int32_t level, const char *text, size_t n) {
  struct csn_mcp *mcp = ctx;
  size_t size;
  int known = level < 0 ? 0 : level < SEVERITIES ? level : SEVERITIES - 1;
  /* The audit is about the client, and not for it. */
  if (level == CAISSON_LOG_AUDIT)
    return;
  if (!atomic_load(&mcp->agreed) || known > atomic_load(&mcp->log_level))
    return;
  cJSON *params = csn_must(cJSON_CreateObject());
  char *safe = csn_text_repair(text, n, NULL);
  add_text(params, "level", severities[known]);
  add_text(params, "logger", "caisson");
  add_text(params, "data", safe);
  free(safe);
  char *line = csn_rpc_notification("notifications/message", params, &size);
  (void)csn_out_offer(&mcp->out, line, size);
}

/* ---- clients that do not --------------------------------------------------------------------- */

static void add_versions(cJSON *to, const char *name) {
  cJSON *list = csn_must(cJSON_AddArrayToObject(to, name));
  (void)cJSON_AddItemToArray(list, csn_must(cJSON_CreateString(MODERN)));
  for (size_t i = 0; i < WITH_INITIALIZE; i++)
    (void)cJSON_AddItemToArray(list, csn_must(cJSON_CreateString(with_initialize[i])));
}

static void add_cache_hints(cJSON *result) {
  (void)csn_must(cJSON_AddNumberToObject(result, "ttlMs", TTL_MS));
  add_text(result, "cacheScope", "public");
}

static enum csn_mcp_answer discover(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                    cJSON *result, struct csn_mcp_failure *failure) {
  (void)mcp;
  (void)request;
  (void)failure;
  add_versions(result, "supportedVersions");
  cJSON *capabilities = add_object(result, "capabilities");
  (void)csn_must(cJSON_AddTrueToObject(add_object(capabilities, "tools"), "listChanged"));
  add_text(result, "instructions", INSTRUCTIONS);
  add_cache_hints(result);
  return CSN_MCP_RESULT;
}

static cJSON *of_subscription(const struct csn_mcp_flight *flight) {
  cJSON *params = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddRawToObject(add_object(params, "_meta"), CSN_MCP_SUBSCRIPTION_KEY,
                                      flight->id));
  return params;
}

static enum csn_mcp_answer listen_to(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                     cJSON *result, struct csn_mcp_failure *failure) {
  const cJSON *wanted = csn_json_get(request->params, "notifications");
  (void)result;
  if (!cJSON_IsObject(wanted))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS, "\"notifications\" must be an object");
  struct csn_mcp_flight *flight = csn_mcp_flight_begin(mcp, request, failure);
  if (!flight)
    return CSN_MCP_FAILED;
  cJSON *params = of_subscription(flight), *granted = add_object(params, "notifications");
  bool wants_tools = csn_json_true(wanted, "toolsListChanged");
  if (wants_tools)
    (void)csn_must(cJSON_AddTrueToObject(granted, "toolsListChanged"));
  notify(mcp, "notifications/subscriptions/acknowledged", params);
  /* From now on it may be told of changes: that was the first it heard. */
  (void)pthread_mutex_lock(&mcp->mutex);
  flight->wants_tools = wants_tools;
  flight->listens = true;
  (void)pthread_mutex_unlock(&mcp->mutex);
  return CSN_MCP_LATER;
}

void csn_mcp_tools_changed(void *ctx) {
  static const char method[] = "notifications/tools/list_changed";
  struct csn_mcp *mcp = ctx;
  cJSON *told[CSN_MCP_FLIGHTS + 1]; /* what each is told */
  size_t count = 0;
  if (atomic_load(&mcp->agreed))
    told[count++] = csn_must(cJSON_CreateObject());
  (void)pthread_mutex_lock(&mcp->mutex);
  for (const struct csn_mcp_flight *f = mcp->flights; f; f = f->next)
    if (f->wants_tools)
      told[count++] = of_subscription(f);
  (void)pthread_mutex_unlock(&mcp->mutex);
  /* A slow client is waited for, which nobody else has to, so not under the lock. */
  for (size_t i = 0; i < count; i++)
    notify(mcp, method, told[i]);
}

/* ---- both ------------------------------------------------------------------------------------ */

static enum csn_mcp_answer tools_list(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                      cJSON *result, struct csn_mcp_failure *failure) {
  /* There is one page, which has no cursor to go on from. */
  if (csn_json_get(request->params, "cursor"))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS, "this \"cursor\" is none of this server's");
  (void)cJSON_AddItemToObject(result, "tools", csn_tools_list(&mcp->host));
  if (request->modern)
    add_cache_hints(result);
  return CSN_MCP_RESULT;
}

#define IN_MODERN 1u
#define IN_INITIALIZED 2u
#define BEFORE_THAT 4u

static const struct method {
  const char *name;
  unsigned where;
  enum csn_mcp_answer (*answer)(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                cJSON *result, struct csn_mcp_failure *failure);
} methods[] = {
    {"initialize", IN_INITIALIZED | BEFORE_THAT, initialize},
    {"ping", IN_INITIALIZED | BEFORE_THAT, ping},
    {"logging/setLevel", IN_INITIALIZED, set_level},
    {"server/discover", IN_MODERN, discover},
    {"subscriptions/listen", IN_MODERN, listen_to},
    {"tools/list", IN_INITIALIZED | IN_MODERN, tools_list},
    {"tools/call", IN_INITIALIZED | IN_MODERN, csn_mcp_tools_call},
};

/* ---- one request ----------------------------------------------------------------------------- */

static enum csn_mcp_answer check_modern(const struct csn_mcp_request *request, const cJSON *version,
                                        struct csn_mcp_failure *failure) {
  if (!cJSON_IsString(version))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS,
                        "_meta \"" CSN_MCP_VERSION_KEY "\" must be a string");
  if (strcmp(version->valuestring, MODERN) != 0) {
    failure->data = csn_must(cJSON_CreateObject());
    add_versions(failure->data, "supported");
    add_text(failure->data, "requested", version->valuestring);
    return csn_mcp_fail(failure, CSN_RPC_UNSUPPORTED_VERSION, "Unsupported protocol version");
  }
  if (!cJSON_IsObject(csn_json_get(request->meta, CSN_MCP_CAPABILITIES_KEY)))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS,
                        "_meta \"" CSN_MCP_CAPABILITIES_KEY "\" must be an object");
  return CSN_MCP_RESULT;
}

/* Of which revision the request is. */
static enum csn_mcp_answer place(const struct csn_rpc *rpc, struct csn_mcp_request *request,
                                 struct csn_mcp_failure *failure) {
  const cJSON *meta = csn_json_get(rpc->params, "_meta");
  const cJSON *version = csn_json_get(meta, CSN_MCP_VERSION_KEY);
  *request = (struct csn_mcp_request){.id = rpc->id, .params = rpc->params, .meta = meta};
  request->modern = version != NULL;
  if (meta && !cJSON_IsObject(meta))
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS, "\"_meta\" must be an object");
  return version ? check_modern(request, version, failure) : CSN_MCP_RESULT;
}

static enum csn_mcp_answer answer(struct csn_mcp *mcp, const struct csn_rpc *rpc,
                                  struct csn_mcp_request *request, cJSON *result,
                                  struct csn_mcp_failure *failure) {
  const struct method *method = NULL;
  if (place(rpc, request, failure) == CSN_MCP_FAILED)
    return CSN_MCP_FAILED;
  unsigned here = request->modern              ? IN_MODERN
                  : atomic_load(&mcp->agreed) ? IN_INITIALIZED
                                              : BEFORE_THAT;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0] && !method; i++)
    if (strcmp(methods[i].name, rpc->method) == 0)
      method = &methods[i];
  if (method && (method->where & here))
    return method->answer(mcp, request, result, failure);
  if (method && here == BEFORE_THAT)
    return csn_mcp_fail(failure, CSN_RPC_INVALID_PARAMS,
                        "which revision of the protocol? Send initialize first, or give each "
                        "request _meta \"" CSN_MCP_VERSION_KEY "\": \"" MODERN "\"");
  return csn_mcp_fail(failure, CSN_RPC_METHOD_NOT_FOUND, "there is no method \"%.200s\"%s",
                      rpc->method, method ? " in this revision of the protocol" : "");
}

#define COMPLETE "\"resultType\":\"complete\""

const char *csn_mcp_result_extra(bool modern, const cJSON *result) {
  if (!modern || csn_json_get(result, "resultType"))
    return NULL;
  return csn_json_get(result, "_meta")
             ? COMPLETE
             : COMPLETE ",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":" SERVER_INFO "}";
}

static void take_request(struct csn_mcp *mcp, const struct csn_rpc *rpc) {
  struct csn_mcp_failure failure = {.data = NULL};
  struct csn_mcp_request request;
  size_t n = 0;
  char *line = NULL, *text = NULL;
  cJSON *result = csn_must(cJSON_CreateObject());
  switch (answer(mcp, rpc, &request, result, &failure)) {
  case CSN_MCP_RESULT:
    text = csn_must(cJSON_PrintUnformatted(result));
    line = csn_rpc_result(rpc->id, text, strlen(text), csn_mcp_result_extra(request.modern, result), &n);
    break;
  case CSN_MCP_FAILED:
    line = csn_rpc_error(rpc->id, failure.code, failure.message, failure.data, &n);
    break;
  case CSN_MCP_LATER: break;
  }
  if (line)
    csn_out_put(&mcp->out, line, n);
  free(text);
  cJSON_Delete(result);
}

/* A notification gets no answer, whatever is wrong with it. */
static void take_notification(struct csn_mcp *mcp, const struct csn_rpc *rpc) {
  if (strcmp(rpc->method, "notifications/cancelled") != 0)
    return;
  char *id = csn_rpc_name(csn_json_get(rpc->params, "requestId"));
  if (id)
    csn_mcp_flight_cancel(mcp, id);
  free(id);
}

void csn_mcp_refuse(struct csn_mcp *mcp, int code, const char *words) {
  size_t n;
  char *line = csn_rpc_error(NULL, code, words, NULL, &n);
  csn_out_put(&mcp->out, line, n);
}

void csn_mcp_take(struct csn_mcp *mcp, const char *text, size_t size) {
  struct csn_rpc rpc;
  size_t n;
  csn_rpc_read(text, size, &rpc);
  switch (rpc.kind) {
  case CSN_RPC_REQUEST: take_request(mcp, &rpc); break;
  case CSN_RPC_NOTIFICATION: take_notification(mcp, &rpc); break;
  case CSN_RPC_RESPONSE: break; /* nothing was asked of the client */
  case CSN_RPC_MALFORMED: {
    char *line = csn_rpc_error(rpc.id, rpc.code, rpc.words, NULL, &n);
    csn_out_put(&mcp->out, line, n);
    break;
  }
  }
  csn_rpc_free(&rpc);
}
