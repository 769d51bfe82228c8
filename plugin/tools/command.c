/* SPDX-License-Identifier: Apache-2.0 */
/* See command.h. */
#include "tools/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/file_tool.h"
#include "tools/result.h"
#include "util/alloc.h"
#include "util/capture.h"
#include "util/json.h"
#include "util/mask.h"
#include "util/text_input.h"
#include "util/utf8.h"

/* ---- where it runs --------------------------------------------------------------------------- */

int csn_command_path(const char *base, const char *path, char out[CSN_PATH_SIZE],
                     struct csn_error *err) {
  if (csn_path_resolve(base, path, out) == 0) return 0;
  return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                  "the path is too long: at most %d bytes", CSN_PATH_SIZE - 1);
}

/* Symbolic links into /proc are the helper's matter, which sees them. */
static int is_in_proc(const char *path) {
  return strncmp(path, "/proc", 5) == 0 && (path[5] == '/' || !path[5]);
}

static int find_cwd(const char *base, const char *path, char out[CSN_PATH_SIZE],
                    struct csn_error *err) {
  int rc = csn_command_path(base, path, out, err);
  if (rc) return csn_error_wrap(err, "cwd");
  if (is_in_proc(out))
    return csn_fail(err, CAISSON_E_POLICY, CAISSON_REASON_POLICY,
                    "cwd: commands do not run in /proc; run it elsewhere and name the files there "
                    "by their whole paths");
  return 0;
}

/* What is wrong whatever the sandbox: not worth making one. */
static int check_cwd(const struct csn_tool_call *call, struct csn_error *err) {
  char cwd[CSN_PATH_SIZE];
  const char *path = csn_json_string(call->args, "cwd", "");
  return *path == '/' ? find_cwd("/", path, cwd, err) : 0;
}

/* ---- what goes in ---------------------------------------------------------------------------- */

/* The host's own input comes before a "stdin" that the model wrote. */
static void set_input(const struct csn_tool_call *call, struct csn_run *run,
                      struct csn_text_input *text) {
  text->text = csn_json_string(call->args, "stdin", "");
  text->left = strlen(text->text);
  run->input = call->input;
  run->input_ctx = call->input_ctx;
  run->input_fd = call->input_fd;
  if (!call->input && text->left) {
    run->input = csn_text_input_read;
    run->input_ctx = text;
  }
}

/* ---- what comes out -------------------------------------------------------------------------- */

struct sink {
  const struct csn_tool_call *call;
  struct csn_command_output output;
  struct csn_mask_stream out, err; /* before all else, so that nothing can cut what is masked */
};

static void free_sink(struct sink *s) {
  csn_capture_free(&s->output.out);
  csn_capture_free(&s->output.err);
  csn_mask_free(&s->out);
  csn_mask_free(&s->err);
}

static int take_masked(struct sink *s, int stream, const void *bytes, size_t n) {
  csn_capture_add(stream == CAISSON_STREAM_STDERR ? &s->output.err : &s->output.out, bytes, n);
  return s->call->output ? s->call->output(s->call->output_ctx, stream, bytes, n) : 0;
}

static int take_masked_out(void *ctx, const void *bytes, size_t n) {
  return take_masked(ctx, CAISSON_STREAM_STDOUT, bytes, n);
}

static int take_masked_err(void *ctx, const void *bytes, size_t n) {
  return take_masked(ctx, CAISSON_STREAM_STDERR, bytes, n);
}

static int take_output(void *ctx, int stream, const void *bytes, size_t n) {
  struct sink *s = ctx;
  return csn_mask_add(stream == CAISSON_STREAM_STDERR ? &s->err : &s->out, bytes, n);
}

static int begin_sink(struct sink *s, const struct csn_tool_call *call, struct csn_error *err) {
  s->call = call;
  csn_capture_init(&s->output.out, call->output_limit);
  csn_capture_init(&s->output.err, call->output_limit);
  int rc = csn_mask_begin(&s->out, call->mask, take_masked_out, s, err);
  return rc ? rc : csn_mask_begin(&s->err, call->mask, take_masked_err, s, err);
}

