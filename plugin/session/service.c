/* SPDX-License-Identifier: Apache-2.0 */
/* See service.h. */
#include "session/service.h"

#include <stdio.h>
#include <string.h>

#include "session/internal.h"
#include "session/service_run.h"
#include "util/buffer.h"
#include "util/json.h"

#define START_MS 30000u /* for process 1 to answer */
#define SETTLE_MS "300" /* without a probe, a service that ends sooner has failed */
#define READY_MS 30000  /* the default of ready.timeout_ms */
#define GRACE_MS 15000u /* beyond what the helper keeps to by itself */
#define REPORT_MAX ((size_t)1 << 16)
#define LOG_SIZE 1048576 /* the default of log_size */

/* ---- an operation of the helper -------------------------------------------------------------- */

static int take_report(void *ctx, int stream, const void *bytes, size_t n) {
  return stream == CAISSON_STREAM_STDERR && csn_buffer_add(ctx, bytes, n) != 0;
}

/* Why it has no report: the call was stopped, or the channel broke. */
static int fail_without_report(const struct csn_run_result *ended,
                               const struct csn_control *control, struct csn_error *err) {
  int rc = csn_control_check(control, err);
  if (rc) return rc;
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                  "the helper did not come to an end with the service%s%s",
                  *ended->message ? ": " : "", ended->message);
}

static int refused(const cJSON *report, struct csn_error *err) {
  const cJSON *error = csn_json_get(report, "error");
  const char *hint = csn_json_string(error, "hint", "");
  return csn_fail(err, CAISSON_E_SANDBOX,
                  csn_json_string(error, "reason", CAISSON_REASON_SERVICE_FAILED), "%s%s%s",
                  csn_json_string(error, "message", "the service could not be started"),
                  *hint ? ". " : "", hint);
}

static int run_operation(struct csn_channel *ch, struct csn_run *run,
                         const struct csn_control *control, cJSON **report,
                         struct csn_error *err) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(REPORT_MAX);
  struct csn_run_result ended;
  run->output = take_report;
  run->output_ctx = &text;
  int rc = csn_channel_run(ch, run, control, &ended, err);
  if (rc) return rc;
  if (ended.outcome != CAISSON_OUTCOME_EXITED || (ended.exit_code != 0 && ended.exit_code != 1))
    return fail_without_report(&ended, control, err);
  rc = csn_json_parse(csn_buffer_text(&text), text.size, REPORT_MAX, "the helper's report",
                      CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL, report, err);
  if (rc || ended.exit_code == 0) return rc;
  rc = refused(*report, err);
  cJSON_Delete(*report);
  *report = NULL;
  return rc;
}

/* ---- bringing it up -------------------------------------------------------------------------- */

static uint64_t log_size(const cJSON *service) {
  const cJSON *given = csn_json_get(service, "log_size");
  uint64_t bytes = given ? csn_policy_bytes(given) : 0;
  return bytes ? bytes : LOG_SIZE;
}

static int is_restarted(const cJSON *service) {
  return strcmp(csn_json_string(service, "restart", "on-failure"), "on-failure") == 0;
}

/* *is_new: it was not there before. */
static int start(struct csn_sessions *all, const struct csn_session *s,
                 const struct csn_session_want *want, struct csn_channel *ch,
                 const struct csn_control *control, int *is_new, struct csn_error *err) {
  CSN_CLEANUP_SERVICE_RUN struct csn_service_run made = {0};
  cJSON *report CSN_CLEANUP_JSON = NULL;
  char size[40];
  int rc = csn_service_run_make(all, s, want->options, control, &made, err);
  if (rc) return rc;
  snprintf(size, sizeof size, "log_size=%llu", (unsigned long long)log_size(s->service));
  const char *const operands[] = {
      size, is_restarted(s->service) ? "restart=true" : "restart=false",
      want->service == CSN_SERVICE_AGAIN ? "again=true" : "again=false", NULL};
  struct csn_run run = {.operation = "service_start",
                        .operands = operands,
                        .programs = made.programs,
                        .args = made.argv + 1,
                        .env = made.env,
                        .cwd = made.cwd,
                        .timeout_ms = START_MS};
  rc = run_operation(ch, &run, control, &report, err);
  *is_new = csn_json_bool(report, "new", 0);
  return rc;
}

/* An operation that is told how to find out whether the service is ready. `ms`: what it may
 * take. */
