/* SPDX-License-Identifier: Apache-2.0 */
/* Which function is which tool. A test holds this against manifest.json. */
#include <string.h>

#include "tools/file_tool.h"
#include "tools/job_tool.h"
#include "tools/op_files.h"
#include "tools/operations.h"
#include "tools/run_python.h"
#include "tools/shell.h"
#include "tools/tool.h"

static const struct csn_tool tools[] = {
    {"shell", csn_tool_shell},
    {"run_python", csn_tool_run_python},
    {"shell_output", csn_tool_shell_output},
    {"shell_kill", csn_tool_shell_kill},
    {"read", csn_tool_read},
    {"write", csn_tool_write},
    {"edit", csn_tool_edit},
    {"glob", csn_tool_glob},
    {"grep", csn_tool_grep},
    {"list", csn_tool_list},
};

static const struct csn_tool operations[] = {
    {"session.ensure", csn_op_session_ensure},     {"session.list", csn_op_session_list},
    {"session.inspect", csn_op_session_inspect},   {"session.remove", csn_op_session_remove},
    {"session.reap", csn_op_session_reap},
    {"session.shutdown", csn_op_session_shutdown}, {"engine.info", csn_op_engine_info},
    {"image.ensure", csn_op_image_ensure},
    {"file.upload", csn_op_file_upload},           {"archive.put", csn_op_archive_put},
    {"archive.get", csn_op_archive_get},           {"service.log", csn_op_service_log},
    {"archive.get", csn_op_archive_get},           {"session.port", csn_op_session_port},
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
