/* SPDX-License-Identifier: Apache-2.0 */
/* See transfer.h. */
#include "tools/transfer.h"

#include "tools/result.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"

/* For what a killed process left behind. */
#define CLEAN_UP_NS (10 * CSN_SECOND)

int csn_transfer_need_input(const struct csn_tool_call *call, struct csn_error *err) {
  if (call->input) return 0;
  return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                  "there are no bytes: they come by the request's input");
}

/* In the same sandbox if it is still there, and however the call itself was stopped. What it cannot
 * reach now, the next transfer to the same place removes. */
static void clean_up(const struct csn_tool_call *call, const char *place) {
  struct csn_session_want want = *call->want;
  struct csn_control none = CSN_CONTROL_NONE, control = csn_control_within(&none, CLEAN_UP_NS);
  struct csn_tool_call again = *call;
  CSN_CLEANUP_NATIVE struct csn_native_end end = {.report = NULL};
  CSN_CLEANUP_JSON cJSON *args = cJSON_CreateObject();
  struct csn_native native = {.operation = "unpack_clean", .args = args};
  struct csn_error ignored;
  if (!*want.key || csn_json_add_string(args, "path", place)) return;
  want.ensure = CSN_ENSURE_ADOPT;
  again.want = &want;
  again.has_run = NULL;
  again.control = &control;
  (void)csn_native_run(&again, &native, &end, &ignored);
}

/* It is this end that failed, before the helper had all, so that nothing is there of it. If that was the call's own stop, it is how the call ended, whatever
 * became of the helper. */
static int fail_here(const struct csn_tool_call *call, const struct csn_transfer *transfer,
                     struct csn_native_end *end, struct csn_error *err) {
  int code = transfer->failure.code;
  *err = transfer->failure;
  csn_tool_set_run(call, 0);
  if (!csn_is_stop(code)) return code;
  int is_deadline = code == CAISSON_E_DEADLINE;
  end->ended.outcome = is_deadline ? CAISSON_OUTCOME_DEADLINE : CAISSON_OUTCOME_CANCELLED;
  end->ended.exit_code = is_deadline ? CAISSON_EXIT_DEADLINE : CAISSON_EXIT_CANCELLED;
  end->ended.term_signal = 0;
  end->ended.reason[0] = end->ended.message[0] = '\0';
  return 0;
}

/* Cancelled, late, lost, or killed from inside the sandbox. */
static int finish_otherwise(const struct csn_tool_call *call, struct csn_transfer *transfer,
                            struct csn_native_end *end, struct csn_tool_result *result,
                            struct csn_error *err) {
  if (transfer->place) clean_up(call, transfer->place);
  if (transfer->failure.code && fail_here(call, transfer, end, err)) return err->code;
  return csn_native_result(call, &transfer->native, end, result, err);
}

static int finish_done(struct csn_transfer *transfer, struct csn_native_end *end,
                       struct csn_tool_result *result, struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER((size_t)1 << 20);
  int rc = transfer->describe(transfer->describe_ctx, end->report, &text);
  if (end->flags & CAISSON_RESULT_CREATED) rc |= csn_json_add_bool(end->report, "created", 1);
  if (end->flags & CAISSON_RESULT_RECREATED) rc |= csn_json_add_bool(end->report, "recreated", 1);
  if (rc) return csn_fail_nomem(err);
  rc = csn_result_from_document(csn_buffer_text(&text), CSN_STEAL(end->report), result, err);
  result->flags |= end->flags;
  return rc;
}

int csn_transfer_run(const struct csn_tool_call *call, struct csn_transfer *transfer,
                     struct csn_tool_result *result, struct csn_error *err) {
  CSN_CLEANUP_NATIVE struct csn_native_end end = {.report = NULL};
  int rc = csn_native_run(call, &transfer->native, &end, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  /* A helper that nobody listens to any more has no report. */
  if (rc && !transfer->failure.code) return rc;
  if (!end.report || csn_is_stop(transfer->failure.code))
    return finish_otherwise(call, transfer, &end, result, err);
  if (transfer->failure.code) {
    *err = transfer->failure;
    return err->code;
  }
  if (end.ended.exit_code != 0) return csn_native_fail(&end, err);
  if (transfer->finish) rc = transfer->finish(transfer->finish_ctx, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  return rc ? rc : finish_done(transfer, &end, result, err);
}
