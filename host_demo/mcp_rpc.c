/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_rpc.c: what makes a message well-formed, and nothing about what its method means. */
#include "mcp_rpc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "ui.h"

#define BLANKS " \t\r\n"

/* ---- reading --------------------------------------------------------------------------------- */

static void refuse(struct csn_rpc *rpc, int code, const char *words) {
  rpc->kind = CSN_RPC_MALFORMED;
  rpc->code = code;
  rpc->words = words;
}

/* The whole of it, with nothing behind. */
static cJSON *parse(const char *bytes, size_t n) {
  const char *end = bytes;
  if (memchr(bytes, '\0', n) || !csn_text_is_utf8(bytes, n))
    return NULL;
  cJSON *document = cJSON_ParseWithLengthOpts(bytes, n, &end, false);
  while (document && end < bytes + n && strchr(BLANKS, *end))
    end++;
  if (document && end == bytes + n)
    return document;
  cJSON_Delete(document);
  return NULL;
}

/* cJSON prints fifteen digits of a number where more would hardly be another one. */
static char *print_integer(double value) {
  char *text = NULL;
  if (!(value >= -CSN_RPC_INTEGER_MAX && value <= CSN_RPC_INTEGER_MAX) ||
      value != (double)(int64_t)value)
    return NULL;
  return asprintf(&text, "%.0f", value) < 0 ? csn_must(NULL) : text;
}

char *csn_rpc_name(const cJSON *value) {
  if (cJSON_IsNumber(value))
    return print_integer(value->valuedouble);
  return cJSON_IsString(value) ? csn_must(cJSON_PrintUnformatted(value)) : NULL;
}

static bool is_response(const cJSON *document) {
  return csn_json_get(document, "result") || csn_json_get(document, "error");
}

/* cJSON would take a text with an escaped NUL for ended there, and nobody would see it. */
static bool has_nul(const char *bytes, size_t n) {
  static const char escape[] = "\\u0000";
  const char *at = bytes, *end = bytes + n;
  while ((at = memmem(at, (size_t)(end - at), escape, sizeof escape - 1))) {
    size_t before = 0;
    while (at - before > bytes && at[-1 - (ptrdiff_t)before] == '\\')
      before++;
    if (before % 2 == 0) /* else it is itself escaped */
      return true;
    at++;
  }
  return false;
}

static void read_object(struct csn_rpc *rpc) {
  const cJSON *document = rpc->document, *id = csn_json_get(document, "id");
  const char *version = csn_json_string(document, "jsonrpc");
  rpc->id = csn_rpc_name(id);
  rpc->method = csn_json_string(document, "method");
  rpc->params = csn_json_get(document, "params");
  rpc->kind = id ? CSN_RPC_REQUEST : CSN_RPC_NOTIFICATION;
  if (!version || strcmp(version, "2.0") != 0)
    refuse(rpc, CSN_RPC_INVALID_REQUEST, "\"jsonrpc\" must be \"2.0\"");
  else if (!rpc->method && is_response(document))
    rpc->kind = CSN_RPC_RESPONSE;
  else if (!rpc->method)
    refuse(rpc, CSN_RPC_INVALID_REQUEST, "\"method\" must be a string");
  else if (id && !rpc->id)
    refuse(rpc, CSN_RPC_INVALID_REQUEST, "\"id\" must be a string or an integer");
  else if (rpc->params && !cJSON_IsObject(rpc->params))
    refuse(rpc, CSN_RPC_INVALID_PARAMS, "\"params\" must be an object");
}

void csn_rpc_read(const char *bytes, size_t n, struct csn_rpc *rpc) {
  *rpc = (struct csn_rpc){.document = parse(bytes, n)};
  if (!rpc->document)
    refuse(rpc, CSN_RPC_PARSE_ERROR, "not JSON in UTF-8, one message on a line");
  else if (cJSON_IsArray(rpc->document))
    refuse(rpc, CSN_RPC_INVALID_REQUEST, "batches are not part of this protocol: one message each");
  else if (!cJSON_IsObject(rpc->document))
    refuse(rpc, CSN_RPC_INVALID_REQUEST, "a message is an object");
  else
    read_object(rpc);
  if (rpc->kind == CSN_RPC_REQUEST && has_nul(bytes, n))
    refuse(rpc, CSN_RPC_INVALID_PARAMS, "a NUL character (\\u0000) cannot be passed on");
}

void csn_rpc_free(struct csn_rpc *rpc) {
  cJSON_Delete(rpc->document);
  free(rpc->id);
  *rpc = (struct csn_rpc){.kind = CSN_RPC_MALFORMED};
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Printed on one line; the newline behind it. Takes the document. */
static char *line_of(cJSON *document, size_t *n) {
  char *text = csn_must(cJSON_PrintUnformatted(document));
  cJSON_Delete(document);
  *n = strlen(text) + 1;
  text = csn_must(realloc(text, *n + 1));
  memcpy(text + *n - 1, "\n", 2);
  return text;
}

static cJSON *message(void) {
  cJSON *document = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(document, "jsonrpc", "2.0"));
  return document;
}

char *csn_rpc_result(const char *id, const char *result, size_t size, const char *extra,
                     size_t *n) {
  const char *body = memchr(result, '{', size); /* an object's text: it is there */
  size_t left = size - (size_t)(body + 1 - result), blank = strspn(body + 1, BLANKS);
  const char *comma = extra && body[1 + blank] != '}' ? "," : "";
  char *line = NULL;
  int made = asprintf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{%s%s%.*s}\n", id,
                      extra ? extra : "", comma, (int)left, body + 1);
  if (made < 0)
    line = csn_must(NULL);
  *n = (size_t)made;
  return line;
}

char *csn_rpc_error(const char *id, int code, const char *words, cJSON *data, size_t *n) {
  cJSON *document = message(), *error = csn_must(cJSON_CreateObject());
  char *safe = csn_text_repair(words, strlen(words), NULL);
  if (id)
    (void)csn_must(cJSON_AddRawToObject(document, "id", id));
  (void)csn_must(cJSON_AddNumberToObject(error, "code", code));
  (void)csn_must(cJSON_AddStringToObject(error, "message", safe));
  if (data)
    (void)cJSON_AddItemToObject(error, "data", data);
  (void)cJSON_AddItemToObject(document, "error", error);
  free(safe);
  return line_of(document, n);
}

char *csn_rpc_notification(const char *method, cJSON *params, size_t *n) {
  cJSON *document = message();
  (void)csn_must(cJSON_AddStringToObject(document, "method", method));
  (void)cJSON_AddItemToObject(document, "params", params);
  return line_of(document, n);
}
