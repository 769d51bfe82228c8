/* SPDX-License-Identifier: Apache-2.0 */
/* See ignore_rules.h. */
#include "engine/ignore_rules.h"

#include <string.h>

#include "engine/ignore_pattern.h"
#include "util/alloc.h"

#define BOM "\xef\xbb\xbf"

struct rule {
  struct csn_ignore_pattern *pattern;
  int is_exception;
};

struct csn_ignore_rules {
  size_t count;
  int exceptions;
  struct rule rules[CSN_IGNORE_RULES_MAX];
};

/* Go's filepath.Clean(), in place: no empty parts, no ".", and ".." as far as it goes. */
static void clean(char *path) {
  int rooted = path[0] == '/';
  char *out = path + rooted, *floor = out; /* what ".." cannot take away */
  for (const char *at = path; *at;) {
    at += strspn(at, "/");
    size_t n = strcspn(at, "/");
    if (n == 2 && at[0] == '.' && at[1] == '.' && out > floor) {
      while (out > floor && out[-1] != '/') out--;
      if (out > floor) out--;
    } else if (n > 0 && !(n == 1 && at[0] == '.') &&
               !(n == 2 && at[0] == '.' && at[1] == '.' && rooted)) {
      int up = n == 2 && at[0] == '.' && at[1] == '.';
      if (out > path + rooted) *out++ = '/';
      memmove(out, at, n);
      out += n;
      if (up) floor = out;
    }
    at += n;
  }
  if (out == path) *out++ = '.';
  *out = '\0';
}

static char *trim(char *text) {
  static const char blank[] = " \t\r\n\v\f";
  text += strspn(text, blank);
  size_t n = strlen(text);
  while (n > 0 && strchr(blank, text[n - 1])) n--;
  text[n] = '\0';
  return text;
}

static int malformed(struct csn_error *err, unsigned line, const char *why) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, ".dockerignore, line %u: %s", line,
                  why);
}

static int add(struct csn_ignore_rules *rules, char *text, unsigned line, struct csn_error *err) {
  if (text[0] == '#') return 0;
  text = trim(text);
  int is_exception = text[0] == '!';
  if (is_exception) text = trim(text + 1);
  if (!text[0]) return is_exception ? malformed(err, line, "there is nothing behind the !") : 0;
  clean(text);
  if (text[0] == '/' && text[1]) text++;
  if (rules->count == CSN_IGNORE_RULES_MAX) return malformed(err, line, "too many patterns");
  struct rule *rule = &rules->rules[rules->count];
  int rc = csn_ignore_pattern_compile(text, &rule->pattern);
  if (rc == CAISSON_E_NOMEM) return csn_fail_nomem(err);
  if (rc) return malformed(err, line, "a [ without its ], or a \\ at the end");
  rule->is_exception = is_exception;
  rules->exceptions |= is_exception;
  rules->count++;
  return 0;
}

static int add_lines(struct csn_ignore_rules *rules, const char *text, size_t n,
                     struct csn_error *err) {
  unsigned line = 0;
  int rc = 0;
  for (size_t at = 0; at < n && rc == 0;) {
    const char *end = memchr(text + at, '\n', n - at);
    size_t size = end ? (size_t)(end - text) - at : n - at;
    line++;
    if (size > CSN_IGNORE_PATTERN_MAX) return malformed(err, line, "too long a pattern");
    if (memchr(text + at, '\0', size)) return malformed(err, line, "it holds a NUL byte");
    CSN_CLEANUP_FREE char *copy = csn_strndup(text + at, size);
    if (!copy) return csn_fail_nomem(err);
    int has_bom = line == 1 && strncmp(copy, BOM, strlen(BOM)) == 0;
    rc = add(rules, copy + (has_bom ? strlen(BOM) : 0), line, err);
    at += size + 1;
  }
  return rc;
}

int csn_ignore_rules_parse(const char *text, size_t n, struct csn_ignore_rules **out,
                           struct csn_error *err) {
  struct csn_ignore_rules *rules = csn_calloc(1, sizeof *rules);
  if (!rules) return csn_fail_nomem(err);
  int rc = add_lines(rules, text, n, err);
  if (rc)
    csn_ignore_rules_free(rules);
  else
    *out = rules;
  return rc;
}

void csn_ignore_rules_free(struct csn_ignore_rules *rules) {
  if (!rules) return;
  for (size_t i = 0; i < rules->count; i++) csn_ignore_pattern_free(rules->rules[i].pattern);
  csn_free(rules);
}

/* ---- matching -------------------------------------------------------------------------------- */

/* A folder that matches takes all in it along. */
static int matches_path_or_parent(const struct csn_ignore_pattern *pattern, const char *path,
                                  size_t n, unsigned char *scratch) {
  for (size_t i = 1; i <= n; i++)
    if ((i == n || path[i] == '/') && csn_ignore_pattern_match(pattern, path, i, scratch)) return 1;
  return 0;
}

int csn_ignore_rules_match(const struct csn_ignore_rules *rules, const char *path) {
  unsigned char scratch[2 * (CSN_IGNORE_PATTERN_MAX + 1)];
  size_t n = strlen(path);
  int out = 0;
  if (!rules || n > CSN_IGNORE_PATTERN_MAX) return 0;
  for (size_t i = 0; i < rules->count; i++) {
    const struct rule *rule = &rules->rules[i];
    if (rule->is_exception == out && matches_path_or_parent(rule->pattern, path, n, scratch))
      out = !rule->is_exception;
  }
  return out;
}

int csn_ignore_rules_have_exceptions(const struct csn_ignore_rules *rules) {
  return rules && rules->exceptions;
}
