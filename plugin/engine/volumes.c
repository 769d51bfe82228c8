/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/volumes.h"

#include "engine/ask.h"
#include "util/alloc.h"
#include "util/json.h"

static cJSON *create_body(const char *name, const cJSON *labels) {
  cJSON *body = cJSON_CreateObject();
  int rc = csn_json_add_string(body, "Name", name);
  if (labels) rc |= csn_json_add(body, "Labels", cJSON_Duplicate(labels, 1));
  if (rc == 0) return body;
  cJSON_Delete(body);
  return NULL;
}

/* Some versions of Podman refuse a name that exists instead of returning it. */
static int exists(struct csn_engine *engine, const char *name, const struct csn_control *control) {
  struct csn_volume volume CSN_CLEANUP_VOLUME = {0};
  return csn_volume_inspect(engine, name, control, &volume, NULL) == 0;
}

int csn_volume_create(struct csn_engine *engine, const char *name, const cJSON *labels,
                      const struct csn_control *control, struct csn_error *err) {
  cJSON *answer CSN_CLEANUP_JSON = NULL;
  cJSON *body CSN_CLEANUP_JSON = create_body(name, labels);
  if (!body) return csn_fail_nomem(err);
  struct csn_ask ask = {
      .method = "POST", .path = "/volumes/create", .json = body, .seconds = 20};
  int rc = csn_ask_json(engine, &ask, control, 0, &answer, err);
  if (rc != CAISSON_E_ENGINE || !exists(engine, name, control))
    return csn_ask_context(rc, err, "create volume", name);
  if (err) csn_error_clear(err);
  return 0;
}

int csn_volume_inspect(struct csn_engine *engine, const char *name,
                       const struct csn_control *control, struct csn_volume *out,
                       struct csn_error *err) {
  CSN_ASK_PATH(path);
  memset(out, 0, sizeof *out);
  int rc = csn_ask_path(&path, "/volumes/", name, "", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 10};
  rc = csn_ask_json(engine, &ask, control, 0, &out->raw, err);
  if (rc) return csn_ask_context(rc, err, "inspect volume", name);
  out->name = csn_json_string(out->raw, "Name", "");
  out->driver = csn_json_string(out->raw, "Driver", "");
  out->mountpoint = csn_json_string(out->raw, "Mountpoint", "");
  out->labels = csn_json_get(out->raw, "Labels");
  return 0;
}

void csn_volume_free(struct csn_volume *volume) {
  cJSON_Delete(volume->raw);
  memset(volume, 0, sizeof *volume);
}

int csn_volume_remove(struct csn_engine *engine, const char *name,
                      const struct csn_control *control, struct csn_error *err) {
  CSN_ASK_PATH(path);
  struct csn_error own = {0};
  if (!err) err = &own;
  int rc = csn_ask_path(&path, "/volumes/", name, "", err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "DELETE", .path = path.data, .seconds = 20};
  rc = csn_ask_simple(engine, &ask, control, err);
  if (rc == 0 || !csn_engine_is_missing(err))
    return csn_ask_context(rc, err, "remove volume", name);
  csn_error_clear(err);
  return 0;
}
