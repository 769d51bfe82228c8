/* SPDX-License-Identifier: Apache-2.0 */
/* A tool or an operation of the manifest, by its plain name. */
#ifndef TOOLS_DEFINITION_H
#define TOOLS_DEFINITION_H

#include <string.h>

#include "util/json.h"

/* list: "tools" or "operations". NULL: there is none. */
static inline const cJSON *definition_of(const cJSON *manifest, const char *list,
                                         const char *name) {
  const cJSON *d;
  cJSON_ArrayForEach(d, csn_json_get(manifest, list)) {
    if (strcmp(csn_json_string(d, "name", ""), name) == 0) return d;
  }
  return NULL;
}

#endif
