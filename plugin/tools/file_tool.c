/* SPDX-License-Identifier: Apache-2.0 */
/* See file_tool.h. */
#include "tools/file_tool.h"

#include <stdio.h>
#include <string.h>

#include "tools/native.h"
#include "tools/result.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/buffer.h"
#include "util/json.h"
#include "util/text_input.h"
#include "util/utf8.h"

/* The helper keeps to the call's output limit; this is for one that does not. The largest that can
 * be configured, in characters of four bytes, fits. */
#define TEXT_MAX ((size_t)64 << 20)
#define IMAGE_MAX ((size_t)5 << 20)

static int take_text(void *ctx, const void *bytes, size_t n) {
  return csn_buffer_add(ctx, bytes, n);
}

/* ---- results --------------------------------------------------------------------------------- */

/* What is ours to say, whatever the helper's report has under these names. */
static int add_outcome(cJSON *structured, int exit_code, uint32_t flags) {
  static const char *const ours[] = {"outcome", "exit_code", "created", "recreated"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    cJSON_DeleteItemFromObjectCaseSensitive(structured, ours[i]);
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

/* Those that models take, whatever the helper says. NULL: not one of them. */
static const char *image_type(const cJSON *report) {
  static const char *const types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
  const char *said = csn_json_string(report, "mime_type", "");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(said, types[i]) == 0) return types[i];
  return NULL;
}

static int add_image(cJSON *result, const char *type, const struct csn_buffer *bytes) {
  CSN_CLEANUP_FREE char *data = csn_base64(csn_buffer_text(bytes), bytes->size);
  cJSON *block = cJSON_CreateObject();
  int rc = csn_json_add_string(block, "type", "image");
  rc |= csn_json_add_string(block, "data", data);
  rc |= csn_json_add_string(block, "mimeType", type);
  if (rc) {
    cJSON_Delete(block);
    return rc;
  }
  return csn_json_append(cJSON_GetObjectItemCaseSensitive(result, "content"), block);
}

/* "image/png, 1234 bytes: /workspace/plot.png", and the image itself. */
static int finish_image(struct csn_native_end *end, const char *type,
                        const struct csn_buffer *bytes, struct csn_tool_result *result,
                        struct csn_error *err) {
  if (bytes->size > IMAGE_MAX)
    return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                    "the helper sent an image that is larger than it may be");
  CSN_CLEANUP_FREE char *text = csn_asprintf("%s, %zu bytes: %s", type, bytes->size,
                                             csn_json_string(end->report, "path", ""));
  int rc = text ? finish(end, text, result, err) : csn_fail_nomem(err);
  if (!rc && add_image(result->json, type, bytes)) {
    cJSON_Delete(CSN_STEAL(result->json));
    rc = csn_fail_nomem(err);
  }
  result->bytes_out = bytes->size;
  return rc;
}

int csn_file_tool_finish(const struct csn_tool_call *call, const struct csn_native *native,
                         struct csn_native_end *end, const struct csn_buffer *output,
                         struct csn_tool_result *result, struct csn_error *err) {
  if (!end->report) return csn_native_result(call, native, end, result, err);
  if (end->ended.exit_code != 0) return finish_refused(end, result, err);
  const char *type = image_type(end->report);
  if (type) return finish_image(end, type, output, result, err);
  return finish_done(end, output, result, err);
}

int csn_file_tool_run(const struct csn_tool_call *call, struct csn_native *native,
                      struct csn_tool_result *result, struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer output = CSN_BUFFER(TEXT_MAX);
  CSN_CLEANUP_NATIVE struct csn_native_end end = {.report = NULL};
  char budget[48], size[48];
  struct csn_text_input input = {.text = ""};
  if (native->left_out) {
    input.text = csn_json_string(call->args, native->left_out, "");
    input.left = strlen(input.text);
    native->input = csn_text_input_read;
    native->input_ctx = &input;
  }
  snprintf(budget, sizeof budget, "output_limit=%llu", (unsigned long long)call->output_limit);
  snprintf(size, sizeof size, "size=%zu", input.left);
  const char *const operands[] = {budget, native->left_out ? size : NULL, NULL};
  native->args = call->args;
  native->operands = operands;
  if (!native->timeout_ms) native->timeout_ms = CSN_NATIVE_TIMEOUT_MS;
  native->output = take_text;
  native->output_ctx = &output;
  int rc = csn_native_run(call, native, &end, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  if (rc) return rc;
  return csn_file_tool_finish(call, native, &end, &output, result, err);
}

/* ---- the tools ------------------------------------------------------------------------------- */

int csn_tool_read(const struct csn_tool_call *call, struct csn_tool_result *result,
                  struct csn_error *err) {
  struct csn_native native = {.operation = "read"};
  return csn_file_tool_run(call, &native, result, err);
}

int csn_tool_write(const struct csn_tool_call *call, struct csn_tool_result *result,
                   struct csn_error *err) {
  struct csn_native native = {.operation = "write", .left_out = "content"};
  return csn_file_tool_run(call, &native, result, err);
}

int csn_tool_edit(const struct csn_tool_call *call, struct csn_tool_result *result,
                  struct csn_error *err) {
  struct csn_native native = {.operation = "edit", .left_out = "new_string"};
  return csn_file_tool_run(call, &native, result, err);
}

int csn_tool_glob(const struct csn_tool_call *call, struct csn_tool_result *result,
                  struct csn_error *err) {
  struct csn_native native = {.operation = "glob"};
  return csn_file_tool_run(call, &native, result, err);
}

int csn_tool_grep(const struct csn_tool_call *call, struct csn_tool_result *result,
                  struct csn_error *err) {
  struct csn_native native = {.operation = "grep"};
  return csn_file_tool_run(call, &native, result, err);
}

int csn_tool_list(const struct csn_tool_call *call, struct csn_tool_result *result,
                  struct csn_error *err) {
  struct csn_native native = {.operation = "list"};
  return csn_file_tool_run(call, &native, result, err);
}
