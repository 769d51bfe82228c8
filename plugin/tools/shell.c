/* SPDX-License-Identifier: Apache-2.0 */
/* See shell.h. */
#include "tools/shell.h"

#include <inttypes.h>
#include <string.h>

#include "tools/command.h"
#include "util/json.h"

/* The kernel takes no argument of 128 KiB or more: a longer command line goes by a file. */
#define ARGUMENT_MAX (((size_t)128 << 10) - 1)

/* The schema allows what a job may ask for. */
static int check_timeout(const struct csn_tool_call *call, int background, struct csn_error *err) {
  const struct csn_tool_settings *s = call->settings;
  uint64_t most = background ? s->jobs.max_timeout_ms : s->max_timeout_ms;
  int64_t asked = csn_json_int(call->args, "timeout_ms", 0);
  if (asked <= 0 || (uint64_t)asked <= most) return 0;
  return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                  "timeout_ms: must be at most %" PRIu64 "%s", most,
                  background ? "" : "; what takes longer can run with background: true");
}

int csn_tool_shell(const struct csn_tool_call *call, struct csn_tool_result *result,
                   struct csn_error *err) {
  static const char *const programs[] = {"bash", "sh", NULL};
  const char *command = csn_json_string(call->args, "command", "");
  const char *const by_argument[] = {"-c", command, NULL};
  const char *const by_file[] = {CSN_RUN_SCRIPT, NULL};
  struct csn_run run = {.programs = programs, .args = by_argument};
  if (strlen(command) >= ARGUMENT_MAX) {
    run.args = by_file;
    run.script = command;
    run.script_size = strlen(command);
    run.script_name = "command.sh";
  }
  int background = csn_json_bool(call->args, "background", 0);
  int rc = check_timeout(call, background, err);
  if (rc) return rc;
  return background ? csn_command_start(call, &run, command, result, err)
                    : csn_command_run(call, &run, NULL, result, err);
}