static int run_with_probe(const char *operation, const cJSON *service, int64_t ms,
                          struct csn_channel *ch, const struct csn_control *control,
                          cJSON **report, struct csn_error *err) {
  const cJSON *ready = csn_json_get(service, "ready"), *http = csn_json_get(ready, "http");
  CSN_CLEANUP_BUFFER struct csn_buffer path = CSN_BUFFER(4096);
  char port[32], status[32], timeout[48];
  snprintf(port, sizeof port, "port=%lld",
           (long long)csn_json_int(http, "port", csn_json_int(ready, "tcp", 0)));
  snprintf(status, sizeof status, "status=%lld", (long long)csn_json_int(http, "status", 0));
  snprintf(timeout, sizeof timeout, "timeout_ms=%lld", (long long)ms);
  if (csn_buffer_addf(&path, "path=%s", csn_json_string(http, "path", "/")))
    return csn_fail_nomem(err);
  const char *const operands[] = {port, timeout, status, "settle_ms=" SETTLE_MS,
                                  cJSON_IsObject(http) ? csn_buffer_text(&path) : NULL, NULL};
  struct csn_run run = {.operation = operation,
                        .operands = operands,
                        .cwd = "/",
                        .timeout_ms = (uint64_t)ms + GRACE_MS};
  return run_operation(ch, &run, control, report, err);
}

static int await_ready(const cJSON *service, struct csn_channel *ch,
                       const struct csn_control *control, struct csn_error *err) {
  cJSON *report CSN_CLEANUP_JSON = NULL;
  int64_t ms = csn_json_int(csn_json_get(service, "ready"), "timeout_ms", READY_MS);
  return run_with_probe("service_ready", service, ms, ch, control, &report, err);
}

cJSON *csn_service_status(struct csn_channel *ch, const cJSON *service,
                          const struct csn_control *control) {
  cJSON *report = NULL;
  struct csn_error err;
  if (run_with_probe("service_status", service, 0, ch, control, &report, &err) != 0) return NULL;
  if (cJSON_IsObject(report)) return report;
  cJSON_Delete(report);
  return NULL;
}

static void note(const struct csn_session_want *want, const char *text) {
  if (want->progress) want->progress(want->progress_ctx, -1, text);
}

int csn_service_ensure(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_session_want *want, struct csn_channel *ch,
                       const struct csn_control *control, struct csn_error *err) {
  int is_new = 0, again = want->service == CSN_SERVICE_AGAIN;
  if (!s->service || want->service == CSN_SERVICE_AS_FOUND || (s->service_up && !again)) return 0;
  int rc = start(all, s, want, ch, control, &is_new, err);
  if (rc == 0 && (is_new || again)) {
    note(want, "waiting for its service");
    rc = await_ready(s->service, ch, control, err);
  }
  s->service_up = rc == 0;
  return rc;
}

/* ---- what the schema cannot say -------------------------------------------------------------- */

int csn_service_check(const cJSON *service, const char *path, const char *reason,
                      struct csn_error *err) {
  const cJSON *ready = csn_json_get(service, "ready");
  int probes =
      cJSON_IsNumber(csn_json_get(ready, "tcp")) + cJSON_IsObject(csn_json_get(ready, "http"));
  const char *target = csn_json_string(csn_json_get(ready, "http"), "path", "/");
  if (cJSON_IsObject(ready) && probes != 1)
    return csn_fail(err, CAISSON_E_CONFIG, reason,
                    "%s.ready: must have one of tcp and http: where to look for the service", path);
  if (*target != '/' || target[strcspn(target, " \t\r\n")])
    return csn_fail(err, CAISSON_E_CONFIG, reason,
                    "%s.ready.http.path: must begin with / and have no spaces or line ends", path);
  return 0;
}

int csn_service_check_image(const cJSON *service, const struct csn_image *image, const char *name,
                            struct csn_error *err) {
  const cJSON *config = csn_json_get(image->raw, "Config");
  const cJSON *entrypoint = csn_json_get(config, "Entrypoint"), *cmd = csn_json_get(config, "Cmd");
  if (!csn_service_is_images(service) ||
      cJSON_GetArraySize(entrypoint) + cJSON_GetArraySize(cmd) > 0)
    return 0;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "service: \"image\" means the image's own Entrypoint and Cmd, and %.200s has "
                  "neither; name the program as an array, or another image",
                  name);
}
