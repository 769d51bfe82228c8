/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Literals of a regular expression: see literals.h. A small parser that gives up (no literals) at
 * anything that it does not know for certain. Of a sequence it keeps the best part, of alternatives
 * all of them.
 */
#include "guest/files/literals.h"

#include <ctype.h>
#include <string.h>

#define NESTING_MAX 32
#define GOOD_SIZE 6u   /* longer is not better */

struct parser {
  const char *at, *end;
  bool fold, utf;
  bool failed;
  int nesting;
};

enum quantifier { ONCE, AT_LEAST_ONCE, MAYBE };

static void parse_alternatives(struct parser *p, struct csn_literals *out);

static bool is_at_end(const struct parser *p) {
  return p->failed || p->at >= p->end;
}

static bool takes(struct parser *p, char c) {
  if (p->at >= p->end || *p->at != c) return false;
  p->at++;
  return true;
}

/* ---- which literals are better ------------------------------------------------------------- */

/* 0 for none: one byte alone is on nearly every line. */
static size_t worth(const struct csn_literals *set) {
  size_t shortest = GOOD_SIZE;
  for (size_t i = 0; i < set->count; i++) {
    if (set->items[i].size < shortest) shortest = set->items[i].size;
  }
  return set->count == 0 || shortest < 2 ? 0 : shortest * 2 * CSN_LITERALS_MAX - set->count;
}

static void keep_better(struct csn_literals *best, const struct csn_literals *other) {
  if (worth(other) > worth(best)) *best = *other;
}

/* What has been collected of plain characters, one behind the other. */
static void end_run(struct csn_literal *run, struct csn_literals *best) {
  struct csn_literals one = {.items = {*run}, .count = 1};
  keep_better(best, &one);
  run->size = 0;
}

static void add_to_run(const struct parser *p, unsigned char c, struct csn_literal *run,
                       struct csn_literals *best) {
  if (run->size == CSN_LITERAL_SIZE) end_run(run, best);
  run->bytes[run->size++] = (unsigned char)(p->fold ? tolower(c) : c);
}

/* Folded, it may match what is no ASCII: the long s, the Kelvin sign, and whatever is none itself.
 */
static bool folds_widely(const struct parser *p, unsigned char c) {
  return p->fold && (c >= 0x80 || (p->utf && strchr("kKsS", c) != NULL));
}

/* ---- pieces of the syntax ------------------------------------------------------------------ */

static enum quantifier parse_quantifier(struct parser *p) {
  enum quantifier found = ONCE;
  if (takes(p, '+')) {
    found = AT_LEAST_ONCE;
  } else if (takes(p, '*') || takes(p, '?')) {
    found = MAYBE;
  } else if (p->at < p->end && *p->at == '{') {
    const char *end = p->at + 1;
    while (end < p->end && strchr("0123456789, ", *end) != NULL && *end != '\0') end++;
    if (end == p->end || *end != '}' || end == p->at + 1) return ONCE;
    p->at = end + 1;
    found = MAYBE;
  }
  if (found != ONCE && !takes(p, '?')) takes(p, '+');
  return found;
}

static void skip_class(struct parser *p) {
  takes(p, '^');
  takes(p, ']');
  while (p->at < p->end && *p->at != ']') {
    if (p->end - p->at > 1 && p->at[0] == '[' && strchr(":.=", p->at[1]) != NULL) {
      const char *close = memchr(p->at + 2, ']', (size_t)(p->end - p->at - 2));
      p->at = close != NULL && close[-1] == p->at[1] ? close : p->at;
    } else if (*p->at == '\\' && p->end - p->at > 1) {
      p->failed |= strchr("QEc", *++p->at) != NULL;
    }
    p->at++;
  }
  p->failed |= !takes(p, ']');
}

static bool takes_text(struct parser *p, const char *text) {
  size_t n = strlen(text);
  if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0) return false;
  p->at += n;
  return true;
}

static void skip_name(struct parser *p, char close) {
  while (p->at < p->end && (isalnum((unsigned char)*p->at) || *p->at == '_')) p->at++;
  p->failed |= !takes(p, close);
}

/* Behind the parenthesis. `counts`: what is in the group must be in a match. */
static void begin_group(struct parser *p, bool *counts) {
  static const char *const around[] = {"?=", "?!", "?<=", "?<!"};
  *counts = true;
  if (p->at < p->end && *p->at == '*') p->failed = true;
  for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
    if (!takes_text(p, around[i])) continue;
    *counts = false;
    return;
  }
  if (takes_text(p, "?:") || takes_text(p, "?>")) return;
  if (takes_text(p, "?<") || takes_text(p, "?P<"))
    skip_name(p, '>');
  else if (takes_text(p, "?"))
    p->failed = true;
}

