/* SPDX-License-Identifier: Apache-2.0 */
/* See file_tool.h. */
#include "tools/file_tool.h"

#include <stdio.h>
#include <string.h>

#include "tools/native.h"
#include "tools/result.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"
#include "util/utf8.h"

/* The helper keeps to the call's output limit; this is for one that does not. */
#define TEXT_MAX ((size_t)32 << 20)

static int take_text(void *ctx, const void *bytes, size_t n) {
  return csn_buffer_add(ctx, bytes, n) != 0;
}

/* ---- results --------------------------------------------------------------------------------- */

static int add_outcome(cJSON *structured, int exit_code, uint32_t flags) {
  int rc = csn_json_add_string(structured, "outcome", "exited");
  rc |= csn_json_add_int(structured, "exit_code", exit_code);
  if (flags & CAISSON_RESULT_CREATED) rc |= csn_json_add_bool(structured, "created", 1);
  if (flags & CAISSON_RESULT_RECREATED) rc |= csn_json_add_bool(structured, "recreated", 1);
  return rc;
}

/* "Error: what it was\nwhat to do" */
static char *refusal_text(const cJSON *error) {
  const char *message = csn_json_string(error, "message", "the sandbox did not say why");
  const char *hint = csn_json_string(error, "hint", "");
  return csn_asprintf("Error: %s%s%s", message, *hint ? "\n" : "", hint);
}

/* Takes the report out of *end. */
static int finish(struct csn_native_end *end, const char *text, struct csn_tool_result *result,
                  struct csn_error *err) {
  int exit_code = end->ended.exit_code;
  *result = (struct csn_tool_result){.outcome = CAISSON_OUTCOME_EXITED, .exit_code = exit_code,
                                     .flags = end->flags};
  if (add_outcome(end->report, exit_code, end->flags)) return csn_fail_nomem(err);
  if (csn_result_wrap(text, CSN_STEAL(end->report), exit_code != 0, &result->json))
    return csn_fail_nomem(err);
  return 0;
}

static int finish_refused(struct csn_native_end *end, struct csn_tool_result *result,
                          struct csn_error *err) {
  CSN_CLEANUP_FREE char *text = refusal_text(csn_json_get(end->report, "error"));
  return text ? finish(end, text, result, err) : csn_fail_nomem(err);
}

static int finish_done(struct csn_native_end *end, const struct csn_buffer *output,
                       struct csn_tool_result *result, struct csn_error *err) {
  CSN_CLEANUP_FREE char *text = csn_utf8_repaired(csn_buffer_text(output), output->size);
  if (!text) return csn_fail_nomem(err);
  int rc = finish(end, text, result, err);
  result->bytes_out = output->size;
  return rc;
}

/* Cancelled, late, lost, or killed from inside the sandbox. */
static int finish_otherwise(const struct csn_tool_call *call, struct csn_native_end *end,
                            struct csn_tool_result *result, struct csn_error *err) {
  static const struct csn_run run = {.timeout_ms = CSN_NATIVE_TIMEOUT_MS};
  struct csn_command_output nothing;
  csn_capture_init(&nothing.out, 0);
  csn_capture_init(&nothing.err, 0);
  int rc = csn_result_from_run(call, &run, &end->ended, end->flags, &nothing, result, err);
  csn_capture_free(&nothing.out);
  csn_capture_free(&nothing.err);
  return rc;
}

static int run_file_tool(const struct csn_tool_call *call, struct csn_native *native,
                         struct csn_tool_result *result, struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer output = CSN_BUFFER(TEXT_MAX);
  CSN_CLEANUP_NATIVE struct csn_native_end end = {.report = NULL};
  char budget[48];
  snprintf(budget, sizeof budget, "output_limit=%llu", (unsigned long long)call->output_limit);
  const char *const operands[] = {budget, NULL};
  native->args = call->args;
  native->operands = operands;
  native->timeout_ms = CSN_NATIVE_TIMEOUT_MS;
  native->output = take_text;
  native->output_ctx = &output;
  int rc = csn_native_run(call, native, &end, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  if (rc) return rc;
  if (!end.report) return finish_otherwise(call, &end, result, err);
  if (end.ended.exit_code != 0) return finish_refused(&end, result, err);
  return finish_done(&end, &output, result, err);
}

/* ---- the tools ------------------------------------------------------------------------------- */

int csn_tool_list(const struct csn_tool_call *call, struct csn_tool_result *result,
                  struct csn_error *err) {
  struct csn_native native = {.operation = "list"};
  return run_file_tool(call, &native, result, err);
}
