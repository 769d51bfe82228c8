/* SPDX-License-Identifier: Apache-2.0 */
/* See ignore_pattern.h. A pattern becomes steps; a match keeps the set of places in the path that
 * the steps so far can reach, so nothing is ever tried twice. */
#include "engine/ignore_pattern.h"

#include <stdint.h>
#include <string.h>

#include "caisson.h"
#include "util/alloc.h"
#include "util/utf8.h"

enum kind {
  BYTE,       /* this one */
  ANY,        /* one character, no slash */
  CLASS,      /* one of a class, no slash */
  STAR,       /* any number of characters, no slash */
  ALL,        /* anything: a pattern that ends with two stars */
  DIRECTORIES /* nothing, or anything that ends with a slash: two stars and a slash */
};

struct step {
  unsigned char kind;
  unsigned char byte;
  uint32_t from, to; /* the text of the class, between its brackets */
};

struct csn_ignore_pattern {
  char *text;
  size_t count;
  struct step *steps;
};

/* ---- characters ------------------------------------------------------------------------------ */

/* One character of well-formed text; a byte that belongs to none is one of its own. */
static size_t take_character(const char *at, size_t n, uint32_t *c) {
  size_t size = csn_utf8_span(at, n, 1);
  const unsigned char *p = (const unsigned char *)at;
  if (size <= 1 || !csn_utf8_is_valid(at, size)) {
    *c = *p < 0x80 ? *p : 0xdc00u + *p;
    return 1;
  }
  static const unsigned char first[] = {0, 0, 0x1f, 0x0f, 0x07};
  *c = p[0] & first[size];
  for (size_t i = 1; i < size; i++) *c = *c << 6 | (p[i] & 0x3fu);
  return size;
}

/* A character of a class, which may stand behind a backslash; 0: there is none. */
static size_t take_member(const char *at, size_t n, uint32_t *c) {
  size_t escape = n > 1 && at[0] == '\\';
  return n == 0 ? 0 : escape + take_character(at + escape, n - escape, c);
}

static int is_in_class(const char *text, size_t n, uint32_t c) {
  int negated = n > 0 && text[0] == '^', found = 0;
  size_t at = (size_t)negated;
  while (at < n) {
    uint32_t low = 0, high;
    at += take_member(text + at, n - at, &low);
    high = low;
    if (at + 1 < n && text[at] == '-') {
      at++;
      at += take_member(text + at, n - at, &high);
    }
    if (c >= low && c <= high) found = 1;
  }
  return found != negated;
}

/* ---- compiling ------------------------------------------------------------------------------- */

/* From behind '[' to its ']', which may not come first; SIZE_MAX: it has no end. */
static size_t class_end(const char *text, size_t n, size_t at) {
  size_t begin = at;
  if (at < n && text[at] == '^') at++;
  begin = at;
  while (at < n && (text[at] != ']' || at == begin)) {
    if (text[at] == '\\') at++;
    at++;
  }
  return at < n ? at : SIZE_MAX;
}

/* The step at `at`; how many bytes it takes, or 0 if it is none. */
static size_t compile_step(const char *text, size_t n, size_t at, struct step *s) {
  *s = (struct step){.kind = BYTE, .byte = (unsigned char)text[at]};
  size_t end;
  switch (text[at]) {
    case '?': s->kind = ANY; return 1;
    case '\\':
      if (at + 1 == n) return 0;
      s->byte = (unsigned char)text[at + 1];
      return 2;
    case '[':
      end = class_end(text, n, at + 1);
      if (end == SIZE_MAX) return 0;
      s->kind = CLASS;
      s->from = (uint32_t)at + 1;
      s->to = (uint32_t)end;
      return end + 1 - at;
    case '*':
      s->kind = STAR;
      if (at + 1 == n || text[at + 1] != '*') return 1;
      s->kind = at + 2 == n || (at + 3 == n && text[at + 2] == '/') ? ALL : DIRECTORIES;
      return at + 2 < n && text[at + 2] == '/' ? 3 : 2;
    default: return 1;
  }
}

int csn_ignore_pattern_compile(const char *text, struct csn_ignore_pattern **out) {
  size_t n = strlen(text);
  struct csn_ignore_pattern *p = csn_calloc(1, sizeof *p);
  if (p) p->text = csn_strdup(text);
  if (p) p->steps = csn_calloc(n + 1, sizeof *p->steps);
  if (!p || !p->text || !p->steps) {
    csn_ignore_pattern_free(p);
    return CAISSON_E_NOMEM;
  }
  for (size_t at = 0; at < n;) {
    size_t used = compile_step(text, n, at, &p->steps[p->count++]);
    if (used == 0) {
      csn_ignore_pattern_free(p);
      return -1;
    }
    at += used;
  }
  *out = p;
  return 0;
}

void csn_ignore_pattern_free(struct csn_ignore_pattern *pattern) {
  if (!pattern) return;
  csn_free(pattern->text);
  csn_free(pattern->steps);
  csn_free(pattern);
}

/* ---- matching -------------------------------------------------------------------------------- */

/* How many bytes at the path's place i the step takes; 0: it does not match there. */
static size_t matches_one(const struct csn_ignore_pattern *p, const struct step *s,
                          const char *path, size_t i, size_t n) {
  uint32_t c;
  if (i == n) return 0;
  if (s->kind == BYTE) return (unsigned char)path[i] == s->byte;
  if (path[i] == '/') return 0;
  size_t used = take_character(path + i, n - i, &c);
  return s->kind == ANY || is_in_class(p->text + s->from, s->to - s->from, c) ? used : 0;
}

/* From the places that can be reached before a step to those after it. */
static void advance(const struct csn_ignore_pattern *p, const struct step *s, const char *path,
                    size_t n, const unsigned char *before, unsigned char *after) {
  int open = 0; /* a step of many is under way */
  memset(after, 0, n + 1);
  for (size_t i = 0; i <= n; i++) {
    size_t used;
    if (before[i] && s->kind >= STAR) open = after[i] = 1;
    switch (s->kind) {
      case STAR:
      case ALL:
        if (open) after[i] = 1;
        if (s->kind == STAR && i < n && path[i] == '/') open = 0;
        break;
      case DIRECTORIES:
        if (open && i < n && path[i] == '/') after[i + 1] = 1;
        break;
      default:
        used = before[i] ? matches_one(p, s, path, i, n) : 0;
        if (used) after[i + used] = 1;
    }
  }
}

int csn_ignore_pattern_match(const struct csn_ignore_pattern *pattern, const char *path, size_t n,
                             unsigned char *scratch) {
  unsigned char *now = scratch, *next = scratch + n + 1;
  memset(now, 0, n + 1);
  now[0] = 1;
  for (size_t i = 0; i < pattern->count; i++) {
    advance(pattern, &pattern->steps[i], path, n, now, next);
    unsigned char *was = now;
    now = next;
    next = was;
  }
  return now[n];
}
