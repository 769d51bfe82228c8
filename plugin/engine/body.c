/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/body.h"

cJSON *csn_body_object(struct csn_body *b, cJSON *parent, const char *name) {
  cJSON *o = cJSON_AddObjectToObject(parent, name);
  if (!o) b->failed = 1;
  return o;
}

cJSON *csn_body_array(struct csn_body *b, cJSON *parent, const char *name) {
  cJSON *a = cJSON_AddArrayToObject(parent, name);
  if (!a) b->failed = 1;
  return a;
}

void csn_body_text(struct csn_body *b, cJSON *parent, const char *name, const char *value) {
  if (!cJSON_AddStringToObject(parent, name, value)) b->failed = 1;
}

void csn_body_number(struct csn_body *b, cJSON *parent, const char *name, double value) {
  if (!cJSON_AddNumberToObject(parent, name, value)) b->failed = 1;
}

void csn_body_flag(struct csn_body *b, cJSON *parent, const char *name, int value) {
  if (!cJSON_AddBoolToObject(parent, name, value)) b->failed = 1;
}

static cJSON *append(struct csn_body *b, cJSON *list, cJSON *entry) {
  if (entry && cJSON_AddItemToArray(list, entry)) return entry;
  cJSON_Delete(entry);
  b->failed = 1;
  return NULL;
}

void csn_body_item(struct csn_body *b, cJSON *list, const char *value) {
  append(b, list, cJSON_CreateString(value));
}

cJSON *csn_body_entry(struct csn_body *b, cJSON *list) {
  return append(b, list, cJSON_CreateObject());
}