static void parse_group(struct parser *p, struct csn_literals *best) {
  struct csn_literals inside;
  bool counts;
  begin_group(p, &counts);
  if (++p->nesting > NESTING_MAX) p->failed = true;
  parse_alternatives(p, &inside);
  p->nesting--;
  p->failed |= !takes(p, ')');
  if (parse_quantifier(p) == MAYBE || !counts || p->failed) return;
  inside.is_whole = false;
  keep_better(best, &inside);
}

/* An escape that stands for one character gives it; others are zero-width, or end the run. */
enum escape { CHARACTER, NOTHING, SOMETHING };

static enum escape parse_escape(struct parser *p, unsigned char *c) {
  if (p->at >= p->end) p->failed = true;
  if (p->failed) return SOMETHING;
  *c = (unsigned char)*p->at++;
  if (*c == 't' || *c == 'n') {
    *c = *c == 't' ? '\t' : '\n';
    return CHARACTER;
  }
  if (ispunct(*c) || *c == ' ') return CHARACTER;
  if (*c == 'b') return NOTHING;
  if (strchr("BdDwWsShHvVRA", *c) == NULL || *c == '\0') p->failed = true;
  return SOMETHING;
}

/* ---- sequences and alternatives ------------------------------------------------------------ */

/* One plain character and what quantifies it. */
static void parse_character(struct parser *p, unsigned char c, struct csn_literal *run,
                            struct csn_literals *best, bool *is_plain) {
  enum quantifier quantifier = parse_quantifier(p);
  if (quantifier != ONCE || folds_widely(p, c)) *is_plain = false;
  if (c >= 0x80 && quantifier == MAYBE) p->failed = true;   /* only the last byte of several */
  if (quantifier == MAYBE || folds_widely(p, c)) {
    end_run(run, best);
    return;
  }
  add_to_run(p, c, run, best);
  if (run->size == CSN_LITERAL_SIZE) *is_plain = false;
  if (quantifier != ONCE) end_run(run, best);
}

/* What is no plain character: classes, groups, dots, anchors. */
static void parse_other(struct parser *p, unsigned char c, struct csn_literal *run,
                        struct csn_literals *best) {
  end_run(run, best);
  if (c == '(') {
    parse_group(p, best);
    return;
  }
  if (c == '[') skip_class(p);
  parse_quantifier(p);
}

static void parse_branch(struct parser *p, struct csn_literals *best) {
  struct csn_literal run = {.size = 0};
  bool is_plain = true;
  *best = (struct csn_literals){.count = 0};
  while (!is_at_end(p) && *p->at != '|' && *p->at != ')') {
    unsigned char c = (unsigned char)*p->at++;
    bool is_escaped = c == '\\';
    enum escape escape = is_escaped                                  ? parse_escape(p, &c)
                         : strchr("([.^$", c) != NULL && c != '\0' ? SOMETHING
                                                                    : CHARACTER;
    if (escape == CHARACTER) {
      parse_character(p, c, &run, best, &is_plain);
      continue;
    }
    is_plain = false;
    if (escape == SOMETHING) parse_other(p, is_escaped ? '.' : c, &run, best);
  }
  end_run(&run, best);
  best->is_whole = is_plain;
}

static void parse_alternatives(struct parser *p, struct csn_literals *out) {
  struct csn_literals branch;
  bool is_none = false;
  parse_branch(p, out);
  is_none = out->count == 0;
  while (!p->failed && takes(p, '|')) {
    parse_branch(p, &branch);
    is_none |= branch.count == 0 || out->count + branch.count > CSN_LITERALS_MAX;
    for (size_t i = 0; !is_none && i < branch.count; i++)
      out->items[out->count++] = branch.items[i];
    out->is_whole &= branch.is_whole;
  }
  if (is_none || p->failed) *out = (struct csn_literals){.count = 0};
}

void csn_literals_find(const char *pattern, size_t n, bool fold, bool utf,
                       struct csn_literals *out) {
  struct parser p = {.at = pattern, .end = pattern + n, .fold = fold, .utf = utf};
  parse_alternatives(&p, out);
  if (p.at < p.end || p.failed || worth(out) == 0) *out = (struct csn_literals){.count = 0};
}
