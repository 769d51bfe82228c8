/* SPDX-License-Identifier: Apache-2.0 */
/* See job_tool.h. The helper does the work and writes the text. */
#include "tools/job_tool.h"

#include "tools/file_tool.h"
#include "util/json.h"

int csn_tool_shell_output(const struct csn_tool_call *call, struct csn_tool_result *result,
                          struct csn_error *err) {
  struct csn_native native = {
      .operation = "job_output",
      .timeout_ms = CSN_NATIVE_TIMEOUT_MS + (uint64_t)csn_json_int(call->args, "wait_ms", 0)};
  return csn_file_tool_run(call, &native, result, err);
}

int csn_tool_shell_kill(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err) {
  struct csn_native native = {.operation = "job_kill"};
  return csn_file_tool_run(call, &native, result, err);
}