static void end_sink(struct sink *s) {
  csn_mask_end(&s->out);
  csn_mask_end(&s->err);
}

static uint64_t timeout_of(const struct csn_tool_call *call) {
  uint64_t most = call->settings->max_timeout_ms;
  int64_t asked = csn_json_int(call->args, "timeout_ms", 0);
  uint64_t timeout = asked > 0 ? (uint64_t)asked : call->settings->shell_timeout_ms;
  return timeout < most ? timeout : most;
}

/* ---- the command ----------------------------------------------------------------------------- */

struct command {
  const struct csn_tool_call *call;
  const struct csn_run *run; /* all but cwd and env */
  csn_command_env_fn *add_env;
  char cwd[CSN_PATH_SIZE];
  struct csn_environment env;
};

static void free_command(struct command *c) {
  csn_environment_free(&c->env);
}

static int set_env(struct command *c, const struct csn_session_view *view, struct csn_error *err) {
  const struct csn_tool_call *call = c->call;
  csn_environment_free(&c->env);
  int rc = csn_environment_set_defaults(&c->env, view->env, err);
  if (!rc) rc = csn_environment_set_all(&c->env, call->env, err);
  if (!rc) rc = csn_environment_set_all(&c->env, csn_json_get(call->args, "env"), err);
  if (!rc) rc = csn_environment_set_all(&c->env, call->secrets, err);
  return rc || !c->add_env ? rc : c->add_env(&c->env, view, c->cwd, err);
}

/* Options of the call count for it even where the sandbox was made with others. */
static int prepare(void *ctx, const struct csn_session_view *view, struct csn_run *run,
                   struct csn_error *err) {
  struct command *c = ctx;
  const char *base = csn_json_string(c->call->want->options, "workdir", view->workdir);
  int rc = find_cwd(base, csn_json_string(c->call->args, "cwd", ""), c->cwd, err);
  if (!rc) rc = set_env(c, view, err);
  if (rc) return rc;
  *run = *c->run;
  run->cwd = c->cwd;
  run->env = (const char *const *)c->env.entries;
  return 0;
}

int csn_command_run(const struct csn_tool_call *call, const struct csn_run *run,
                    csn_command_env_fn *add, struct csn_tool_result *result,
                    struct csn_error *err) {
  int rc = check_cwd(call, err);
  if (rc) return rc;
  __attribute__((cleanup(free_sink))) struct sink sink = {.call = NULL};
  rc = begin_sink(&sink, call, err);
  if (rc) return rc;
  struct csn_run whole = *run;
  struct csn_text_input text;
  set_input(call, &whole, &text);
  whole.timeout_ms = timeout_of(call);
  /* What has more bytes than this may have more characters than are shown. */
  whole.spill_after = call->output_limit;
  whole.spill_max = call->settings->spill_max;
  whole.output = take_output;
  whole.output_ctx = &sink;
  __attribute__((cleanup(free_command))) struct command command = {
      .call = call, .run = &whole, .add_env = add, .env = CSN_ENVIRONMENT_EMPTY};
  struct csn_run_result ended = {0};
  uint32_t flags = 0;
  rc = csn_session_run(call->sessions, call->want, prepare, &command, call->control, &ended, &flags,
                       err);
  end_sink(&sink);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  if (rc) return rc;
  csn_tool_set_run(call, 1);
  return csn_result_from_run(call, &whole, &ended, flags, &sink.output, result, err);
}

/* ---- in the background ----------------------------------------------------------------------- */

#define TEXT_MAX ((size_t)64 << 10) /* of an operation that starts something */
#define NAME_MAX_BYTES 150          /* what process 1 keeps of a job's name */

struct starting {
  struct csn_buffer text, report;
  int failed;
};

