/* SPDX-License-Identifier: Apache-2.0 */
/* Which function is which tool. A test holds this against manifest.json. */
#include <string.h>

#include "tools/file_tool.h"
#include "tools/operations.h"
#include "tools/run_python.h"
#include "tools/shell.h"
#include "tools/tool.h"

static const struct csn_tool tools[] = {
    {"shell", csn_tool_shell},
    {"run_python", csn_tool_run_python},
    {"list", csn_tool_list},
};

static const struct csn_tool operations[] = {
    {"session.ensure", csn_op_session_ensure},     {"session.list", csn_op_session_list},
    {"session.inspect", csn_op_session_inspect},   {"session.remove", csn_op_session_remove},
    {"session.shutdown", csn_op_session_shutdown}, {"engine.info", csn_op_engine_info},
};

static const struct csn_tool *find(const struct csn_tool *table, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(table[i].name, name) == 0) return &table[i];
  return NULL;
}

const struct csn_tool *csn_tool_find(const char *name) {
  return find(tools, sizeof tools / sizeof *tools, name);
}

const struct csn_tool *csn_operation_find(const char *name) {
  return find(operations, sizeof operations / sizeof *operations, name);
}
