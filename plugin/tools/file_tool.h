/* SPDX-License-Identifier: Apache-2.0 */
/* The tools on files: read, write, edit, glob, grep and list. The helper does the work and writes
 * the text for the model; here its answer is checked and becomes a result. */
#ifndef CSN_TOOLS_FILE_TOOL_H
#define CSN_TOOLS_FILE_TOOL_H

#include "tools/tool.h"

csn_tool_fn csn_tool_list;

#endif
