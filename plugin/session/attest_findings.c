/* SPDX-License-Identifier: Apache-2.0 */
/* The list of findings: made, excused, said. Knows nothing of what is compared. */
#include <stdio.h>
#include <string.h>

#include "session/attest.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/utf8.h"

static const char *const sources[] = {[CSN_BY_ENGINE] = "engine", [CSN_BY_KERNEL] = "kernel"};
static const char *const verdicts[] = {
    [CSN_HELD] = "held", [CSN_DIFFERS] = "differs", [CSN_NOT_SHOWN] = "not shown"};

void csn_attestation_free(struct csn_attestation *a) {
  csn_free(a->items);
  a->items = NULL;
  a->count = a->capacity = 0;
}

static int grow(struct csn_attestation *a) {
  size_t capacity = a->capacity ? 2 * a->capacity : 64;
  struct csn_finding *items = csn_calloc(capacity, sizeof *items);
  if (!items) return -1;
  if (a->count) memcpy(items, a->items, a->count * sizeof *items);
  csn_free(a->items);
  a->items = items;
  a->capacity = capacity;
  return 0;
}

/* What a sandbox says may hold anything. */
static void copy_text(char *out, size_t size, const char *text) {
  snprintf(out, size, "%s", text);
  out[csn_utf8_valid_prefix(out, strlen(out))] = '\0';
  for (char *c = out; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
}

void csn_attest_add(struct csn_attestation *a, const char *name, int is_held, unsigned unseen,
                    const char *wanted, const char *found) {
  if (a->count >= CSN_ATTEST_MAX) {
    struct csn_finding *last = &a->items[a->count - 1];
    snprintf(last->name, sizeof last->name, "findings");
    snprintf(last->wanted, sizeof last->wanted, "at most %d", CSN_ATTEST_MAX);
    snprintf(last->found, sizeof last->found, "more");
    last->verdict = CSN_DIFFERS;
    last->unseen = 0;
    return;
  }
  if (a->count == a->capacity && grow(a)) {
    a->failed = 1;
    return;
  }
  struct csn_finding *f = &a->items[a->count++];
  *f = (struct csn_finding){.source = a->source, .verdict = is_held ? CSN_HELD : CSN_DIFFERS,
                            .unseen = is_held ? 0 : unseen};
  copy_text(f->name, sizeof f->name, name);
  copy_text(f->wanted, sizeof f->wanted, wanted);
  copy_text(f->found, sizeof f->found, found);
}

/* ---- values ---------------------------------------------------------------------------------- */

int csn_attest_is_empty(const cJSON *value) {
  if (!value || cJSON_IsNull(value) || cJSON_IsFalse(value)) return 1;
  if (cJSON_IsString(value)) return !*value->valuestring;
  if (cJSON_IsNumber(value)) return value->valuedouble == 0;
  return (cJSON_IsArray(value) || cJSON_IsObject(value)) && !value->child;
}

void csn_attest_say(char text[CSN_ATTEST_TEXT], const cJSON *value) {
  if (csn_attest_is_empty(value) && !cJSON_IsNumber(value) && !cJSON_IsFalse(value)) {
    snprintf(text, CSN_ATTEST_TEXT, "nothing");
    return;
  }
  char *printed CSN_CLEANUP_FREE = cJSON_IsString(value) ? NULL : csn_json_print(value);
  const char *said = cJSON_IsString(value) ? value->valuestring : printed;
  snprintf(text, CSN_ATTEST_TEXT, "%s", said ? said : "?");
}

const cJSON *csn_attest_at(const cJSON *value, const char *path) {
  char part[48];
  while (value && *path) {
    size_t n = strcspn(path, ".");
    snprintf(part, sizeof part, "%.*s", (int)n, path);
    value = csn_json_get(value, part);
    path += n + (path[n] == '.');
  }
  return value;
}

/* ---- what is not to be seen ------------------------------------------------------------------ */

unsigned csn_attest_excuses(const struct csn_attestation *a) {
  unsigned all = 0;
  for (size_t i = 0; i < a->count; i++)
    if (a->items[i].verdict == CSN_DIFFERS) all |= a->items[i].unseen;
  return all;
}

void csn_attest_excuse(struct csn_attestation *a, unsigned unseen) {
  for (size_t i = 0; i < a->count; i++)
    if (a->items[i].verdict == CSN_DIFFERS && a->items[i].unseen & unseen)
      a->items[i].verdict = CSN_NOT_SHOWN;
}

size_t csn_attest_count(const struct csn_attestation *a, enum csn_attest_verdict verdict) {
  size_t n = 0;
  for (size_t i = 0; i < a->count; i++) n += a->items[i].verdict == verdict;
  return n;
}

/* ---- in words -------------------------------------------------------------------------------- */

/* The room that the advice after it needs is kept. */
#define WORDS 700

int csn_attest_refuse(const struct csn_attestation *a, enum csn_attest_verdict verdict,
                      struct csn_error *err) {
  char words[WORDS] = "", one[2 * CSN_ATTEST_TEXT + CSN_ATTEST_NAME + 64];
  size_t used = 0, said = 0, all = csn_attest_count(a, verdict);
  for (size_t i = 0; i < a->count; i++) {
    const struct csn_finding *f = &a->items[i];
    if (f->verdict != verdict) continue;
    int n = snprintf(one, sizeof one, "%s%s: wanted %.80s, found %.80s (%s)", said ? "; " : "",
                     f->name, f->wanted, f->found, sources[f->source]);
    if (n < 0 || (size_t)n >= sizeof words - used - sizeof "; and 1000 more") break;
    memcpy(words + used, one, (size_t)n + 1);
    used += (size_t)n;
    said++;
  }
  if (said < all) snprintf(words + used, sizeof words - used, "; and %zu more", all - said);
  return csn_fail(err, CAISSON_E_POLICY, CAISSON_REASON_ATTESTATION, "%s: %s",
                  verdict == CSN_DIFFERS
                      ? "the sandbox is not what it was to be"
                      : "what is wanted of the sandbox cannot be seen there, and "
                        "attestation.unseen is \"refuse\"",
                  words);
}

static int add_item(cJSON *list, const struct csn_finding *f) {
  cJSON *item = cJSON_CreateObject();
  return csn_json_append(list, item) || csn_json_add_string(item, "name", f->name) ||
         csn_json_add_string(item, "wanted", f->wanted) ||
         csn_json_add_string(item, "found", f->found) ||
         csn_json_add_string(item, "source", sources[f->source]) ||
         csn_json_add_string(item, "verdict", verdicts[f->verdict]);
}

cJSON *csn_attest_list(const struct csn_attestation *a) {
  cJSON *list = cJSON_CreateArray();
  int bad = !list || a->failed;
  for (size_t i = 0; !bad && i < a->count; i++) bad = add_item(list, &a->items[i]);
  if (!bad) return list;
  cJSON_Delete(list);
  return NULL;
}
