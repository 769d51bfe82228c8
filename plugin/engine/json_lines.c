/* SPDX-License-Identifier: Apache-2.0 */
/* See json_lines.h. */
#include "engine/json_lines.h"

#include <string.h>

#include "util/json.h"

void csn_json_lines_init(struct csn_json_lines *lines) {
  *lines = (struct csn_json_lines){.line = CSN_BUFFER(CSN_JSON_LINE_MAX)};
}

void csn_json_lines_free(struct csn_json_lines *lines) {
  csn_buffer_free(&lines->line);
}

static int take_line(const char *text, size_t n, csn_json_line_fn *take, void *ctx,
                     struct csn_error *err) {
  cJSON *message CSN_CLEANUP_JSON = NULL;
  while (n > 0 && strchr(" \t\r", text[n - 1])) n--;
  if (n == 0) return 0;
  int rc = csn_json_parse(text, n, CSN_JSON_LINE_MAX, "a line of the engine's report",
                          CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL, &message, err);
  if (rc) return rc;
  if (cJSON_IsObject(message)) return take(ctx, message, err);
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "a line of the engine's report is JSON, but no object");
}

static int keep(struct csn_json_lines *lines, const char *bytes, size_t n, struct csn_error *err) {
  int rc = csn_buffer_add(&lines->line, bytes, n);
  if (rc != CAISSON_E_LIMIT) return rc ? csn_fail_nomem(err) : 0;
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "a line of the engine's report is longer than %zu bytes", CSN_JSON_LINE_MAX);
}

int csn_json_lines_feed(struct csn_json_lines *lines, const void *bytes, size_t n,
                        csn_json_line_fn *take, void *ctx, struct csn_error *err) {
  const char *at = bytes;
  while (n > 0) {
    const char *end = memchr(at, '\n', n);
    size_t piece = end ? (size_t)(end - at) : n;
    int rc = keep(lines, at, piece, err);
    if (rc == 0 && end) {
      rc = take_line(csn_buffer_text(&lines->line), lines->line.size, take, ctx, err);
      csn_buffer_reset(&lines->line);
    }
    if (rc) return rc;
    piece += end != NULL;
    at += piece;
    n -= piece;
  }
  return 0;
}

int csn_json_lines_end(struct csn_json_lines *lines, csn_json_line_fn *take, void *ctx,
                       struct csn_error *err) {
  int rc = take_line(csn_buffer_text(&lines->line), lines->line.size, take, ctx, err);
  csn_buffer_reset(&lines->line);
  return rc;
}
