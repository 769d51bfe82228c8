/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/path_stat.h"

#include "engine/ask.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/json.h"

/* Of Go's os.FileMode, which is what "mode" is. */
#define GO_MODE_DIRECTORY (UINT32_C(1) << 31)
#define GO_MODE_LINK (UINT32_C(1) << 27)

int csn_path_stat_parse(const char *value, struct csn_path_stat *out, struct csn_error *err) {
  if (!value) return csn_ask_malformed(err, "it does not say what the path is");
  char *text CSN_CLEANUP_FREE = NULL;
  size_t n = 0;
  if (csn_base64_decode(value, &text, &n) == CAISSON_E_NOMEM) return csn_fail_nomem(err);
  if (!text || csn_json_scan(text, n, NULL) != 0)
    return csn_ask_malformed(err, "it does not say in JSON what the path is");
  cJSON *json CSN_CLEANUP_JSON = cJSON_ParseWithLength(text, n);
  if (!json) return csn_fail_nomem(err);
  int64_t mode = csn_json_int(json, "mode", -1);
  if (mode < 0 || mode > UINT32_MAX) return csn_ask_malformed(err, "the path's mode is missing");
  out->size = csn_json_int(json, "size", 0);
  out->mode = (uint32_t)mode & 0777;
  out->is_directory = ((uint32_t)mode & GO_MODE_DIRECTORY) != 0;
  out->is_link = ((uint32_t)mode & GO_MODE_LINK) != 0;
  return 0;
}
