/* SPDX-License-Identifier: Apache-2.0 */
/* See json.h. The grammar is json_scan.c's matter; here are the tree, its members and its text. */
#include "util/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/ascii.h"

/* ---- parsing --------------------------------------------------------------------------------- */

struct source {
  const char *what;
  int code;
  const char *reason;
};

static int fail_at(const struct source *src, const char *text, const struct csn_json_flaw *flaw,
                   struct csn_error *err) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < flaw->at; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '\n') {
      line++;
      column = 1;
    } else if ((c & 0xc0) != 0x80) {
      column++;
    }
  }
  return csn_fail(err, src->code, src->reason, "%s: not valid JSON at line %zu, column %zu: %s",
                  src->what, line, column, flaw->words);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, since comparing each with each would let a large object take minutes. */
static int check_duplicates(const cJSON *object, const struct source *src, struct csn_error *err) {
  size_t count = 0;
  for (const cJSON *m = object->child; m; m = m->next) count++;
  if (count < 2) return 0;
  CSN_CLEANUP_FREE const char **names = csn_calloc(count, sizeof *names);
  if (!names) return csn_fail_nomem(err);
  size_t i = 0;
  for (const cJSON *m = object->child; m; m = m->next) names[i++] = m->string;
  qsort(names, count, sizeof *names, compare_names);
  for (i = 1; i < count; i++)
    if (strcmp(names[i - 1], names[i]) == 0)
      return csn_fail(err, src->code, src->reason, "%s: \"%.100s\" is given twice in one object",
                      src->what, names[i]);
  return 0;
}

/* Recursion is bounded by CSN_JSON_DEPTH_MAX, which the scan has held it to. */
static int check_tree(const cJSON *item, const struct source *src, struct csn_error *err) {
  if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
    return csn_fail(err, src->code, src->reason, "%s: a number is too large", src->what);
  if (cJSON_IsObject(item)) {
    int rc = check_duplicates(item, src, err);
    if (rc) return rc;
  }
  for (const cJSON *m = item->child; m; m = m->next) {
    int rc = check_tree(m, src, err);
    if (rc) return rc;
  }
  return 0;
}

