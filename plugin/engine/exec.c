/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/exec.h"

#include <string.h>

#include "engine/ask.h"
#include "util/json.h"

static int add_strings(cJSON *object, const char *name, const char *const *strings) {
  cJSON *list = csn_json_add_array(object, name);
  int rc = list ? 0 : CAISSON_E_NOMEM;
  for (; rc == 0 && *strings; strings++) rc = csn_json_append_string(list, *strings);
  return rc;
}

static cJSON *create_body(const struct csn_exec_spec *spec) {
  cJSON *body = cJSON_CreateObject();
  int rc = csn_json_add_bool(body, "AttachStdin", 1);
  rc |= csn_json_add_bool(body, "AttachStdout", 1);
  rc |= csn_json_add_bool(body, "AttachStderr", 1);
  rc |= add_strings(body, "Cmd", spec->argv);
  if (spec->env) rc |= add_strings(body, "Env", spec->env);
  if (spec->user) rc |= csn_json_add_string(body, "User", spec->user);
  if (spec->workdir) rc |= csn_json_add_string(body, "WorkingDir", spec->workdir);
  if (rc == 0) return body;
  cJSON_Delete(body);
  return NULL;
}

static int create(struct csn_engine *engine, const char *container,
                  const struct csn_exec_spec *spec, const struct csn_control *control,
                  char id[CSN_CONTAINER_ID_SIZE], struct csn_error *err) {
  CSN_ASK_PATH(path);
  cJSON *answer CSN_CLEANUP_JSON = NULL;
  cJSON *body CSN_CLEANUP_JSON = create_body(spec);
  if (!body) return csn_fail_nomem(err);
  int rc = csn_ask_path(&path, "/containers/", container, "/exec", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST", .path = path.data, .json = body, .seconds = 10};
  rc = csn_ask_json(engine, &ask, control, 0, &answer, err);
  return rc ? rc : csn_ask_id(answer, id, CSN_CONTAINER_ID_SIZE, err);
}

static int start(struct csn_engine *engine, const char *id, const struct csn_control *control,
                 struct csn_stream **stream, struct csn_error *err) {
  static const char body[] = "{\"Detach\":false,\"Tty\":false}";
  CSN_ASK_PATH(path);
  int rc = csn_ask_path(&path, "/exec/", id, "/start", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "POST",
                        .path = path.data,
                        .bytes = body,
                        .size = sizeof body - 1,
                        .content_type = "application/json",
                        .seconds = 30};
  return csn_ask_stream(engine, &ask, control, stream, err);
}

int csn_exec_open(struct csn_engine *engine, const char *container,
                  const struct csn_exec_spec *spec, const struct csn_control *control,
                  struct csn_stream **stream, char id[CSN_CONTAINER_ID_SIZE],
                  struct csn_error *err) {
  char own[CSN_CONTAINER_ID_SIZE];
  *stream = NULL;
  if (!id) id = own;
  int rc = create(engine, container, spec, control, id, err);
  if (rc == 0) rc = start(engine, id, control, stream, err);
  return csn_ask_context(rc, err, "start a process in container", container);
}

int csn_exec_inspect(struct csn_engine *engine, const char *id, const struct csn_control *control,
                     struct csn_exec_state *out, struct csn_error *err) {
  CSN_ASK_PATH(path);
  cJSON *answer CSN_CLEANUP_JSON = NULL;
  int rc = csn_ask_path(&path, "/exec/", id, "/json", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 10};
  rc = csn_ask_json(engine, &ask, control, 0, &answer, err);
  if (rc == 0 && !cJSON_IsBool(csn_json_get(answer, "Running")))
    rc = csn_ask_malformed(err, "it does not say whether the process runs");
  if (rc) return csn_ask_context(rc, err, "inspect exec", id);
  out->running = csn_json_bool(answer, "Running", 0);
  out->exit_code = out->running ? -1 : (int)csn_json_int(answer, "ExitCode", -1);
  return 0;
}
