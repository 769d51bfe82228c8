/* SPDX-License-Identifier: Apache-2.0 */
/* What every tool that runs a command has in common: its environment, its directory, its input and
 * its captured output. */
#ifndef CSN_TOOLS_COMMAND_H
#define CSN_TOOLS_COMMAND_H

#include "tools/environment.h"
#include "tools/tool.h"
#include "util/path.h"

/* The directory that `path` means in `base`, with ".", ".." and doubled slashes resolved; "" is the
 * base itself. 0 or CAISSON_E_ARGUMENTS. */
int csn_command_path(const char *base, const char *path, char out[CSN_PATH_SIZE],
                     struct csn_error *err);

/* What a tool adds to the environment of its commands, which run in that directory. */
typedef int csn_command_env_fn(struct csn_environment *env, const struct csn_session_view *view,
                               const char *cwd, struct csn_error *err);

/* Runs it in the call's session. *run has programs, args and, where there is one, the script; the
 * rest is filled in here, cwd and env once the sandbox is known. The environment is our defaults
 * but for what the sandbox's settings name, and what the host and the arguments give, secrets
 * included; then what `add` (NULL: nothing) makes of it. */
int csn_command_run(const struct csn_tool_call *call, const struct csn_run *run,
                    csn_command_env_fn *add, struct csn_tool_result *result,
                    struct csn_error *err);

/* The same in the background: returns once it has started. `name` is what lists call the job. */
int csn_command_start(const struct csn_tool_call *call, const struct csn_run *run, const char *name,
                      struct csn_tool_result *result, struct csn_error *err);

#endif
