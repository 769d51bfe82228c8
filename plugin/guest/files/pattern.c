/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Glob patterns, one against one text: see pattern.h. Two points to go back to suffice, the last
 * star of this component and the last double star, since a later one can take in whatever an
 * earlier one could: so the time is bounded, whatever the pattern.
 */
#include "guest/files/pattern.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define BROKEN 0x110000u   /* added to a byte that is no UTF-8 */

/* The character at `text`, which is not at its end; returns its length. */
static size_t character(const char *text, uint32_t *out) {
  const unsigned char *bytes = (const unsigned char *)text;
  size_t n = bytes[0] < 0xc2   ? 1
             : bytes[0] < 0xe0 ? 2
             : bytes[0] < 0xf0 ? 3
             : bytes[0] < 0xf5 ? 4
                               : 1;
  *out = n == 1 ? bytes[0] : bytes[0] & (0x7fu >> n);
  for (size_t i = 1; i < n; i++) {
    if ((bytes[i] & 0xc0) != 0x80) {
      n = 1;
      *out = bytes[0];
      break;
    }
    *out = *out << 6 | (bytes[i] & 0x3fu);
  }
  if (n == 1 && *out >= 0x80) *out += BROKEN;
  return n;
}

/* ---- classes ------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  int (*has)(int c);
} classes[] = {
  {"alnum:]", isalnum}, {"alpha:]", isalpha}, {"blank:]", isblank}, {"cntrl:]", iscntrl},
  {"digit:]", isdigit}, {"graph:]", isgraph}, {"lower:]", islower}, {"print:]", isprint},
  {"punct:]", ispunct}, {"space:]", isspace}, {"upper:]", isupper}, {"xdigit:]", isxdigit},
};

/* At "[:name:]" inside a class: its length, or 0 if it is none. */
static size_t named_class(const char *at, uint32_t c, bool *has) {
  if (at[0] != '[' || at[1] != ':') return 0;
  for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
    size_t n = strlen(classes[i].name);
    if (strncmp(at + 2, classes[i].name, n) != 0) continue;
    if (c < 0x80 && classes[i].has((int)c)) *has = true;
    return n + 2;
  }
  return 0;
}

static size_t member(const char *at, uint32_t *c) {
  size_t escape = at[0] == '\\' && at[1] != '\0' ? 1 : 0;
  return escape + character(at + escape, c);
}

/* A class from behind its bracket; returns what follows it, or NULL if it never ends. */
static const char *match_class(const char *at, uint32_t c, bool *matches) {
  bool negated = *at == '!' || *at == '^', has = false;
  if (negated) at++;
  const char *first = at;
  while (*at != '\0' && (*at != ']' || at == first)) {
    size_t named = named_class(at, c, &has);
    if (named > 0) {
      at += named;
      continue;
    }
    uint32_t low, high;
    at += member(at, &low);
    high = low;
    if (at[0] == '-' && at[1] != ']' && at[1] != '\0') at += 1 + member(at + 1, &high);
    if (low <= c && c <= high) has = true;
  }
  if (*at != ']') return NULL;
  *matches = has != negated;
  return at + 1;
}

/* ---- one pattern --------------------------------------------------------------------------- */

struct match {
  const char *start;              /* of the pattern */
  const char *pattern, *text;     /* how far it is */
  const char *star, *star_text;   /* behind the last *, and where it was tried last; or NULL */
  const char *deep, *deep_text;   /* likewise for the last double star and slash */
};

static bool is_deep(const struct match *m) {
  return m->pattern[1] == '*' && (m->pattern == m->start || m->pattern[-1] == '/') &&
         (m->pattern[2] == '/' || m->pattern[2] == '\0');
}

static void begin_deep(struct match *m) {
  m->star = NULL;
  if (m->pattern[2] == '\0') {
    m->pattern += 2;
    m->text += strlen(m->text);
    return;
  }
  m->pattern += 3;
  m->deep = m->pattern;
  m->deep_text = m->text;
}

static void begin_star(struct match *m) {
  while (*m->pattern == '*') m->pattern++;
  m->star = m->pattern;
  m->star_text = m->text;
}

/* Try the last star one character longer, or the last double star one component longer. */
static bool go_back(struct match *m) {
  uint32_t c;
  if (m->star != NULL && *m->star_text != '\0' && *m->star_text != '/') {
    m->star_text += character(m->star_text, &c);
    m->text = m->star_text;
    m->pattern = m->star;
    return true;
  }
  m->star = NULL;
  const char *slash = m->deep != NULL ? strchr(m->deep_text, '/') : NULL;
  if (slash == NULL) return false;
  m->text = m->deep_text = slash + 1;
  m->pattern = m->deep;
  return true;
}

/* One step forward, of anything but a star. */
static bool step(struct match *m) {
  uint32_t c;
  bool matches = false;
  if (*m->text == '\0') return false;
  size_t n = character(m->text, &c);
  if (*m->pattern == '?' || *m->pattern == '[') {
    if (c == '/') return false;
    const char *next =
        *m->pattern == '?' ? m->pattern + 1 : match_class(m->pattern + 1, c, &matches);
    if (next == NULL || (*m->pattern == '[' && !matches)) return false;
    m->pattern = next;
    m->text += n;
    return true;
  }
  const char *literal = m->pattern + (*m->pattern == '\\' && m->pattern[1] != '\0' ? 1 : 0);
  if (*literal != *m->text) return false;
  m->pattern = literal + 1;
  m->text++;
  return true;
}

bool csn_glob_match(const char *pattern, const char *text) {
  struct match m = {.start = pattern, .pattern = pattern, .text = text};
  while (*m.pattern != '\0' || *m.text != '\0') {
    if (*m.pattern == '*' && is_deep(&m) && (m.pattern[2] == '/' || *m.text != '\0')) {
      begin_deep(&m);
      continue;
    }
    if (*m.pattern == '*' && !is_deep(&m)) {
      begin_star(&m);
      continue;
    }
    if (*m.pattern != '\0' && step(&m)) continue;
    if (!go_back(&m)) return false;
  }
  return true;
}

bool csn_glob_is_special(const char *pattern, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (strchr("*?[]{}\\", pattern[i]) != NULL) return true;
  }
  return false;
}