int csn_json_parse(const char *text, size_t n, size_t max, const char *what, int code,
                   const char *reason, cJSON **out, struct csn_error *err) {
  struct source src = {what, code, reason};
  struct csn_json_flaw flaw;
  if (n > max)
    return csn_fail(err, code, reason, "%s: %zu bytes are too long; at most %zu are taken", what, n,
                    max);
  if (csn_json_scan(text, n, &flaw)) return fail_at(&src, text, &flaw, err);
  cJSON *tree = cJSON_ParseWithLength(text, n);
  /* The scan has found it valid, so that memory is all that can be missing. */
  if (!tree) return csn_fail_nomem(err);
  int rc = check_tree(tree, &src, err);
  if (rc) {
    cJSON_Delete(tree);
    return rc;
  }
  *out = tree;
  return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

const cJSON *csn_json_get(const cJSON *object, const char *name) {
  return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *csn_json_string(const cJSON *object, const char *name, const char *fallback) {
  const cJSON *m = csn_json_get(object, name);
  return cJSON_IsString(m) && m->valuestring ? m->valuestring : fallback;
}

int64_t csn_json_int(const cJSON *object, const char *name, int64_t fallback) {
  const cJSON *m = csn_json_get(object, name);
  if (!cJSON_IsNumber(m) || !(fabs(m->valuedouble) <= (double)CSN_JSON_INT_MAX)) return fallback;
  int64_t value = (int64_t)m->valuedouble;
  return (double)value == m->valuedouble ? value : fallback;
}

double csn_json_number(const cJSON *object, const char *name, double fallback) {
  const cJSON *m = csn_json_get(object, name);
  return cJSON_IsNumber(m) ? m->valuedouble : fallback;
}

int csn_json_bool(const cJSON *object, const char *name, int fallback) {
  const cJSON *m = csn_json_get(object, name);
  return cJSON_IsBool(m) ? cJSON_IsTrue(m) : fallback;
}

int csn_size_parse(const char *text, uint64_t *bytes) {
  static const struct {
    const char *suffix;
    unsigned shift;
  } units[] = {{"", 0},    {"b", 0},   {"k", 10},   {"kb", 10}, {"kib", 10}, {"m", 20},
               {"mb", 20}, {"mib", 20}, {"g", 30}, {"gb", 30}, {"gib", 30}};
  uint64_t value = 0;
  const char *p = text;
  for (; *p >= '0' && *p <= '9'; p++) {
    value = value * 10 + (uint64_t)(*p - '0');
    if (value > (uint64_t)CSN_JSON_INT_MAX) return -1;
  }
  for (size_t i = 0; p > text && i < sizeof units / sizeof *units; i++) {
    if (!csn_ascii_equal(p, units[i].suffix)) continue;
    if (value > (uint64_t)CSN_JSON_INT_MAX >> units[i].shift) return -1;
    *bytes = value << units[i].shift;
    return 0;
  }
  return -1;
}

const cJSON *csn_json_next_string(const cJSON *object, const cJSON *after) {
  const cJSON *m = after ? after->next : cJSON_IsObject(object) ? object->child : NULL;
  while (m && !(cJSON_IsString(m) && m->valuestring)) m = m->next;
  return m;
}

/* ---- building -------------------------------------------------------------------------------- */

int csn_json_add(cJSON *object, const char *name, cJSON *item) {
  if (item && object && cJSON_AddItemToObject(object, name, item)) return 0;
  cJSON_Delete(item);
  return CAISSON_E_NOMEM;
}

int csn_json_append(cJSON *array, cJSON *item) {
  if (item && array && cJSON_AddItemToArray(array, item)) return 0;
  cJSON_Delete(item);
  return CAISSON_E_NOMEM;
}

int csn_json_add_string(cJSON *object, const char *name, const char *text) {
  return csn_json_add(object, name, text ? cJSON_CreateString(text) : NULL);
}

int csn_json_add_int(cJSON *object, const char *name, int64_t value) {
  if (value >= 0) return csn_json_add_uint(object, name, (uint64_t)value);
  return csn_json_add(object, name, cJSON_CreateNumber((double)value));
}

/* cJSON prints 15 digits; a number that has more is put in as its text. */
int csn_json_add_uint(cJSON *object, const char *name, uint64_t value) {
  char digits[24];
  if (value < UINT64_C(1000000000000000))
    return csn_json_add(object, name, cJSON_CreateNumber((double)value));
  snprintf(digits, sizeof digits, "%" PRIu64, value);
  return csn_json_add(object, name, cJSON_CreateRaw(digits));
}

int csn_json_add_number(cJSON *object, const char *name, double value) {
  return csn_json_add(object, name, cJSON_CreateNumber(value));
}

int csn_json_add_bool(cJSON *object, const char *name, int value) {
  return csn_json_add(object, name, cJSON_CreateBool(value != 0));
}

int csn_json_append_string(cJSON *array, const char *text) {
  return csn_json_append(array, text ? cJSON_CreateString(text) : NULL);
}

cJSON *csn_json_add_object(cJSON *object, const char *name) {
  cJSON *child = cJSON_CreateObject();
  return csn_json_add(object, name, child) ? NULL : child;
}

cJSON *csn_json_add_array(cJSON *object, const char *name) {
  cJSON *child = cJSON_CreateArray();
  return csn_json_add(object, name, child) ? NULL : child;
}

char *csn_json_print(const cJSON *item) {
  char *printed = cJSON_PrintUnformatted(item);
  if (!printed) return NULL;
  /* Copied, since what cJSON allocates is freed by the hooks that the process has set. */
  char *text = csn_strdup(printed);
  cJSON_free(printed);
  return text;
}
