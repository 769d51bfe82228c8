/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/docker_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/file.h"
#include "util/json.h"

#define CONFIG_MAX ((size_t)4 << 20)

char *csn_docker_config_dir(void) {
  const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
  if (dir && *dir) return csn_strdup(dir);
  return home && *home ? csn_asprintf("%s/.docker", home) : NULL;
}

static int parse(const char *path, const struct csn_buffer *text, cJSON **out,
                 struct csn_error *err) {
  cJSON *document CSN_CLEANUP_JSON = NULL;
  int rc = csn_json_parse(csn_buffer_text(text), text->size, CONFIG_MAX, path, CAISSON_E_CONFIG,
                          CAISSON_REASON_CONFIG, &document, err);
  if (rc) return rc;
  if (!cJSON_IsObject(document))
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s must be a JSON object, as the docker client writes it", path);
  *out = CSN_STEAL(document);
  return 0;
}

int csn_docker_config_load(cJSON **out, struct csn_error *err) {
  char *dir CSN_CLEANUP_FREE = csn_docker_config_dir();
  char *path CSN_CLEANUP_FREE = dir ? csn_asprintf("%s/config.json", dir) : NULL;
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(CONFIG_MAX);
  *out = NULL;
  if (path && csn_file_read(path, &text) == 0) return parse(path, &text, out, err);
  if (path && errno != ENOENT && errno != ENOTDIR)
    return csn_fail_errno(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, errno,
                          "cannot read the docker client's configuration %s", path);
  *out = cJSON_CreateObject();
  return *out ? 0 : csn_fail_nomem(err);
}
