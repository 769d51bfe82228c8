/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Braces, and the set of patterns that they expand to: see pattern.h.
 */
#include "guest/files/pattern.h"

#include "util/alloc.h"

#include <stdio.h>
#include <string.h>

#define PATTERN_MAX 4096u   /* bytes of one pattern */
#define STEPS_MAX 4096u     /* braces taken apart */

/* Behind the class that begins at `at`, or NULL. */
static const char *class_end(const char *at) {
  at++;
  if (*at == '!' || *at == '^') at++;
  const char *first = at;
  for (; *at != '\0' && (*at != ']' || at == first); at++) {
    if (at[0] == '[' && at[1] == ':' && strstr(at + 2, ":]") != NULL)
      at = strstr(at + 2, ":]") + 1;
    else if (at[0] == '\\' && at[1] != '\0')
      at++;
  }
  return *at == ']' ? at + 1 : NULL;
}

/* The next character that is not escaped and in no class, from `at`; NULL: a class has no end. */
static const char *past(const char *at) {
  if (*at == '\\' && at[1] != '\0') return at + 2;
  return *at == '[' ? class_end(at) : at + 1;
}

static int check(const char *pattern, char why[128]) {
  int depth = 0;
  if (strlen(pattern) >= PATTERN_MAX)
    return snprintf(why, 128, "it is longer than %u bytes", PATTERN_MAX - 1), -1;
  for (const char *at = pattern; *at != '\0';) {
    const char *next = past(at);
    if (next == NULL)
      return snprintf(why, 128, "the [ at character %d has no ]; write \\[ for a bracket itself",
                      (int)(at - pattern) + 1), -1;
    depth += *at == '{' ? 1 : *at == '}' && depth > 0 ? -1 : 0;
    at = next;
  }
  if (depth > 0) return snprintf(why, 128, "a { has no }; write \\{ for a brace itself"), -1;
  return 0;
}

/* ---- braces -------------------------------------------------------------------------------- */

struct expansion {
  char *patterns[CSN_GLOBS_MAX];   /* a stack: the last is looked at next */
  size_t count;
};

static int push(struct expansion *e, char *pattern) {
  if (pattern != NULL && e->count < CSN_GLOBS_MAX && strlen(pattern) < PATTERN_MAX) {
    e->patterns[e->count++] = pattern;
    return 0;
  }
  csn_free(pattern);
  return -1;
}

/* What was checked as a whole may end otherwise once its parts are put together anew. */
static const char *past_any(const char *at) {
  const char *next = past(at);
  return next != NULL ? next : at + 1;
}

static const char *open_brace(const char *pattern) {
  const char *at = pattern;
  while (*at != '\0' && *at != '{') at = past_any(at);
  return *at == '{' ? at : NULL;
}

/* From behind the brace: the comma or brace that ends this alternative. */
static const char *alternative_end(const char *at) {
  int depth = 0;
  while (*at != '\0' && (depth > 0 || (*at != ',' && *at != '}'))) {
    depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
    at = past_any(at);
  }
  return at;
}

/* Replace the pattern's first braces by each alternative; takes the pattern. */
static int expand(struct expansion *e, char *pattern, const char *open) {
  int rc = 0;
  const char *close = alternative_end(open + 1);
  while (*close == ',') close = alternative_end(close + 1);
  if (*close != '}') rc = -1;
  for (const char *at = open + 1; rc == 0; at++) {
    const char *end = alternative_end(at);
    rc = push(e, csn_asprintf("%.*s%.*s%s", (int)(open - pattern), pattern, (int)(end - at), at,
                              close + 1));
    if (end == close) break;
    at = end;
  }
  csn_free(pattern);
  return rc;
}

/* ---- the set ------------------------------------------------------------------------------- */

static void classify(struct csn_glob *glob, bool anchored) {
  char *pattern = glob->pattern;
  glob->by_name = !anchored && strchr(pattern, '/') == NULL;
  if (strncmp(pattern, "**/", 3) == 0 && strchr(pattern + 3, '/') == NULL &&
      strcmp(pattern + 3, "**") != 0) {
    memmove(pattern, pattern + 3, strlen(pattern + 3) + 1);
    glob->by_name = true;
  }
  if (!glob->by_name || pattern[0] != '*') return;
  size_t n = strlen(pattern + 1);
  if (csn_glob_is_special(pattern + 1, n)) return;
  glob->suffix = pattern + 1;
  glob->suffix_size = n;
}

static int add_glob(struct csn_globs *globs, char *pattern, bool anchored) {
  struct csn_glob *more = csn_realloc(globs->items, (globs->count + 1) * sizeof *more);
  if (more == NULL) {
    csn_free(pattern);
    return -1;
  }
  globs->items = more;
  more[globs->count] = (struct csn_glob){.pattern = pattern};
  classify(&more[globs->count++], anchored);
  return 0;
}

static int expand_all(struct expansion *e, bool anchored, struct csn_globs *out) {
  for (size_t steps = 0; e->count > 0; steps++) {
    char *pattern = e->patterns[--e->count];
    const char *open = open_brace(pattern);
    if (open == NULL ? add_glob(out, pattern, anchored) < 0 : expand(e, pattern, open) < 0)
      return -1;
    if (steps > STEPS_MAX || out->count > CSN_GLOBS_MAX) return -1;
  }
  return 0;
}

int csn_globs_parse(const char *pattern, bool anchored, struct csn_globs *out, char why[128]) {
  struct expansion e = {.count = 0};
  *out = (struct csn_globs){NULL, 0};
  if (check(pattern, why) < 0) return -1;
  if (push(&e, csn_strdup(pattern)) == 0 && expand_all(&e, anchored, out) == 0) return 0;
  while (e.count > 0) csn_free(e.patterns[--e.count]);
  csn_globs_free(out);
  snprintf(why, 128, "its braces make more than %u patterns", CSN_GLOBS_MAX);
  return -1;
}

static bool matches_one(const struct csn_glob *glob, const char *path, const char *name) {
  if (glob->suffix == NULL) return csn_glob_match(glob->pattern, glob->by_name ? name : path);
  size_t n = strlen(name);
  return n >= glob->suffix_size &&
         memcmp(name + n - glob->suffix_size, glob->suffix, glob->suffix_size) == 0;
}

bool csn_globs_match(const struct csn_globs *globs, const char *path, const char *name) {
  for (size_t i = 0; i < globs->count; i++) {
    if (matches_one(&globs->items[i], path, name)) return true;
  }
  return false;
}

size_t csn_globs_depth(const struct csn_globs *globs) {
  size_t deepest = 1;
  for (size_t i = 0; i < globs->count; i++) {
    const char *pattern = globs->items[i].pattern;
    size_t depth = 1;
    if (globs->items[i].by_name || strstr(pattern, "**") != NULL) return 0;
    for (const char *at = strchr(pattern, '/'); at != NULL; at = strchr(at + 1, '/')) depth++;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

void csn_globs_free(struct csn_globs *globs) {
  for (size_t i = 0; i < globs->count; i++) csn_free(globs->items[i].pattern);
  csn_free(globs->items);
  *globs = (struct csn_globs){NULL, 0};
}
