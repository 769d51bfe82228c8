/* SPDX-License-Identifier: Apache-2.0 */
/* See build_bases.h. */
#include "engine/build_bases.h"

#include <string.h>

#include "engine/image_name.h"
#include "util/alloc.h"
#include "util/ascii.h"
#include "util/json.h"

#define BLANK " \t\r"

static int holds(const cJSON *texts, const char *text) {
  const cJSON *item;
  cJSON_ArrayForEach(item, texts) {
    if (cJSON_IsString(item) && csn_ascii_equal(item->valuestring, text)) return 1;
  }
  return 0;
}

static char *next_word(char **at) {
  char *word = *at + strspn(*at, BLANK);
  char *end = word + strcspn(word, BLANK);
  *at = *end ? end + 1 : end;
  *end = '\0';
  return *word ? word : NULL;
}

static int add_registry(const char *base, cJSON *registries, struct csn_error *err) {
  struct csn_image_name name CSN_CLEANUP_IMAGE_NAME = {0};
  int rc = csn_image_name_parse(base, &name, err);
  if (rc) return rc;
  if (holds(registries, name.registry) || cJSON_GetArraySize(registries) >= CSN_BUILD_BASES_MAX)
    return 0;
  return csn_json_append_string(registries, name.registry) ? csn_fail_nomem(err) : 0;
}

static int take_line(char *line, cJSON *stages, cJSON *registries, struct csn_error *err) {
  char *word = next_word(&line);
  if (!word || !csn_ascii_equal(word, "FROM")) return 0;
  while ((word = next_word(&line)) && strncmp(word, "--", 2) == 0) continue;
  if (!word) return 0;
  int rc = 0;
  if (!strchr(word, '$') && strcmp(word, "scratch") != 0 && !holds(stages, word))
    rc = add_registry(word, registries, err);
  char *as = next_word(&line), *stage = as ? next_word(&line) : NULL;
  if (rc == 0 && stage && csn_ascii_equal(as, "AS") && csn_json_append_string(stages, stage))
    rc = csn_fail_nomem(err);
  return rc;
}

int csn_build_bases(const char *dockerfile, size_t n, cJSON **out, struct csn_error *err) {
  cJSON *registries CSN_CLEANUP_JSON = cJSON_CreateArray();
  cJSON *stages CSN_CLEANUP_JSON = cJSON_CreateArray();
  int rc = registries && stages ? 0 : csn_fail_nomem(err);
  for (size_t at = 0; rc == 0 && at < n;) {
    const char *end = memchr(dockerfile + at, '\n', n - at);
    size_t size = end ? (size_t)(end - dockerfile) - at : n - at;
    CSN_CLEANUP_FREE char *line = csn_strndup(dockerfile + at, size);
    rc = line ? take_line(line, stages, registries, err) : csn_fail_nomem(err);
    at += size + 1;
  }
  if (rc == 0) *out = CSN_STEAL(registries);
  return rc;
}
