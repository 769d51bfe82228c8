/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ask.h"

#include <stdio.h>
#include <string.h>

#include "engine/internal.h"
#include "engine/refusal.h"
#include "transport/url.h"
#include "util/alloc.h"
#include "util/json.h"

/* ---- paths ----------------------------------------------------------------------------------- */

static int path_error(int rc, struct csn_error *err) {
  if (rc == CAISSON_E_LIMIT)
    return csn_fail(err, rc, CAISSON_REASON_INTERNAL, "too long a name for the engine");
  return rc ? csn_fail_nomem(err) : 0;
}

int csn_ask_route(struct csn_buffer *path, const char *route, struct csn_error *err) {
  return path_error(csn_buffer_addz(path, route), err);
}

/* An engine cleans paths before it looks at them, so these would reach something else. */
static int is_segment(const char *name) {
  return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int csn_ask_path(struct csn_buffer *path, const char *before, const char *name, const char *after,
                 struct csn_error *err) {
  if (!is_segment(name))
    return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL,
                    "\"%.100s\" cannot be the name of anything in an engine", name);
  int rc = csn_buffer_addz(path, before);
  if (rc == 0) rc = csn_url_add_escaped(path, name);
  if (rc == 0) rc = csn_buffer_addz(path, after);
  return path_error(rc, err);
}

int csn_ask_query(struct csn_buffer *path, const char *key, const char *value,
                  struct csn_error *err) {
  const char *separator = strchr(csn_buffer_text(path), '?') ? "&" : "?";
  int rc = csn_buffer_addf(path, "%s%s=", separator, key);
  if (rc == 0) rc = csn_url_add_escaped(path, value);
  return path_error(rc, err);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* The engine's own deadline is its failure, the caller's is not. */
static int deadline_passed(struct csn_engine *engine, const struct csn_ask *ask,
                           const struct csn_control *control, struct csn_error *err) {
  int rc = csn_control_check(control, err);
  if (rc || ask->seconds == 0) return rc ? rc : CAISSON_E_DEADLINE;
  int seconds = ask->seconds + csn_engine_patience(engine);
  rc = csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE,
                "the container engine at %s did not answer within %d s; look at its log or restart "
                "it",
                csn_engine_endpoint(engine), seconds);
  if (err) err->flags = CAISSON_ERROR_RETRYABLE;
  return rc;
}

static int send_once(struct csn_engine *engine, const struct csn_ask *ask,
                     const struct csn_http_request *request, const struct csn_control *control,
                     struct csn_http_response *response, struct csn_stream **stream,
                     struct csn_error *err) {
  struct csn_control own = *control;
  struct csn_transport *transport;
  int rc = csn_engine_transport(engine, control, &transport, err);
  if (rc) return rc;
  int seconds = ask->seconds ? ask->seconds + csn_transport_patience(transport) : 0;
  if (seconds) own = csn_control_within(control, seconds * CSN_SECOND);
  rc = stream ? csn_stream_open(transport, request, &own, stream, response, err)
              : csn_http_do(transport, request, &own, response, err);
  if (rc == CAISSON_E_DEADLINE) return deadline_passed(engine, ask, control, err);
  return rc;
}

int csn_ask_unversioned(struct csn_engine *engine, const struct csn_ask *ask,
                        const struct csn_control *control, struct csn_http_response *response,
                        struct csn_error *err) {
  struct csn_http_request request = {.method = ask->method, .path = ask->path};
  return send_once(engine, ask, &request, control, response, NULL, err);
}

/* Asks once; a refusal is an error. */
static int ask_once(struct csn_engine *engine, const struct csn_ask *ask, const char *json,
                    const struct csn_control *control, struct csn_http_response *response,
                    struct csn_stream **stream, struct csn_error *err) {
  int minor;
  int rc = csn_engine_api(engine, control, &minor, err);
  if (rc) return rc;
  char *path CSN_CLEANUP_FREE = csn_asprintf("/v1.%d%s", minor, ask->path);
  if (!path) return csn_fail_nomem(err);
  struct csn_http_request request = {
      .method = ask->method,
      .path = path,
      .body = json ? json : ask->bytes,
      .body_size = json ? strlen(json) : ask->size,
      .content_type = json ? "application/json" : ask->content_type,
      .headers = ask->headers,
      .give_body = ask->give_body,
      .give_ctx = ask->give_ctx,
      .on_body = ask->on_body,
      .ctx = ask->ctx,
  };
  rc = send_once(engine, ask, &request, control, response, stream, err);
  if (rc == CAISSON_E_ENGINE) csn_engine_forget(engine);
  if (rc || (stream && *stream)) return rc;
  if ((response->status >= 200 && response->status < 300) || response->status == 304) return 0;
  return csn_refusal(response->status, csn_buffer_text(&response->body), response->body.size, err);
}

