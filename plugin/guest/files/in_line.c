/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions that keep to a line: see in_line.h. What is not known here is not trusted.
 */
#include "guest/files/in_line.h"

#include <ctype.h>
#include <string.h>

struct rewriter {
  const char *at, *end;
  struct csn_buffer *out;
};

static void copy(struct rewriter *r, size_t n) {
  csn_buffer_add(r->out, r->at, n);
  r->at += n;
}

static bool is_at(const struct rewriter *r, const char *text) {
  size_t n = strlen(text);
  return (size_t)(r->end - r->at) >= n && memcmp(r->at, text, n) == 0;
}

static bool is_one_of(char c, const char *set) {
  return c != '\0' && strchr(set, c) != NULL;
}

/* At a backslash, outside a class. */
static bool rewrite_escape(struct rewriter *r) {
  static const struct {
    char letter;
    const char *instead;
  } replaced[] = {{'s', "[^\\S\\n]"}, {'S', "[^\\s]"}, {'D', "[^\\d\\n]"}, {'W', "[^\\w\\n]"},
                {'H', "[^\\h\\n]"}};
  if (r->end - r->at < 2) return false;
  char c = r->at[1];
  for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
    if (replaced[i].letter != c) continue;
    r->at += 2;
    return csn_buffer_addz(r->out, replaced[i].instead) == 0;
  }
  if (!ispunct((unsigned char)c) && !is_one_of(c, "dwbBhVtrfe123456789 ")) return false;
  copy(r, 2);
  return true;
}

/* At a backslash in a class. */
static bool rewrite_class_escape(struct rewriter *r, bool negated, char before) {
  if (r->end - r->at < 3) return false;
  char c = r->at[1], after = r->at[2];
  bool is_set = is_one_of(c, "sSdDwWhHvV");
  if (after == '-' && (r->end - r->at < 4 || r->at[3] != ']') && !ispunct((unsigned char)c))
    return false;
  if (is_set && before == '-') return false;
  if (!negated && c == 's') {
    r->at += 2;
    return csn_buffer_addz(r->out, " \\t\\f\\r\\x0b") == 0;
  }
  bool is_known = ispunct((unsigned char)c) || is_one_of(c, "SdwhVtrfe");
  if (!is_known && !(negated && is_one_of(c, "sDWHvn"))) return false;
  copy(r, 2);
  return true;
}

/* At "[:" in a class. */
static bool rewrite_named(struct rewriter *r, bool negated) {
  static const char *const names[] = {"alpha", "digit", "alnum", "upper", "lower", "punct",
                                      "xdigit", "word", "graph", "print", "blank"};
  const char *close = memchr(r->at + 2, ']', (size_t)(r->end - r->at - 2));
  if (close == NULL || close[-1] != ':') return false;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    size_t n = strlen(names[i]);
    if ((size_t)(close - 1 - (r->at + 2)) != n || memcmp(r->at + 2, names[i], n) != 0) continue;
    copy(r, (size_t)(close + 1 - r->at));
    return true;
  }
  if (!negated) return false;
  copy(r, (size_t)(close + 1 - r->at));
  return true;
}

/* At a class's bracket. */
static bool rewrite_class(struct rewriter *r) {
  copy(r, 1);
  bool negated = r->at < r->end && *r->at == '^';
  if (negated) {
    copy(r, 1);
    csn_buffer_addz(r->out, "\\n");
  }
  if (r->at < r->end && *r->at == ']') {
    csn_buffer_addz(r->out, "\\]");
    r->at++;
  }
  for (char before = '\0'; r->at < r->end && *r->at != ']';) {
    char c = *r->at;
    bool is_good = true;
    if (c == '\\')
      is_good = rewrite_class_escape(r, negated, before);
    else if (is_at(r, "[:"))
      is_good = rewrite_named(r, negated);
    else if ((unsigned char)c < 0x20 || is_at(r, "[.") || is_at(r, "[="))
      is_good = false;
    else
      copy(r, 1);
    if (!is_good) return false;
    before = c;
  }
  if (r->at == r->end) return false;
  copy(r, 1);
  return true;
}

/* At a parenthesis: plain groups and named ones. */
static bool rewrite_group(struct rewriter *r) {
  static const char *const known[] = {"(?:", "(?>", "(?P<", "(?i)", "(?i:"};
  if (is_at(r, "(*")) return false;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (!is_at(r, known[i])) continue;
    copy(r, strlen(known[i]));
    return true;
  }
  bool is_named = is_at(r, "(?<") && r->end - r->at > 3 && isalpha((unsigned char)r->at[3]);
  if (is_at(r, "(?") && !is_named) return false;
  copy(r, is_named ? 3 : 1);
  return true;
}

bool csn_in_line(const char *pattern, size_t n, struct csn_buffer *out) {
  struct rewriter r = {pattern, pattern + n, out};
  bool is_good = true;
  while (is_good && r.at < r.end) {
    if (*r.at == '\\')
      is_good = rewrite_escape(&r);
    else if (*r.at == '[')
      is_good = rewrite_class(&r);
    else if (*r.at == '(')
      is_good = rewrite_group(&r);
    else if (*r.at == '\n' || *r.at == '\r' || *r.at == '\0')
      is_good = false;
    else
      copy(&r, 1);
  }
  return is_good;
}

/* ---- expressions in general ---------------------------------------------------------------- */

/* At a class's bracket: all of the class, or of what seems to be one. */
static void copy_class(struct rewriter *r) {
  copy(r, 1);
  if (is_at(r, "^")) copy(r, 1);
  if (is_at(r, "]")) copy(r, 1);
  while (r->at < r->end && *r->at != ']') {
    const char *named = is_at(r, "[:") ? memmem(r->at, (size_t)(r->end - r->at), ":]", 2) : NULL;
    size_t n = named != NULL ? (size_t)(named + 2 - r->at) : *r->at == '\\' ? 2 : 1;
    copy(r, n < (size_t)(r->end - r->at) ? n : (size_t)(r->end - r->at));
  }
}

void csn_in_line_widen(const char *pattern, size_t n, struct csn_buffer *out) {
  struct rewriter r = {pattern, pattern + n, out};
  bool is_quoted = memmem(pattern, n, "\\Q", 2) != NULL;
  while (r.at < r.end) {
    bool is_escape = *r.at == '\\' && r.end - r.at > 1;
    if (is_escape && !is_quoted && is_one_of(r.at[1], "SDW")) {
      csn_buffer_addf(out, "[^\\%c]", tolower((unsigned char)r.at[1]));
      r.at += 2;
    } else if (*r.at == '[') {
      copy_class(&r);
    } else {
      copy(&r, is_escape ? 2 : 1);
    }
  }
}

bool csn_in_line_needs_utf(const char *pattern, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)pattern[i];
    unsigned char next = i + 1 < n ? (unsigned char)pattern[i + 1] : '\0';
    if (c >= 0x80 || c == '.' || (c == '[' && next == '^') || (c == '(' && next == '*'))
      return true;
    if (c != '\\') continue;
    if (next != '.' && !ispunct(next) && strchr("sdwbtnrfA", next) == NULL) return true;
    i++;
  }
  return false;
}
