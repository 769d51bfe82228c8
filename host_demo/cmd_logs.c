/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_logs.c: what a session's service has printed, and with --follow what it goes on to print. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "json.h"
#include "report.h"
#include "ui.h"

/* Writes the text of one answer; the offset of the next one, or -1 where it cannot be written. */
static double show(const cJSON *log) {
  const cJSON *text = csn_json_get(log, "text"), *next = csn_json_get(log, "next_offset");
  const cJSON *lost = csn_json_get(log, "lost_bytes");
  if (cJSON_IsNumber(lost) && lost->valuedouble > 0)
    csn_ui_say("%.0f bytes are not kept any more", lost->valuedouble);
  if (cJSON_IsString(text) && (!csn_ui_put(stdout, text->valuestring) || fflush(stdout) != 0))
    return -1;
  return cJSON_IsNumber(next) ? next->valuedouble : -1;
}

/* It has ended for good, and all of it was shown. */
static bool is_over(const cJSON *log) {
  const cJSON *state = csn_json_get(log, "state");
  bool ended = cJSON_IsString(state) && (strcmp(state->valuestring, "exited") == 0 ||
                                         strcmp(state->valuestring, "failed") == 0);
  return ended && !csn_json_true(log, "more");
}

static int show_from(struct csn_host *host, const struct csn_options *options, const char *key) {
  bool follows = (options->given & CSN_OPT_FOLLOW) != 0, on = true;
  char args[80] = "{}";
  int code = 0;
  while (on) {
    struct csn_reply reply;
    csn_op_run(host, options, "service.log", key, args, &reply);
    code = csn_report_exit(&reply);
    if (code != 0 || options->json) {
      code = csn_report_call(&reply, options->json, false);
      on = false;
    } else {
      const cJSON *log = csn_reply_structured(&reply);
      double next = show(log);
      on = follows && next >= 0 && !is_over(log);
      (void)snprintf(args, sizeof args, "{\"offset\": %.0f, \"wait_ms\": 5000}", next);
    }
    csn_reply_free(&reply);
  }
  return code;
}

int csn_cmd_logs(const struct csn_options *options) {
  struct csn_host host;
  if (options->arg_count > 0 && (options->given & CSN_OPT_SESSION))
    return csn_ui_usage("give the key once: as an argument or with --session");
  if (options->arg_count > 0 && *options->args[0] == '\0')
    return csn_ui_usage("a session's key cannot be empty");
  if (options->json && (options->given & CSN_OPT_FOLLOW))
    return csn_ui_usage("--json and --follow exclude each other");
  int code = csn_host_start(&host, options, false);
  if (code)
    return code;
  code = show_from(&host, options, options->arg_count > 0 ? options->args[0] : options->session);
  csn_host_stop(&host);
  return code;
}
