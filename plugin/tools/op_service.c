/* SPDX-License-Identifier: Apache-2.0 */
/* service.log: what a session's service has printed. It looks, and makes no sandbox for that. */
#include "tools/native.h"
#include "tools/operations.h"
#include "tools/result.h"
#include "util/json.h"

/* Beyond what it may wait. */
#define GRACE_MS 15000u

int csn_op_service_log(const struct csn_tool_call *call, struct csn_tool_result *result,
                       struct csn_error *err) {
  struct csn_session_want want = *call->want;
  struct csn_tool_call looking = *call;
  looking.want = &want;
  want.ensure = CSN_ENSURE_ADOPT;
  want.service = CSN_SERVICE_AS_FOUND;
  want.options = NULL;
  const struct csn_native native = {
      .operation = "service_log",
      .args = call->args,
      .timeout_ms = (uint64_t)csn_json_int(call->args, "wait_ms", 0) + GRACE_MS,
  };
  CSN_CLEANUP_NATIVE struct csn_native_end end = {0};
  int rc = csn_native_run(&looking, &native, &end, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  if (rc) return rc;
  if (!end.report) return csn_native_result(&looking, &native, &end, result, err);
  if (end.ended.exit_code != 0) return csn_native_fail(&end, err);
  cJSON *report = end.report;
  end.report = NULL;
  return csn_result_from_document(csn_json_string(report, "text", ""), report, result, err);
}
