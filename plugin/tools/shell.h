/* SPDX-License-Identifier: Apache-2.0 */
/* The tool `shell`: a command line in the session's sandbox. */
#ifndef CSN_TOOLS_SHELL_H
#define CSN_TOOLS_SHELL_H

#include "tools/tool.h"

csn_tool_fn csn_tool_shell;

#endif
