/* SPDX-License-Identifier: Apache-2.0 */
/* The operations: what a host, not a model, can ask for. */
#ifndef CSN_TOOLS_OPERATIONS_H
#define CSN_TOOLS_OPERATIONS_H

#include "tools/tool.h"

csn_tool_fn csn_op_session_ensure;
csn_tool_fn csn_op_session_list;
csn_tool_fn csn_op_session_inspect;
csn_tool_fn csn_op_session_port;
csn_tool_fn csn_op_session_remove;
csn_tool_fn csn_op_session_reap;
csn_tool_fn csn_op_session_shutdown;
csn_tool_fn csn_op_image_ensure;
csn_tool_fn csn_op_engine_info;
csn_tool_fn csn_op_service_log;

#endif
