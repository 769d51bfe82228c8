/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what understands patterns: globs, .gitignore files and regular expressions. The input is
 * flags, a pattern, a NUL and a text. Globs are held against a matcher that tries everything;
 * expressions must find in a text, by whatever short cut, the lines that they match one by one. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest/files/ignore.h"
#include "guest/files/pattern.h"
#include "guest/files/search.h"
#include "util/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- globs ----------------------------------------------------------------------------------- */

static bool is_deep(const char *start, const char *p) {
  return p[0] == '*' && p[1] == '*' && (p == start || p[-1] == '/') && (p[2] == '/' || !p[2]);
}

static bool reference(const char *start, const char *p, const char *t) {
  if (!*p) return !*t;
  if (is_deep(start, p)) {
    if (!p[2]) return *t != '\0';
    if (reference(start, p + 3, t)) return true;
    while (*t && *t != '/') t++;
    return *t && reference(start, p, t + 1);
  }
  if (*p == '*')
    return reference(start, p + 1, t) || (*t && *t != '/' && reference(start, p, t + 1));
  if (!*t) return false;
  if (*p == '?') return *t != '/' && reference(start, p + 1, t + 1);
  if (*p == '\\' && p[1]) p++;
  return *p == *t && reference(start, p + 1, t + 1);
}

/* Three stars and more are one; the reference would have to know that too. */
static bool is_comparable(const char *pattern, const char *text) {
  if (strlen(pattern) > 14 || strlen(text) > 24 || strstr(pattern, "***")) return false;
  for (const char *p = pattern; *p; p++)
    if (*p == '[' || (unsigned char)*p >= 0x80) return false;
  for (const char *t = text; *t; t++)
    if ((unsigned char)*t >= 0x80) return false;
  return true;
}

static void check_globs(const char *pattern, const char *text) {
  struct csn_globs globs;
  char why[128];
  bool matches = csn_glob_match(pattern, text);
  if (is_comparable(pattern, text) && matches != reference(pattern, pattern, text)) abort();
  if (csn_globs_parse(pattern, (pattern[0] & 1) != 0, &globs, why) != 0) return;
  const char *slash = strrchr(text, '/');
  csn_globs_match(&globs, text, slash ? slash + 1 : text);
  csn_globs_depth(&globs);
  csn_globs_free(&globs);
}

static void check_ignore(const char *rules, const char *text) {
  struct csn_ignore *ignore = csn_ignore_parse(rules, strlen(rules), 1, NULL);
  char *path = csn_asprintf("/%s", text);
  if (path) csn_ignore_has(ignore, path, (rules[0] & 1) != 0);
  csn_free(path);
  csn_ignore_free(ignore);
}

/* ---- expressions ----------------------------------------------------------------------------- */

#define LINES_MAX 64

/* Which lines match; false: the expression reached its limit. */
static bool find_lines(struct csn_search *s, const char *text, size_t n, size_t lines[LINES_MAX],
                       size_t *count) {
  struct csn_search_match m;
  enum csn_search_result result;
  *count = 0;
  for (size_t at = 0; *count < LINES_MAX; at = m.line_end + 1) {
    result = csn_search_next(s, text, n, at, &m);
    if (result != CSN_SEARCH_FOUND) return result == CSN_SEARCH_NONE;
    if (m.line < at || m.line_end < m.line || m.line_end > n) abort();
    if (m.start < m.line || m.end > n) abort();
    lines[(*count)++] = m.line;
  }
  return true;
}

static void check_search(const char *pattern, unsigned flags, const char *text, size_t n) {
  struct csn_search_flaw flaw;
  size_t quick_lines[LINES_MAX], plain_lines[LINES_MAX], quick_count, plain_count;
  struct csn_search *quick = csn_search_begin(pattern, flags, &flaw);
  struct csn_search *plain = csn_search_begin(pattern, flags | CSN_SEARCH_PLAINLY, &flaw);
  if (!quick != !plain) abort();
  if (quick && find_lines(quick, text, n, quick_lines, &quick_count) &&
      find_lines(plain, text, n, plain_lines, &plain_count)) {
    if (quick_count != plain_count) abort();
    if (memcmp(quick_lines, plain_lines, quick_count * sizeof *quick_lines) != 0) abort();
  }
  csn_search_end(quick);
  csn_search_end(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || size > 512) return 0;
  char *pattern = csn_strndup((const char *)data + 1, size - 1);
  size_t used = pattern ? strlen(pattern) + 2 : size;
  size_t n = used < size ? size - used : 0;
  char *text = csn_strndup((const char *)data + size - n, n);
  char *exact = csn_alloc(n ? n : 1);
  if (pattern && text && exact) {
    memcpy(exact, data + size - n, n);
    check_globs(pattern, text);
    check_ignore(pattern, text);
    check_search(pattern, data[0] & (CSN_SEARCH_FOLD | CSN_SEARCH_MULTILINE), exact, n);
  }
  csn_free(pattern);
  csn_free(text);
  csn_free(exact);
  return 0;
}
