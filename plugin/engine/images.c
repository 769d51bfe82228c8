/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/images.h"

#include "engine/ask.h"
#include "transport/url.h"
#include "util/json.h"

/* Not csn_ask_path(): the name of an image has slashes. */
static int image_path(struct csn_buffer *path, const char *name, struct csn_error *err) {
  int rc = csn_ask_route(path, "/images/", err);
  if (rc == 0 && csn_url_add_escaped(path, name)) rc = csn_fail_nomem(err);
  return rc ? rc : csn_ask_route(path, "/json", err);
}

static int missing(const char *name, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_IMAGE_MISSING,
                  "the engine has no image \"%.200s\"; get it with `docker pull %.200s`, or "
                  "configure one that it has",
                  name, name);
}

int csn_image_inspect(struct csn_engine *engine, const char *name,
                      const struct csn_control *control, struct csn_image *out,
                      struct csn_error *err) {
  CSN_ASK_PATH(path);
  struct csn_error own = {0};
  memset(out, 0, sizeof *out);
  if (!err) err = &own;
  int rc = image_path(&path, name, err);
  if (rc) return rc;
  struct csn_ask ask = {.method = "GET", .path = path.data, .seconds = 10};
  rc = csn_ask_json(engine, &ask, control, 0, &out->raw, err);
  if (rc && csn_engine_is_missing(err)) return missing(name, err);
  if (rc) return csn_ask_context(rc, err, "inspect image", name);
  const cJSON *config = csn_json_get(out->raw, "Config");
  out->id = csn_json_string(out->raw, "Id", "");
  out->os = csn_json_string(out->raw, "Os", "");
  out->arch = csn_json_string(out->raw, "Architecture", "");
  out->user = csn_json_string(config, "User", "");
  out->env = csn_json_get(config, "Env");
  out->volumes = csn_json_get(config, "Volumes");
  out->labels = csn_json_get(config, "Labels");
  return 0;
}

void csn_image_free(struct csn_image *image) {
  cJSON_Delete(image->raw);
  memset(image, 0, sizeof *image);
}
