/* SPDX-License-Identifier: Apache-2.0 */
/* json.h: looking into documents whose members may be missing. Everything takes NULL for an item
 * that is not there. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

const cJSON *csn_json_get(const cJSON *object, const char *name);

/* The string member, or NULL where there is none. */
const char *csn_json_string(const cJSON *object, const char *name);

/* True only where the member is there and true. */
bool csn_json_true(const cJSON *object, const char *name);

/* One line for people, malloc'd: strings as they are, a list joined by ", ", other things as JSON;
 * NULL where the item is missing or null. */
char *csn_json_line(const cJSON *item);

/* {"name": "value"} as text, malloc'd. */
char *csn_json_pair(const char *name, const char *value);

/* A document of n bytes, or NULL. */
cJSON *csn_json_parse(const char *bytes, size_t n);

#endif
