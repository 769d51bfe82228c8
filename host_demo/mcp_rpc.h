/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_rpc.h: JSON-RPC 2.0 messages as the Model Context Protocol has them: taken apart, checked, and
 * made. Pure: text in, text out. https://www.jsonrpc.org/specification;
 * https://modelcontextprotocol.io/specification/2026-07-28/basic */
#ifndef HOST_MCP_RPC_H
#define HOST_MCP_RPC_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* Error codes of JSON-RPC, and the one of MCP's that is used here. */
#define CSN_RPC_PARSE_ERROR (-32700)
#define CSN_RPC_INVALID_REQUEST (-32600)
#define CSN_RPC_METHOD_NOT_FOUND (-32601)
#define CSN_RPC_INVALID_PARAMS (-32602)
#define CSN_RPC_INTERNAL_ERROR (-32603)
#define CSN_RPC_UNSUPPORTED_VERSION (-32022)

/* Integers beyond it are not exact in JSON as most programs read it. */
#define CSN_RPC_INTEGER_MAX 9007199254740991.0

enum csn_rpc_kind {
  CSN_RPC_REQUEST,
  CSN_RPC_NOTIFICATION,
  CSN_RPC_RESPONSE,
  CSN_RPC_MALFORMED,
};

struct csn_rpc {
  enum csn_rpc_kind kind;
  cJSON *document;
  char *id;            /* its JSON text; NULL where there is none that could be read */
  const char *method;  /* of a request or notification */
  const cJSON *params; /* an object, or NULL */
  int code;            /* of a malformed one: what is to be answered */
  const char *words;
};

/* Takes one message apart, which is to be freed whatever it is. */
void csn_rpc_read(const char *bytes, size_t n, struct csn_rpc *rpc);
void csn_rpc_free(struct csn_rpc *rpc);

/* A string or an integer as JSON text, malloc'd; NULL for anything else. Equal ones have equal
 * texts. */
char *csn_rpc_name(const cJSON *value);

/* Messages on a line of their own, malloc'd, with the newline; *n is their length. */

/* The result is an object's JSON text; `extra`, unless NULL, is more members for its front:
 * "\"name\":value". */
char *csn_rpc_result(const char *id, const char *result, size_t size, const char *extra, size_t *n);
/* No id: NULL. data is the callee's; NULL: none. */
char *csn_rpc_error(const char *id, int code, const char *message, cJSON *data, size_t *n);
/* params is the callee's. */
char *csn_rpc_notification(const char *method, cJSON *params, size_t *n);

#endif
