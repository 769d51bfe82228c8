#include "util/schema_defaults.h"

#include "util/json.h"

/* What stands in for a missing member; NULL: it stays missing. */
static cJSON *stand_in(const cJSON *schema) {
  const cJSON *fallback = csn_json_get(schema, "default");
  if (fallback) return cJSON_Duplicate(fallback, 1);
  return cJSON_CreateObject(); /* an object with members of its own */
}

/* An object that must hold something cannot be made of defaults alone. */
static int has_stand_in(const cJSON *schema) {
  return csn_json_get(schema, "default") ||
         (csn_json_get(schema, "properties") && !csn_json_get(schema, "required"));
}

int csn_schema_fill_defaults(const cJSON *schema, cJSON *value, struct csn_error *err) {
  const cJSON *property;
  cJSON_ArrayForEach(property, csn_json_get(schema, "properties")) {
    cJSON *member = cJSON_GetObjectItemCaseSensitive(value, property->string);
    if (!member) {
      if (!has_stand_in(property)) continue;
      if (csn_json_add(value, property->string, stand_in(property))) return csn_fail_nomem(err);
      member = cJSON_GetObjectItemCaseSensitive(value, property->string);
    }
    int rc = cJSON_IsObject(member) ? csn_schema_fill_defaults(property, member, err) : 0;
    if (rc) return rc;
  }
  return 0;
}
