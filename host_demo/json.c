/* SPDX-License-Identifier: Apache-2.0 */
/* json.c: looking into documents whose members may be missing. A host must live with a plugin that
 * is older or newer than itself, so nothing here treats a missing member as an error. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ui.h"

const cJSON *csn_json_get(const cJSON *object, const char *name) {
  return object ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *csn_json_string(const cJSON *object, const char *name) {
  const cJSON *item = csn_json_get(object, name);
  return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool csn_json_true(const cJSON *object, const char *name) {
  const cJSON *item = csn_json_get(object, name);
  return cJSON_IsTrue(item) ? true : false;
}

/* Allocated by cJSON with malloc, since no hooks are set. */
static char *print(const cJSON *item) { return csn_must(cJSON_PrintUnformatted(item)); }

static char *join(const cJSON *list) {
  char *line = csn_must(calloc(1, 1));
  const cJSON *item;
  cJSON_ArrayForEach(item, list) {
    char *part = csn_json_line(item);
    if (!part)
      continue;
    size_t room = strlen(line) + strlen(part) + sizeof ", ";
    char *longer = csn_must(malloc(room));
    (void)snprintf(longer, room, "%s%s%s", line, *line ? ", " : "", part);
    free(line);
    free(part);
    line = longer;
  }
  return line;
}

char *csn_json_line(const cJSON *item) {
  if (!item || cJSON_IsNull(item))
    return NULL;
  if (cJSON_IsString(item))
    return csn_must(strdup(item->valuestring));
  if (cJSON_IsBool(item))
    return csn_must(strdup(cJSON_IsTrue(item) ? "yes" : "no"));
  return cJSON_IsArray(item) ? join(item) : print(item);
}

char *csn_json_pair(const char *name, const char *value) {
  cJSON *object = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(object, name, value));
  char *text = print(object);
  cJSON_Delete(object);
  return text;
}

cJSON *csn_json_parse(const char *bytes, size_t n) {
  return n > 0 ? cJSON_ParseWithLength(bytes, n) : NULL;
}
