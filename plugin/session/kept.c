/* SPDX-License-Identifier: Apache-2.0 */
/* See kept.h. */
#include "session/kept.h"

#include <stdio.h>
#include <string.h>

#include "session/policy.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"
#include "util/schema.h"
#include "util/text_input.h"

#define TIMEOUT_MS 30000u
#define KEPT_MAX ((size_t)4 << 20)
#define REPORT_MAX ((size_t)1 << 16)

struct exchange {
  struct csn_text_input sent;
  struct csn_buffer text, report;
};

static int take(void *ctx, int stream, const void *bytes, size_t n) {
  struct exchange *x = ctx;
  return csn_buffer_add(stream == CAISSON_STREAM_STDERR ? &x->report : &x->text, bytes, n) != 0;
}

static void free_exchange(struct exchange *x) {
  csn_buffer_free(&x->text);
  csn_buffer_free(&x->report);
}

static int read_report(const struct exchange *x, const struct csn_run_result *ended,
                       cJSON **report, struct csn_error *err) {
  if (ended->outcome == CAISSON_OUTCOME_EXITED && ended->exit_code == 0)
    return csn_json_parse(csn_buffer_text(&x->report), x->report.size, REPORT_MAX,
                          "the helper's report", CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                          report, err);
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                  "the sandbox could not keep the session's environment, or tell it%s%s",
                  *ended->message ? ": " : "", ended->message);
}

static int exchange(struct csn_channel *ch, const char *operation, struct exchange *x,
                    const struct csn_control *control, cJSON **report, struct csn_error *err) {
  char size[32];
  snprintf(size, sizeof size, "size=%zu", x->sent.left);
  const char *const operands[] = {size, NULL};
  struct csn_run_result ended;
  const struct csn_run run = {.operation = operation,
                              .operands = operands,
                              .cwd = "/",
                              .timeout_ms = TIMEOUT_MS,
                              .input = x->sent.left ? csn_text_input_read : NULL,
                              .input_ctx = &x->sent,
                              .output = take,
                              .output_ctx = x};
  int rc = csn_channel_run(ch, &run, control, &ended, err);
  if (rc == 0) rc = csn_control_check(control, err);
  return rc ? rc : read_report(x, &ended, report, err);
}

int csn_kept_put(struct csn_channel *ch, const cJSON *shape, const struct csn_control *control,
                 struct csn_error *err) {
  cJSON *kept CSN_CLEANUP_JSON = NULL, *report CSN_CLEANUP_JSON = NULL;
  if (csn_policy_kept(shape, &kept)) return csn_fail_nomem(err);
  if (!kept) return 0;
  char *text CSN_CLEANUP_FREE = csn_json_print(kept);
  if (!text) return csn_fail_nomem(err);
  __attribute__((cleanup(free_exchange))) struct exchange x = {
      {text, strlen(text)}, CSN_BUFFER(REPORT_MAX), CSN_BUFFER(REPORT_MAX)};
  int rc = exchange(ch, "kept_put", &x, control, &report, err);
  if (rc || csn_json_bool(report, "new", 0)) return rc;
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "process 1 of a new sandbox keeps something already");
}

/* Each a map as "env" among the options is. */
static int check(const cJSON *kept, const cJSON *options_schema, struct csn_error *err) {
  const cJSON *schema = csn_json_get(csn_json_get(options_schema, "properties"), "env"), *member;
  int rc = 0;
  if (!schema) return 0;
  cJSON_ArrayForEach(member, kept) {
    if (!rc)
      rc = csn_schema_check(schema, member, "what the sandbox kept", CAISSON_E_LOST,
                            CAISSON_REASON_HELPER_PROTOCOL, err);
  }
  return rc;
}

int csn_kept_get(struct csn_channel *ch, const cJSON *options_schema,
                 const struct csn_control *control, cJSON **out, struct csn_error *err) {
  cJSON *kept CSN_CLEANUP_JSON = NULL, *report CSN_CLEANUP_JSON = NULL;
  __attribute__((cleanup(free_exchange))) struct exchange x = {
      {NULL, 0}, CSN_BUFFER(KEPT_MAX), CSN_BUFFER(REPORT_MAX)};
  *out = NULL;
  int rc = exchange(ch, "kept_get", &x, control, &report, err);
  if (rc || !csn_json_bool(report, "found", 0)) return rc;
  rc = csn_json_parse(csn_buffer_text(&x.text), x.text.size, KEPT_MAX, "what the sandbox kept",
                      CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL, &kept, err);
  if (rc == 0 && !cJSON_IsObject(kept))
    rc = csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "what the sandbox kept is not an object");
  if (rc == 0) rc = check(kept, options_schema, err);
  if (rc == 0) *out = CSN_STEAL(kept);
  return rc;
}
