/* SPDX-License-Identifier: Apache-2.0 */
/* See schema_keywords.h. */
#include "util/schema_keywords.h"

#include <math.h>
#include <string.h>

#include "util/json.h"
#include "util/schema.h"
#include "util/schema_words.h"
#include "util/utf8.h"

static int is_integer(const cJSON *value) {
  if (!cJSON_IsNumber(value) || !(fabs(value->valuedouble) <= (double)CSN_JSON_INT_MAX)) return 0;
  return (double)(int64_t)value->valuedouble == value->valuedouble;
}

static int holds_type(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)limit;
  return (is_integer(value) && csn_schema_has_type(schema, "integer")) ||
         (cJSON_IsNumber(value) && csn_schema_has_type(schema, "number")) ||
         (cJSON_IsString(value) && csn_schema_has_type(schema, "string")) ||
         (cJSON_IsBool(value) && csn_schema_has_type(schema, "boolean")) ||
         (cJSON_IsNull(value) && csn_schema_has_type(schema, "null")) ||
         (cJSON_IsArray(value) && csn_schema_has_type(schema, "array")) ||
         (cJSON_IsObject(value) && csn_schema_has_type(schema, "object"));
}

static int holds_const(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  return cJSON_Compare(limit, value, 1);
}

static int holds_enum(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  const cJSON *choice;
  cJSON_ArrayForEach(choice, limit) {
    if (holds_const(schema, choice, value)) return 1;
  }
  return 0;
}

/* The number that minimum and maximum bound; 0: there is none. */
static int get_amount(const cJSON *schema, const cJSON *value, double *amount) {
  uint64_t bytes;
  if (cJSON_IsNumber(value)) {
    *amount = value->valuedouble;
    return 1;
  }
  int is_size = strcmp(csn_json_string(schema, "format", ""), "size") == 0;
  if (!is_size || !cJSON_IsString(value) || csn_size_parse(value->valuestring, &bytes)) return 0;
  *amount = (double)bytes;
  return 1;
}

static int holds_minimum(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  double amount;
  return !get_amount(schema, value, &amount) || amount >= limit->valuedouble;
}

static int holds_maximum(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  double amount;
  return !get_amount(schema, value, &amount) || amount <= limit->valuedouble;
}

static double length_of(const cJSON *value) {
  return (double)csn_utf8_count(value->valuestring, strlen(value->valuestring));
}

static int holds_min_length(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  return !cJSON_IsString(value) || length_of(value) >= limit->valuedouble;
}

static int holds_max_length(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  return !cJSON_IsString(value) || length_of(value) <= limit->valuedouble;
}

static int holds_format(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  const struct csn_schema_format *format = csn_schema_format_find(limit->valuestring);
  return !cJSON_IsString(value) || !format || format->holds(value->valuestring);
}

static int holds_min_items(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  return !cJSON_IsArray(value) || cJSON_GetArraySize(value) >= limit->valuedouble;
}

static int holds_max_items(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  return !cJSON_IsArray(value) || cJSON_GetArraySize(value) <= limit->valuedouble;
}

static int holds_min_properties(const cJSON *schema, const cJSON *limit, const cJSON *value) {
  (void)schema;
  return !cJSON_IsObject(value) || cJSON_GetArraySize(value) >= limit->valuedouble;
}

static const struct {
  const char *keyword;
  int (*holds)(const cJSON *schema, const cJSON *limit, const cJSON *value);
} predicates[] = {
    {"type", holds_type},
    {"const", holds_const},
    {"enum", holds_enum},
    {"minimum", holds_minimum},
    {"maximum", holds_maximum},
    {"minLength", holds_min_length},
    {"maxLength", holds_max_length},
    {"format", holds_format},
    {"minItems", holds_min_items},
    {"maxItems", holds_max_items},
    {"minProperties", holds_min_properties},
};
#define PREDICATES (sizeof predicates / sizeof *predicates)

int csn_schema_holds(const cJSON *schema, const cJSON *value) {
  for (size_t i = 0; i < PREDICATES; i++) {
    const cJSON *limit = csn_json_get(schema, predicates[i].keyword);
    if (limit && !predicates[i].holds(schema, limit, value)) return 0;
  }
  return 1;
}

/* ---- what is understood ---------------------------------------------------------------------- */

static const char *const other_keywords[] = {
    "properties",  "required",   "additionalProperties", "propertyNames", "patternProperties",
    "items",       "if",         "then",                 "$schema",       "$comment",
    "title",       "description", "default",             "examples",      "writeOnly",
};

static int is_understood(const char *keyword) {
  for (size_t i = 0; i < PREDICATES; i++)
    if (strcmp(predicates[i].keyword, keyword) == 0) return 1;
  for (size_t i = 0; i < sizeof other_keywords / sizeof *other_keywords; i++)
    if (strcmp(other_keywords[i], keyword) == 0) return 1;
  return 0;
}

static const char *unsupported_in_each(const cJSON *schemas) {
  const cJSON *one;
  cJSON_ArrayForEach(one, schemas) {
    const char *found = csn_schema_unsupported(one);
    if (found) return found;
  }
  return NULL;
}

const char *csn_schema_unsupported(const cJSON *schema) {
  static const char *const below[] = {"items", "additionalProperties", "propertyNames", "if",
                                      "then"};
  const cJSON *keyword;
  if (!cJSON_IsObject(schema)) return NULL;
  cJSON_ArrayForEach(keyword, schema) {
    if (!is_understood(keyword->string)) return keyword->string;
  }
  const char *format = csn_json_string(schema, "format", NULL);
  if (format && !csn_schema_format_find(format)) return format;
  const cJSON *ignored = csn_json_get(schema, "patternProperties");
  if (ignored && (!csn_json_get(ignored, "^x-") || cJSON_GetArraySize(ignored) != 1))
    return "patternProperties";
  const char *found = unsupported_in_each(csn_json_get(schema, "properties"));
  for (size_t i = 0; !found && i < sizeof below / sizeof *below; i++)
    found = csn_schema_unsupported(csn_json_get(schema, below[i]));
  return found;
}
