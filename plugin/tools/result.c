/* SPDX-License-Identifier: Apache-2.0 */
/* See result.h. */
#include "tools/result.h"

#include <stdio.h>
#include <string.h>

#include "tools/result_text.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/utf8.h"

const char csn_result_no_memory[] =
    "{\"content\":[{\"type\":\"text\",\"text\":\"Error: out of memory in the host process. Try "
    "again in a moment.\"}],\"structuredContent\":{\"outcome\":\"none\",\"exit_code\":-1,"
    "\"error\":{\"reason\":\"" CAISSON_REASON_NOMEM "\",\"message\":\"out of memory in the host "
    "process\",\"hint\":\"Try again in a moment.\"}},\"isError\":true}";

const char csn_result_lost_no_memory[] =
    "{\"content\":[{\"type\":\"text\",\"text\":\"Error: it was done, at least in part, but its result "
    "is lost: out of memory in the host process. Look before you run it again.\"}],"
    "\"structuredContent\":{\"outcome\":\"lost\",\"exit_code\":-1,\"error\":{\"reason\":\""
    CAISSON_REASON_NOMEM "\",\"message\":\"out of memory in the host process\",\"hint\":\"It may or "
    "may not have had its effect: look before you run it again.\"}},\"isError\":true}";

static const char *outcome_name(int outcome) {
  static const char *const names[] = {
      [CAISSON_OUTCOME_NONE] = "none",           [CAISSON_OUTCOME_EXITED] = "exited",
      [CAISSON_OUTCOME_CANCELLED] = "cancelled", [CAISSON_OUTCOME_DEADLINE] = "deadline",
      [CAISSON_OUTCOME_OOM] = "out_of_memory",   [CAISSON_OUTCOME_LOST] = "lost",
  };
  int is_known = outcome >= 0 && outcome < (int)(sizeof names / sizeof *names);
  return names[is_known ? outcome : CAISSON_OUTCOME_LOST];
}

int csn_result_wrap(const char *text, cJSON *structured, int is_error, cJSON **out) {
  cJSON *json = cJSON_CreateObject(), *block = cJSON_CreateObject();
  int rc = csn_json_add_string(block, "type", "text");
  rc |= csn_json_add_string(block, "text", text);
  rc |= csn_json_append(csn_json_add_array(json, "content"), block);
  rc |= csn_json_add(json, "structuredContent", structured);
  rc |= csn_json_add_bool(json, "isError", is_error);
  if (rc) {
    cJSON_Delete(json);
    return CAISSON_E_NOMEM;
  }
  *out = json;
  return 0;
}

int csn_result_add_error(cJSON *structured, const char *reason, const char *message,
                         const char *hint) {
  cJSON *error = csn_json_add_object(structured, "error");
  int rc = csn_json_add_string(error, "reason", reason);
  rc |= csn_json_add_string(error, "message", message);
  rc |= csn_json_add_string(error, "hint", hint);
  return rc;
}

/* ---- a command ------------------------------------------------------------------------------- */

/* What is shown of one stream: with a marker where something is left out. */
struct shown {
  char *text;
  uint64_t omitted;
};

static void free_shown(struct shown *s) {
  csn_free(s->text);
}

static int show(const struct csn_capture *c, size_t limit, const struct csn_run_result *ended,
                struct shown *out) {
  struct csn_capture_text cut = {NULL, 0, 0, 0};
  if (csn_capture_text(c, limit, &cut)) return CAISSON_E_NOMEM;
  out->omitted = cut.omitted;
  out->text = cut.text;
  if (!cut.omitted) return 0;
  struct csn_buffer text = CSN_BUFFER(SIZE_MAX / 2);
  int rc = csn_buffer_add(&text, cut.text, cut.gap);
  if (!rc) rc = csn_result_text_gap(&text, cut.omitted, ended);
  if (!rc) rc = csn_buffer_add(&text, cut.text + cut.gap, cut.size - cut.gap);
  csn_free(cut.text);
  out->text = rc ? NULL : csn_buffer_steal(&text);
  csn_buffer_free(&text);
  return out->text ? 0 : CAISSON_E_NOMEM;
}

static int add_process_facts(cJSON *s, const struct csn_run_result *e) {
  int outcome = e->outcome;
  int was_killed = outcome == CAISSON_OUTCOME_CANCELLED || outcome == CAISSON_OUTCOME_DEADLINE;
  int rc = 0;
  if (e->term_signal) rc |= csn_json_add_int(s, "signal", e->term_signal);
  if (e->spill_path[0]) {
    rc |= csn_json_add_string(s, "spill_path", e->spill_path);
    rc |= csn_json_add_bool(s, "spill_whole", e->spill_whole);
  }
  if (e->still_running) rc |= csn_json_add_uint(s, "still_running", e->still_running);
  if (was_killed || e->survivors) rc |= csn_json_add_uint(s, "survivors", e->survivors);
  if (e->survivors_text[0]) rc |= csn_json_add_string(s, "survivors_text", e->survivors_text);
  return rc;
}

