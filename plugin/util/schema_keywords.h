/* SPDX-License-Identifier: Apache-2.0 */
/* The keywords of a schema that say yes or no about one value, without a look into its parts. */
#ifndef CSN_UTIL_SCHEMA_KEYWORDS_H
#define CSN_UTIL_SCHEMA_KEYWORDS_H

#include <cjson/cJSON.h>

int csn_schema_holds(const cJSON *schema, const cJSON *value);

#endif
