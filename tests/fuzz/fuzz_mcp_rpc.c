/* SPDX-License-Identifier: Apache-2.0 */
/* A line from a client of the Model Context Protocol: taken apart, and answered by an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host_demo/mcp_rpc.h"
#include "host_demo/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csn_rpc rpc;
  size_t n = 0, rest = 0;
  csn_rpc_read((const char *)data, size, &rpc);
  if (rpc.kind != CSN_RPC_MALFORMED && rpc.kind != CSN_RPC_RESPONSE && !rpc.method) abort();
  char *text = csn_text_repair((const char *)data, size, &rest);
  if (rest > 3 || !csn_text_is_utf8(text, strlen(text))) abort();
  char *line = csn_rpc_error(rpc.id, -1, text, NULL, &n);
  if (line[n] != '\0' || memchr(line, '\n', n) != line + n - 1) abort();
  free(line);
  free(text);
  csn_rpc_free(&rpc);
  return 0;
}
