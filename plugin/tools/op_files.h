/* SPDX-License-Identifier: Apache-2.0 */
/* The operations that carry files and trees between the host and a session's sandbox. Bytes come by
 * the request's input and go to hooks.output; no more than pieces of them are ever in memory. */
#ifndef CSN_TOOLS_OP_FILES_H
#define CSN_TOOLS_OP_FILES_H

#include "tools/tool.h"

csn_tool_fn csn_op_file_upload;
csn_tool_fn csn_op_archive_put;
csn_tool_fn csn_op_archive_get;

#endif
