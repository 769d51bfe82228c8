/* SPDX-License-Identifier: Apache-2.0 */
/* The tools on files: read, write, edit, glob, grep and list. The helper does the work and writes
 * the text for the model; here its answer is checked and becomes a result. */
#ifndef CSN_TOOLS_FILE_TOOL_H
#define CSN_TOOLS_FILE_TOOL_H

#include "tools/native.h"
#include "tools/tool.h"
#include "util/buffer.h"

csn_tool_fn csn_tool_read;
csn_tool_fn csn_tool_write;
csn_tool_fn csn_tool_edit;
csn_tool_fn csn_tool_glob;
csn_tool_fn csn_tool_grep;
csn_tool_fn csn_tool_list;

/* For tools beside these whose work is one operation: run it with the call's arguments as operands
 * (a timeout of 0 is a file tool's), or make the result of one that was run. */
int csn_file_tool_run(const struct csn_tool_call *call, struct csn_native *native,
                      struct csn_tool_result *result, struct csn_error *err);
int csn_file_tool_finish(const struct csn_tool_call *call, const struct csn_native *native,
                         struct csn_native_end *end, const struct csn_buffer *output,
                         struct csn_tool_result *result, struct csn_error *err);

#endif
