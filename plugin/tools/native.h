/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on files that the helper carries out itself (plugin/guest/files): arguments in, its
 * report out. What tools and the host's operations on files have in common. */
#ifndef CSN_TOOLS_NATIVE_H
#define CSN_TOOLS_NATIVE_H

#include "tools/tool.h"
#include "util/buffer.h"

#define CSN_NATIVE_TIMEOUT_MS 30000u /* of a file tool */

struct csn_native {
  const char *operation;
  const cJSON *args;           /* {NAME: text, integer or boolean}: its operands; others are refused */
  const char *left_out;        /* of these the one that goes as input; NULL: none */
  const char *const *operands; /* further NAME=VALUE, NULL-ended; may be NULL */
  uint64_t timeout_ms;         /* 0: none of its own */
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity); /* as caisson_request.input; NULL */
  void *input_ctx;
  int (*output)(void *ctx, const void *bytes, size_t n); /* what it writes; not 0 cancels */
  void *output_ctx;
};

struct csn_native_end {
  struct csn_run_result ended;
  uint32_t flags; /* as csn_session_run gives them */
  cJSON *report;  /* an object; NULL unless it exited with 0 or 1 */
};
void csn_native_free(struct csn_native_end *end);
#define CSN_CLEANUP_NATIVE __attribute__((cleanup(csn_native_free)))

/* Carries it out in the call's session. 0 with *end: it ran, however it ended; exit code 1 is a
 * refusal, with "error": {reason, message, hint} in the report. Negative as csn_session_run; also
 * CAISSON_E_LOST where the report is none. */
int csn_native_run(const struct csn_tool_call *call, const struct csn_native *native,
                   struct csn_native_end *end, struct csn_error *err);

/* For whoever runs an operation otherwise: the report of one that ended as *end says is made of its
 * text; end->report stays NULL where there is none to expect. 0 or CAISSON_E_LOST. */
int csn_native_read_report(const struct csn_buffer *text, struct csn_native_end *end,
                           struct csn_error *err);

/* What became of one whose output was not taken: CAISSON_E_NOMEM where `why` is that, else
 * CAISSON_E_LOST. */
int csn_native_stopped(int why, struct csn_error *err);

/* The result of one that has no report: cancelled, late, lost, or killed from inside the sandbox. */
int csn_native_result(const struct csn_tool_call *call, const struct csn_native *native,
                      const struct csn_native_end *end, struct csn_tool_result *result,
                      struct csn_error *err);

/* The report's error as one of an operation: CAISSON_E_SANDBOX with its reason. */
int csn_native_fail(const struct csn_native_end *end, struct csn_error *err);

#endif