/* An engine that was replaced by another version while we were connected refuses the version that
 * was negotiated; nothing has happened then, so it is asked again. */
static int ask_twice(struct csn_engine *engine, const struct csn_ask *ask,
                     const struct csn_control *control, struct csn_http_response *response,
                     struct csn_stream **stream, struct csn_error *err) {
  struct csn_error own = {0};
  char *json CSN_CLEANUP_FREE = ask->json ? csn_json_print(ask->json) : NULL;
  if (ask->json && !json) return csn_fail_nomem(err);
  if (!err) err = &own;
  int rc = ask_once(engine, ask, json, control, response, stream, err);
  if (rc != CAISSON_E_ENGINE || strcmp(err->reason, CAISSON_REASON_ENGINE_VERSION) != 0) return rc;
  csn_engine_forget(engine);
  if (ask->give_body) return rc;
  csn_http_response_free(response);
  return ask_once(engine, ask, json, control, response, stream, err);
}

int csn_ask(struct csn_engine *engine, const struct csn_ask *ask,
            const struct csn_control *control, struct csn_http_response *response,
            struct csn_error *err) {
  memset(response, 0, sizeof *response);
  return ask_twice(engine, ask, control, response, NULL, err);
}

int csn_ask_simple(struct csn_engine *engine, const struct csn_ask *ask,
                   const struct csn_control *control, struct csn_error *err) {
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  return csn_ask(engine, ask, control, &response, err);
}

int csn_ask_malformed(struct csn_error *err, const char *what) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "the engine's answer is malformed: %s", what);
}

int csn_ask_json(struct csn_engine *engine, const struct csn_ask *ask,
                 const struct csn_control *control, int array, cJSON **answer,
                 struct csn_error *err) {
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  int rc = csn_ask(engine, ask, control, &response, err);
  if (rc) return rc;
  const char *end = NULL, *text = csn_buffer_text(&response.body);
  cJSON *json CSN_CLEANUP_JSON = cJSON_ParseWithLengthOpts(text, response.body.size, &end, 0);
  struct csn_json_flaw flaw;
  if (!json && csn_json_scan(text, response.body.size, &flaw) == 0) return csn_fail_nomem(err);
  if (!json) return csn_ask_malformed(err, "it is not JSON");
  if (end + strspn(end, " \t\r\n") != text + response.body.size)
    return csn_ask_malformed(err, "something follows its JSON");
  if (!(array ? cJSON_IsArray(json) : cJSON_IsObject(json)))
    return csn_ask_malformed(err, array ? "it is not an array" : "it is not an object");
  *answer = CSN_STEAL(json);
  return 0;
}

int csn_ask_stream(struct csn_engine *engine, const struct csn_ask *ask,
                   const struct csn_control *control, struct csn_stream **stream,
                   struct csn_error *err) {
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  *stream = NULL;
  int rc = ask_twice(engine, ask, control, &response, stream, err);
  if (rc || *stream) return rc;
  char what[64];
  snprintf(what, sizeof what, "status %d and no stream", response.status);
  return csn_ask_malformed(err, what);
}

/* ---- answers --------------------------------------------------------------------------------- */

int csn_ask_context(int rc, struct csn_error *err, const char *what, const char *name) {
  if (rc >= 0 || csn_is_stop(rc) || rc == CAISSON_E_NOMEM) return rc;
  csn_error_wrap(err, "%s \"%.100s\"", what, name);
  return rc;
}

int csn_ask_id(const cJSON *answer, char *id, size_t size, struct csn_error *err) {
  const char *text = csn_json_string(answer, "Id", "");
  size_t n = strlen(text);
  if (n == 0 || n >= size || strspn(text, "0123456789abcdef") != n)
    return csn_ask_malformed(err, "it has no id");
  memcpy(id, text, n + 1);
  return 0;
}
