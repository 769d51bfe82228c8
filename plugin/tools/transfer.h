/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on files and trees have in common: running the helper's part, and making a
 * result of however it ended. */
#ifndef CSN_TOOLS_TRANSFER_H
#define CSN_TOOLS_TRANSFER_H

#include "tools/native.h"
#include "util/buffer.h"

struct csn_transfer {
  struct csn_native native;
  const char *place; /* operand "path" of the clean-up; NULL: nothing could be left behind */
  /* What went wrong at this end while it ran, or code 0: it counts more than what the helper makes
   * of it. */
  struct csn_error failure;
  /* After the helper has done its part; may be NULL. */
  int (*finish)(void *ctx, struct csn_error *err);
  void *finish_ctx;
  /* The words for people on success, into text. Non-zero: out of memory. May add to the report. */
  int (*describe)(void *ctx, cJSON *report, struct csn_buffer *text);
  void *describe_ctx;
};

int csn_transfer_run(const struct csn_tool_call *call, struct csn_transfer *transfer,
                     struct csn_tool_result *result, struct csn_error *err);

/* CAISSON_E_ARGUMENTS where the request has no input. */
int csn_transfer_need_input(const struct csn_tool_call *call, struct csn_error *err);

#endif