static void free_starting(struct starting *s) {
  csn_buffer_free(&s->text);
  csn_buffer_free(&s->report);
}

static int take_report(void *ctx, int stream, const void *bytes, size_t n) {
  struct starting *s = ctx;
  s->failed = csn_buffer_add(stream == CAISSON_STREAM_STDERR ? &s->report : &s->text, bytes, n);
  return s->failed != 0;
}

static uint64_t job_timeout_of(const struct csn_tool_call *call) {
  const struct csn_job_settings *jobs = &call->settings->jobs;
  int64_t asked = csn_json_int(call->args, "timeout_ms", 0);
  uint64_t timeout = asked > 0 ? (uint64_t)asked : jobs->timeout_ms;
  return timeout < jobs->max_timeout_ms ? timeout : jobs->max_timeout_ms;
}

struct job_operands {
  char numbers[4][48];
  char name[NAME_MAX_BYTES + 16];
  const char *list[6];
};

/* The name is cut at a character. */
static void set_operands(const struct csn_tool_call *call, const char *name,
                         struct job_operands *o) {
  const struct csn_job_settings *jobs = &call->settings->jobs;
  size_t n = strlen(name);
  if (n > NAME_MAX_BYTES) n = csn_utf8_valid_prefix(name, NAME_MAX_BYTES);
  snprintf(o->numbers[0], sizeof o->numbers[0], "timeout_ms=%" PRIu64, job_timeout_of(call));
  snprintf(o->numbers[1], sizeof o->numbers[1], "output_max=%" PRIu64, jobs->output_max);
  snprintf(o->numbers[2], sizeof o->numbers[2], "running_max=%" PRIu32, jobs->running_max);
  snprintf(o->numbers[3], sizeof o->numbers[3], "kept_max=%" PRIu32, jobs->kept_max);
  snprintf(o->name, sizeof o->name, "command=%.*s", (int)n, name);
  for (size_t i = 0; i < 4; i++) o->list[i] = o->numbers[i];
  o->list[4] = o->name;
  o->list[5] = NULL;
}

int csn_command_start(const struct csn_tool_call *call, const struct csn_run *run, const char *name,
                      struct csn_tool_result *result, struct csn_error *err) {
  if (!*call->want->key)
    return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                    "background: this call has a sandbox of its own, which ends with it; without a "
                    "session nothing can run in the background");
  int rc = check_cwd(call, err);
  if (rc) return rc;
  __attribute__((cleanup(free_starting))) struct starting starting = {
      .text = CSN_BUFFER(TEXT_MAX), .report = CSN_BUFFER(TEXT_MAX)};
  CSN_CLEANUP_NATIVE struct csn_native_end end = {.report = NULL};
  struct job_operands operands;
  struct csn_run whole = *run;
  struct csn_text_input text;
  set_input(call, &whole, &text);
  set_operands(call, name, &operands);
  whole.operation = "job_start";
  whole.operands = operands.list;
  whole.timeout_ms = CSN_NATIVE_TIMEOUT_MS;
  whole.output = take_report;
  whole.output_ctx = &starting;
  __attribute__((cleanup(free_command))) struct command command = {
      .call = call, .run = &whole, .env = CSN_ENVIRONMENT_EMPTY};
  rc = csn_session_run(call->sessions, call->want, prepare, &command, call->control, &end.ended,
                       &end.flags, err);
  if (csn_is_stop(rc)) return csn_result_from_stop(rc, result, err);
  if (rc == 0) csn_tool_set_run(call, 1);
  if (rc == 0 && starting.failed) rc = csn_native_stopped(starting.failed, err);
  if (rc == 0) rc = csn_native_read_report(&starting.report, &end, err);
  const struct csn_native native = {.operation = whole.operation, .timeout_ms = whole.timeout_ms};
  return rc ? rc : csn_file_tool_finish(call, &native, &end, &starting.text, result, err);
}