static int add_session_facts(cJSON *s, uint32_t flags) {
  static const struct {
    uint32_t flag;
    const char *name;
  } facts[] = {{CAISSON_RESULT_CREATED, "created"},
               {CAISSON_RESULT_RECREATED, "recreated"},
               {CAISSON_RESULT_OLDER_SETTINGS, "older_settings"}};
  int rc = 0;
  for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
    if (flags & facts[i].flag) rc |= csn_json_add_bool(s, facts[i].name, 1);
  return rc;
}

/* Why it is not a plain end; reasons of our own where the channel gave none. */
static int add_outcome_error(cJSON *s, const struct csn_run_result *e) {
  static const struct {
    int outcome;
    const char *reason, *message, *hint;
  } errors[] = {
      {CAISSON_OUTCOME_CANCELLED, CAISSON_REASON_CANCELLED, "cancelled by the host", ""},
      {CAISSON_OUTCOME_DEADLINE, CAISSON_REASON_DEADLINE, "it took longer than it may",
       "Allow more time, or do it in smaller steps."},
      {CAISSON_OUTCOME_OOM, CAISSON_REASON_MEMORY_LIMIT, "the sandbox's memory limit was reached",
       "Use less memory, or work on smaller pieces."},
      {CAISSON_OUTCOME_LOST, CAISSON_REASON_SESSION_LOST, "the sandbox went away",
       "It may or may not have had its effect: look before you run it again."},
  };
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (errors[i].outcome == e->outcome)
      return csn_result_add_error(s, e->reason[0] ? e->reason : errors[i].reason,
                                  e->message[0] ? e->message : errors[i].message, errors[i].hint);
  return 0;
}

static cJSON *make_structured(const struct csn_run_result *e, const struct csn_tool_result *result,
                              const struct shown *out, const struct shown *err) {
  cJSON *s = cJSON_CreateObject();
  int rc = csn_json_add_string(s, "outcome", outcome_name(e->outcome));
  rc |= csn_json_add_int(s, "exit_code", result->exit_code);
  rc |= csn_json_add_string(s, "stdout", out->text);
  rc |= csn_json_add_string(s, "stderr", err->text);
  rc |= csn_json_add_number(s, "duration_ms", (double)(e->duration_ns / 1000) / 1e3);
  rc |= csn_json_add_bool(s, "truncated", (result->flags & CAISSON_RESULT_TRUNCATED) != 0);
  rc |= csn_json_add_uint(s, "bytes_total", result->bytes_out);
  if (result->bytes_dropped) rc |= csn_json_add_uint(s, "bytes_omitted", result->bytes_dropped);
  rc |= add_process_facts(s, e);
  rc |= add_session_facts(s, result->flags);
  rc |= add_outcome_error(s, e);
  if (!rc) return s;
  cJSON_Delete(s);
  return NULL;
}

