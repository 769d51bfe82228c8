/* Fills in what a document leaves out from its schema, so that defaults stand in the schema alone. */
#ifndef CSN_UTIL_SCHEMA_DEFAULTS_H
#define CSN_UTIL_SCHEMA_DEFAULTS_H

#include <cjson/cJSON.h>

#include "util/error.h"

/* Adds to the object `value` each member that is missing and that the schema has a default for, and
 * each object that is missing and has such members. 0 or CAISSON_E_NOMEM. */
int csn_schema_fill_defaults(const cJSON *schema, cJSON *value, struct csn_error *err);

#endif
