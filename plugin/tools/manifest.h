/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest that is embedded in the plugin: what it can be configured with, and its tools and
 * operations as the file has them. What one instance offers of them is catalog.h's matter. */
#ifndef CSN_TOOLS_MANIFEST_H
#define CSN_TOOLS_MANIFEST_H

#include <cjson/cJSON.h>

#include "util/error.h"

/* NUL-terminated; csn_manifest_end is the address of its NUL. */
extern const char csn_manifest_start[], csn_manifest_end[];

/* A new tree, the caller's to cJSON_Delete. */
int csn_manifest_parse(cJSON **out, struct csn_error *err);

const cJSON *csn_manifest_config_schema(const cJSON *manifest);
const cJSON *csn_manifest_options_schema(const cJSON *manifest);

#endif
