/* SPDX-License-Identifier: Apache-2.0 */
/* See run_python.h. */
#include "tools/run_python.h"

#include <string.h>

#include "tools/command.h"
#include "util/alloc.h"
#include "util/json.h"

/* Unless somebody said otherwise. */
static int set(struct csn_environment *env, const struct csn_session_view *view, const char *name,
               const char *value, struct csn_error *err) {
  int is_given = csn_environment_get(env, name) || csn_json_get(view->env, name);
  return is_given ? 0 : csn_environment_set(env, name, value, err);
}

/* The script lies in a directory of its own, which Python puts first in its path; the working
 * directory is to be importable too, before whatever else was asked for. */
static int set_module_path(struct csn_environment *env, const struct csn_session_view *view,
                           const char *cwd, struct csn_error *err) {
  const char *given = csn_environment_get(env, "PYTHONPATH");
  if (!given) given = csn_json_string(view->env, "PYTHONPATH", "");
  CSN_CLEANUP_FREE char *path = csn_asprintf("%s%s%s", cwd, *given ? ":" : "", given);
  return path ? csn_environment_set(env, "PYTHONPATH", path, err) : csn_fail_nomem(err);
}

static int add_environment(struct csn_environment *env, const struct csn_session_view *view,
                           const char *cwd, struct csn_error *err) {
  /* Processes that it starts are Python programs often enough. */
  int rc = set(env, view, "PYTHONUNBUFFERED", "1", err);
  if (!rc) rc = set(env, view, "PYTHONUTF8", "1", err);
  return rc ? rc : set_module_path(env, view, cwd, err);
}

/* -u, the script, the arguments. */
static const char **make_args(const cJSON *args) {
  size_t n = 0;
  const cJSON *arg;
  const char **list = csn_calloc((size_t)cJSON_GetArraySize(args) + 3, sizeof *list);
  if (!list) return NULL;
  list[n++] = "-u";
  list[n++] = CSN_RUN_SCRIPT;
  cJSON_ArrayForEach(arg, args) {
    list[n++] = arg->valuestring;
  }
  return list;
}

int csn_tool_run_python(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err) {
  static const char *const programs[] = {"python3", "python", NULL};
  const char *code = csn_json_string(call->args, "code", "");
  CSN_CLEANUP_FREE const char **args = make_args(csn_json_get(call->args, "args"));
  if (!args) return csn_fail_nomem(err);
  struct csn_run run = {.programs = programs,
                        .args = args,
                        .script = code,
                        .script_size = strlen(code),
                        .script_name = "script.py"};
  int rc = csn_command_run(call, &run, add_environment, result, err);
  if (rc == CAISSON_E_SANDBOX && err && strcmp(err->reason, CAISSON_REASON_EXEC_NOT_FOUND) == 0)
    return csn_fail(err, rc, CAISSON_REASON_EXEC_NOT_FOUND,
                    "this sandbox has no Python: its image has neither python3 nor python in PATH. "
                    "Use a shell command, or ask for an image that has Python");
  return rc;
}