/* What the helper says is hostile: one line of valid text, nothing else. */
static void clean(char *text) {
  size_t n = strlen(text);
  size_t valid = csn_utf8_valid_prefix(text, n);
  text[valid] = '\0';
  for (char *p = text; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
}

/* caisson.h's table. What a command cannot say of itself is not taken from the helper. */
static int exit_code_of(const struct csn_run_result *e) {
  static const int fixed[] = {
      [CAISSON_OUTCOME_CANCELLED] = CAISSON_EXIT_CANCELLED,
      [CAISSON_OUTCOME_DEADLINE] = CAISSON_EXIT_DEADLINE,
      [CAISSON_OUTCOME_OOM] = CAISSON_EXIT_OOM,
      [CAISSON_OUTCOME_LOST] = CAISSON_EXIT_UNKNOWN,
  };
  if (e->outcome == CAISSON_OUTCOME_EXITED) return e->exit_code;
  int is_known = e->outcome >= 0 && e->outcome < (int)(sizeof fixed / sizeof *fixed);
  return is_known ? fixed[e->outcome] : CAISSON_EXIT_UNKNOWN;
}

static void fill_numbers(const struct csn_run_result *e, uint32_t flags,
                         const struct csn_command_output *output, uint64_t omitted,
                         struct csn_tool_result *result) {
  *result = (struct csn_tool_result){.outcome = e->outcome,
                                     .exit_code = exit_code_of(e),
                                     .term_signal = e->term_signal,
                                     .flags = flags,
                                     .bytes_out = output->out.total + output->err.total,
                                     .bytes_dropped = omitted,
                                     .command_ns = e->duration_ns};
  if (omitted) result->flags |= CAISSON_RESULT_TRUNCATED;
  if (e->survivors) result->flags |= CAISSON_RESULT_SURVIVORS;
  if (e->still_running) result->flags |= CAISSON_RESULT_STILL_RUNNING;
}

static int build_run(const struct csn_result_words *words, const struct csn_command_output *output,
                     struct csn_tool_result *result) {
  size_t limit = words->call->output_limit < CSN_CAPTURE_LIMIT_MAX
                     ? (size_t)words->call->output_limit
                     : CSN_CAPTURE_LIMIT_MAX;
  size_t out_limit, err_limit;
  csn_capture_share(limit, csn_capture_characters(&output->out),
                    csn_capture_characters(&output->err), &out_limit, &err_limit);
  __attribute__((cleanup(free_shown))) struct shown out = {NULL, 0};
  __attribute__((cleanup(free_shown))) struct shown err = {NULL, 0};
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(SIZE_MAX / 2);
  struct csn_result_words w = *words;
  int rc = show(&output->out, out_limit, w.ended, &out);
  if (!rc) rc = show(&output->err, err_limit, w.ended, &err);
  if (rc) return rc;
  w.out = out.text;
  w.err = err.text;
  rc = csn_result_text(&text, &w);
  if (rc) return rc;
  fill_numbers(w.ended, w.flags, output, out.omitted + err.omitted, result);
  int is_error = result->outcome != CAISSON_OUTCOME_EXITED || result->exit_code != 0;
  cJSON *structured = make_structured(w.ended, result, &out, &err);
  if (!structured) return CAISSON_E_NOMEM;
  return csn_result_wrap(csn_buffer_text(&text), structured, is_error, &result->json);
}

int csn_result_from_run(const struct csn_tool_call *call, const struct csn_run *run,
                        const struct csn_run_result *ended, uint32_t flags,
                        const struct csn_command_output *output, struct csn_tool_result *result,
                        struct csn_error *err) {
  struct csn_run_result e = *ended;
  clean(e.spill_path);
  clean(e.survivors_text);
  clean(e.reason);
  clean(e.message);
  struct csn_result_words words = {call, run, &e, flags, "", ""};
  return build_run(&words, output, result) ? csn_fail_nomem(err) : 0;
}

void csn_result_from_loss(const struct csn_tool_call *call, const struct csn_error *failure,
                          struct csn_tool_result *result) {
  const struct csn_run run = {.operation = NULL};
  const struct csn_command_output nothing = {.out.total = 0};
  struct csn_run_result e = {.outcome = CAISSON_OUTCOME_LOST};
  snprintf(e.reason, sizeof e.reason, "%s", failure->reason);
  snprintf(e.message, sizeof e.message, "%.*s", (int)sizeof e.message - 1, failure->message);
  if (csn_result_from_run(call, &run, &e, 0, &nothing, result, NULL) == 0) return;
  *result = (struct csn_tool_result){.outcome = e.outcome, .exit_code = exit_code_of(&e)};
}

int csn_result_from_stop(int code, struct csn_tool_result *result, struct csn_error *err) {
  int is_deadline = code == CAISSON_E_DEADLINE;
  struct csn_run_result e = {.outcome = is_deadline ? CAISSON_OUTCOME_DEADLINE
                                                    : CAISSON_OUTCOME_CANCELLED};
  const char *text = is_deadline ? "[timed out before it started: nothing was run]"
                                 : "[cancelled before it started: nothing was run]";
  *result = (struct csn_tool_result){.outcome = e.outcome, .exit_code = exit_code_of(&e)};
  cJSON *s = cJSON_CreateObject();
  int rc = csn_json_add_string(s, "outcome", outcome_name(e.outcome));
  rc |= csn_json_add_int(s, "exit_code", result->exit_code);
  rc |= add_outcome_error(s, &e);
  if (rc) {
    cJSON_Delete(s);
    return csn_fail_nomem(err);
  }
  return csn_result_wrap(text, s, 1, &result->json) ? csn_fail_nomem(err) : 0;
}

/* ---- an operation ---------------------------------------------------------------------------- */

int csn_result_from_document(const char *text, cJSON *structured, struct csn_tool_result *result,
                             struct csn_error *err) {
  *result = (struct csn_tool_result){.outcome = CAISSON_OUTCOME_EXITED};
  return csn_result_wrap(text, structured, 0, &result->json) ? csn_fail_nomem(err) : 0;
}
