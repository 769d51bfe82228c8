/* SPDX-License-Identifier: Apache-2.0 */
/* See manifest.h. */
#include "tools/manifest.h"

#include "util/json.h"

int csn_manifest_parse(cJSON **out, struct csn_error *err) {
  size_t n = (size_t)(csn_manifest_end - csn_manifest_start);
  return csn_json_parse(csn_manifest_start, n, n, "the embedded manifest", CAISSON_E_INTERNAL,
                        CAISSON_REASON_INTERNAL, out, err);
}

const cJSON *csn_manifest_config_schema(const cJSON *manifest) {
  return csn_json_get(manifest, "configSchema");
}

const cJSON *csn_manifest_options_schema(const cJSON *manifest) {
  return csn_json_get(manifest, "optionsSchema");
}
