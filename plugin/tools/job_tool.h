/* SPDX-License-Identifier: Apache-2.0 */
/* The tools on background jobs, which `shell` starts: shell_output and shell_kill. */
#ifndef CSN_TOOLS_JOB_TOOL_H
#define CSN_TOOLS_JOB_TOOL_H

#include "tools/tool.h"

csn_tool_fn csn_tool_shell_output;
csn_tool_fn csn_tool_shell_kill;

#endif
