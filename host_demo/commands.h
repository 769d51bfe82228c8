/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h: one function for each command. Each returns the program's exit code. */
#ifndef HOST_COMMANDS_H
#define HOST_COMMANDS_H

#include <stdbool.h>

#include "host.h"
#include "options.h"

int csn_cmd_tools(const struct csn_options *options);
int csn_cmd_call(const struct csn_options *options);
int csn_cmd_op(const struct csn_options *options);
int csn_cmd_repl(const struct csn_options *options);
int csn_cmd_sessions(const struct csn_options *options);
int csn_cmd_inspect(const struct csn_options *options);
int csn_cmd_logs(const struct csn_options *options);
int csn_cmd_rm(const struct csn_options *options);
int csn_cmd_reap(const struct csn_options *options);
int csn_cmd_shutdown(const struct csn_options *options);
int csn_cmd_put(const struct csn_options *options);
int csn_cmd_image(const struct csn_options *options);
int csn_cmd_get(const struct csn_options *options);
int csn_cmd_doctor(const struct csn_options *options);
int csn_cmd_swap(const struct csn_options *options);
int csn_cmd_chat(const struct csn_options *options);
int csn_cmd_mcp(const struct csn_options *options);

/* ---- what the interactive session shares with them ------------------------------------------- */

/* The tools that the instance offers, as a list for people. */
int csn_tools_print(struct csn_host *host);

/* The tools of all plugins as MCP has them, under their full names: a list of the caller's. */
cJSON *csn_tools_list(struct csn_host *host);

/* The sessions of the instance, as a table or as the result's JSON. */
int csn_sessions_print(struct csn_host *host, const struct csn_options *options, bool json);

/* Runs an operation on a session ("" for none). */
void csn_op_run(struct csn_host *host, const struct csn_options *options, const char *name,
                const char *session, const char *args, struct csn_reply *reply);

/* Removes one session, with words on what happened. */
int csn_rm_one(struct csn_host *host, const struct csn_options *options, const char *key);

/* The one required property of a tool's arguments that is a string, where there is exactly one
 * required property; else NULL. Plain text on the command line becomes that. */
const char *csn_tool_text_argument(const cJSON *tool);

/* A tool's arguments as JSON, malloc'd: `text` as it is, or, where it does not begin with {, as
 * that one property. */
char *csn_tool_arguments(struct csn_host *host, const char *tool, const char *text);

#endif
