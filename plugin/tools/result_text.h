/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a command's result, as a model reads it. Pure. */
#ifndef CSN_TOOLS_RESULT_TEXT_H
#define CSN_TOOLS_RESULT_TEXT_H

#include "tools/tool.h"
#include "util/buffer.h"
#include "util/capture.h"

/* Where `omitted` bytes are left out of one of the streams. 0 or CAISSON_E_NOMEM, as below. */
int csn_result_text_gap(struct csn_buffer *text, uint64_t omitted,
                        const struct csn_run_result *ended);

/* "[stderr]" and what is in it, "[exit 1]", "[timed out ...]": all that is said beside stdout. */
struct csn_result_words {
  const struct csn_tool_call *call;
  const struct csn_run *run;
  const struct csn_run_result *ended;
  uint32_t flags;
  const char *out, *err;
};
int csn_result_text(struct csn_buffer *text, const struct csn_result_words *words);

/* "1,234,567" */
#define CSN_GROUPED_SIZE 32
void csn_result_group(uint64_t n, char text[CSN_GROUPED_SIZE]);

#endif
