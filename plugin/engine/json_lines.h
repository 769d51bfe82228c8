/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's account of slow work, a pull or a build: one JSON object per line, in pieces of any
 * size. Pure: bytes in, objects out. */
#ifndef CSN_ENGINE_JSON_LINES_H
#define CSN_ENGINE_JSON_LINES_H

#include <cjson/cJSON.h>

#include "util/buffer.h"

#define CSN_JSON_LINE_MAX ((size_t)1 << 20)

struct csn_json_lines {
  struct csn_buffer line; /* the beginning of one that is not all there */
};

void csn_json_lines_init(struct csn_json_lines *lines);
void csn_json_lines_free(struct csn_json_lines *lines);

/* Takes one object; a return other than 0 ends the feed, which returns it. */
typedef int csn_json_line_fn(void *ctx, const cJSON *message, struct csn_error *err);

/* 0, what the callback returned, CAISSON_E_NOMEM, or CAISSON_E_ENGINE (engine.protocol) for a line
 * that is too long or no object. Empty lines are nothing. */
int csn_json_lines_feed(struct csn_json_lines *lines, const void *bytes, size_t n,
                        csn_json_line_fn *take, void *ctx, struct csn_error *err);
/* The last line may have no newline behind it. */
int csn_json_lines_end(struct csn_json_lines *lines, csn_json_line_fn *take, void *ctx,
                       struct csn_error *err);

#endif
