/* SPDX-License-Identifier: Apache-2.0 */
/* The tool `run_python`: a Python program in the session's sandbox. */
#ifndef CSN_TOOLS_RUN_PYTHON_H
#define CSN_TOOLS_RUN_PYTHON_H

#include "tools/tool.h"

csn_tool_fn csn_tool_run_python;

#endif
