/* SPDX-License-Identifier: Apache-2.0 */
/* See shell.h. */
#include "tools/shell.h"

#include <string.h>

#include "tools/command.h"
#include "util/json.h"

/* The kernel takes no argument of 128 KiB or more: a longer command line goes by a file. */
#define ARGUMENT_MAX (((size_t)128 << 10) - 1)

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
  return csn_command_run(call, &run, NULL, result, err);
}
