/* SPDX-License-Identifier: Apache-2.0 */
/* See native.h. */
#include "tools/native.h"

#include <stdio.h>
#include <string.h>

#include "tools/result.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"

#define REPORT_MAX ((size_t)4 << 20) /* bytes, as the helper keeps to (files/answer.h) */

void csn_native_free(struct csn_native_end *end) {
  cJSON_Delete(end->report);
  end->report = NULL;
}

/* ---- operands -------------------------------------------------------------------------------- */

struct operands {
  char **entries; /* NAME=VALUE, NULL-ended */
  size_t count, capacity;
};

static void free_operands(struct operands *o) {
  for (size_t i = 0; i < o->count; i++) csn_free(o->entries[i]);
  csn_free(o->entries);
}

/* Takes the entry, also when it fails. */
static int add(struct operands *o, char *entry) {
  if (entry && o->count + 1 < o->capacity) {
    o->entries[o->count++] = entry;
    o->entries[o->count] = NULL;
    return 0;
  }
  csn_free(entry);
  return CAISSON_E_NOMEM;
}

static int add_member(struct operands *o, const cJSON *m) {
  if (cJSON_IsString(m)) return add(o, csn_asprintf("%s=%s", m->string, m->valuestring));
  if (cJSON_IsBool(m))
    return add(o, csn_asprintf("%s=%s", m->string, cJSON_IsTrue(m) ? "true" : "false"));
  return add(o, csn_asprintf("%s=%lld", m->string, (long long)m->valuedouble));
}

static int make_operands(const struct csn_native *native, struct operands *o) {
  const cJSON *m;
  size_t more = 0;
  while (native->operands && native->operands[more]) more++;
  o->capacity = (size_t)cJSON_GetArraySize(native->args) + more + 2; /* the quota's, the end's */
  o->entries = csn_calloc(o->capacity, sizeof *o->entries);
  int rc = o->entries ? 0 : CAISSON_E_NOMEM;
  for (size_t i = 0; !rc && i < more; i++) rc = add(o, csn_strdup(native->operands[i]));
  cJSON_ArrayForEach(m, native->args) {
    int is_left_out = native->left_out && strcmp(native->left_out, m->string) == 0;
    if (!rc && !is_left_out) rc = add_member(o, m);
  }
  return rc;
}

/* ---- the run --------------------------------------------------------------------------------- */

struct running {
  const struct csn_tool_call *call;
  const struct csn_native *native;
  struct operands operands;
  char quota[32]; /* the last operand, once the sandbox is known */
  struct csn_buffer report;
  int failed; /* what stopped it here */
};

static void free_running(struct running *r) {
  free_operands(&r->operands);
  csn_buffer_free(&r->report);
}

static int take_output(void *ctx, int stream, const void *bytes, size_t n) {
  struct running *r = ctx;
  if (stream == CAISSON_STREAM_STDERR)
    r->failed = csn_buffer_add(&r->report, bytes, n);
  else if (r->native->output)
    r->failed = r->native->output(r->native->output_ctx, bytes, n);
  return r->failed != 0;
}

/* Only of a workspace that has one; the arguments hold no such member. */
static void set_quota(struct running *r, uint64_t quota) {
  struct operands *o = &r->operands;
  o->entries[o->count] = quota ? r->quota : NULL;
  snprintf(r->quota, sizeof r->quota, "quota=%llu", (unsigned long long)quota);
}

static int prepare(void *ctx, const struct csn_session_view *view, struct csn_run *run,
                   struct csn_error *err) {
  struct running *r = ctx;
  (void)err;
  csn_buffer_reset(&r->report);
  r->failed = 0;
  set_quota(r, view->quota);
  *run = (struct csn_run){
      .operation = r->native->operation,
      .operands = (const char *const *)r->operands.entries,
      .cwd = csn_json_string(r->call->want->options, "workdir", view->workdir),
      .timeout_ms = r->native->timeout_ms,
      .input = r->native->input,
      .input_ctx = r->native->input_ctx,
      .input_fd = r->call->input_fd,
      .output = take_output,
      .output_ctx = r,
  };
  return 0;
}

int csn_native_read_report(const struct csn_buffer *text, struct csn_native_end *end,
                           struct csn_error *err) {
  const struct csn_run_result *ended = &end->ended;
  int is_said = ended->outcome == CAISSON_OUTCOME_EXITED && !ended->term_signal &&
                (ended->exit_code == 0 || ended->exit_code == 1);
  if (!is_said) return 0;
  int rc = csn_json_parse(csn_buffer_text(text), text->size, REPORT_MAX, "the helper's report",
                          CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                          &end->report, err);
  if (rc || cJSON_IsObject(end->report)) return rc;
  csn_native_free(end);
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "the helper's report is not an object");
}

int csn_native_stopped(int why, struct csn_error *err) {
  if (why == CAISSON_E_NOMEM) return csn_fail_nomem(err);
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "the helper's report is longer than it may be");
}

int csn_native_run(const struct csn_tool_call *call, const struct csn_native *native,
                   struct csn_native_end *end, struct csn_error *err) {
  __attribute__((cleanup(free_running))) struct running r = {
      .call = call, .native = native, .report = CSN_BUFFER(REPORT_MAX)};
  *end = (struct csn_native_end){.report = NULL};
  if (make_operands(native, &r.operands)) return csn_fail_nomem(err);
  int rc = csn_session_run(call->sessions, call->want, prepare, &r, call->control, &end->ended,
                           &end->flags, err);
  if (rc) return rc;
  csn_tool_set_run(call, 1);
  return r.failed ? csn_native_stopped(r.failed, err) : csn_native_read_report(&r.report, end, err);
}

int csn_native_result(const struct csn_tool_call *call, const struct csn_native *native,
                      const struct csn_native_end *end, struct csn_tool_result *result,
                      struct csn_error *err) {
  const struct csn_run run = {.operation = native->operation, .timeout_ms = native->timeout_ms};
  struct csn_command_output nothing;
  csn_capture_init(&nothing.out, 0);
  csn_capture_init(&nothing.err, 0);
  int rc = csn_result_from_run(call, &run, &end->ended, end->flags, &nothing, result, err);
  csn_capture_free(&nothing.out);
  csn_capture_free(&nothing.err);
  return rc;
}

int csn_native_fail(const struct csn_native_end *end, struct csn_error *err) {
  const cJSON *error = csn_json_get(end->report, "error");
  const char *hint = csn_json_string(error, "hint", "");
  return csn_fail(err, CAISSON_E_SANDBOX, csn_json_string(error, "reason", CAISSON_REASON_FILE_FAILED),
                  "%s%s%s",
                  csn_json_string(error, "message", "the operation was ended inside the sandbox"),
                  *hint ? ". " : "", hint);
}
