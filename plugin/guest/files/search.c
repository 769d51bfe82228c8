/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions over lines: see search.h. There are four ways. Literals that are the whole
 * pattern need no expression. Where literals must be in a match, only lines that have one are
 * searched. An expression that cannot match a line's end is let loose on all lines at once. What
 * remains is searched line by line.
 */
#include "guest/files/search.h"

#include "guest/files/in_line.h"
#include "guest/files/literals.h"
#include "guest/files/needles.h"
#include "guest/files/walk.h"
#include "util/alloc.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <string.h>

#define PATTERN_MAX 65536u        /* bytes */
#define MATCH_LIMIT 2000000u      /* steps back and forth from one place: some 10 ms */
#define HEAP_LIMIT 20000u         /* KiB, of the interpreter */
#define STEPS_TIMED 16u           /* lines, or calls: one may take long */
#define CHUNK 4096u               /* bytes that are searched at once without a look at the clock */
#define STACK_FIRST 32768u
#define STACK_MAX (4u << 20)

struct csn_search {
  pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  struct csn_literals literals;
  struct csn_needles needles;
  bool is_multiline, keeps_to_lines;
  int64_t ends_at;
  unsigned steps;   /* so far; every STEPS_TIMED of them with a look at the clock */
};

/* ---- compiling ----------------------------------------------------------------------------- */

static pcre2_code *compile(const char *pattern, size_t n, uint32_t options,
                           struct csn_search_flaw *flaw) {
  int number;
  PCRE2_SIZE offset;
  pcre2_code *code = NULL;
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  if (context == NULL) return NULL;
  pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
  pcre2_set_max_pattern_length(context, 2 * PATTERN_MAX);
  code = pcre2_compile((PCRE2_SPTR)pattern, n, options, &number, &offset, context);
  pcre2_compile_context_free(context);
  if (code != NULL) return code;
  if (pcre2_get_error_message(number, (PCRE2_UCHAR *)flaw->text, sizeof flaw->text) < 0)
    memcpy(flaw->text, "unknown error", sizeof "unknown error");
  flaw->offset = offset < n ? offset : n;
  return NULL;
}

/* The pattern as one that keeps to lines, if it can be had. */
static bool compile_in_line(struct csn_search *s, const char *pattern, size_t n, uint32_t options) {
  struct csn_search_flaw flaw;
  struct csn_buffer rewritten = CSN_BUFFER(2 * PATTERN_MAX);
  if (csn_in_line(pattern, n, &rewritten))
    s->code = compile(csn_buffer_text(&rewritten), rewritten.size, options, &flaw);
  csn_buffer_free(&rewritten);
  s->keeps_to_lines = s->code != NULL;
  return s->keeps_to_lines;
}

/* A flaw is one of the pattern as it was given. */
static void compile_as_it_is(struct csn_search *s, const char *pattern, size_t n, uint32_t options,
                             struct csn_search_flaw *flaw) {
  struct csn_buffer widened = CSN_BUFFER(2 * PATTERN_MAX);
  csn_in_line_widen(pattern, n, &widened);
  if ((options & PCRE2_UTF) != 0)
    s->code = compile(csn_buffer_text(&widened), widened.size, options, flaw);
  csn_buffer_free(&widened);
  if (s->code == NULL) s->code = compile(pattern, n, options, flaw);
}

/* What `(?i)` at the beginning says is known to all ways. */
static size_t leading_options(const char *pattern, unsigned *flags) {
  if (strncmp(pattern, "(?i)", 4) != 0) return 0;
  *flags |= CSN_SEARCH_FOLD;
  return 4;
}

/* A literal with a newline is in no line. */
static void drop_impossible(struct csn_literals *literals) {
  bool is_possible = true;
  for (size_t i = 0; i < literals->count; i++) {
    if (memchr(literals->items[i].bytes, '\n', literals->items[i].size) != NULL)
      is_possible = false;
  }
  if (!is_possible) *literals = (struct csn_literals){.count = 0};
}

static bool compile_all(struct csn_search *s, const char *whole, unsigned flags,
                        struct csn_search_flaw *flaw) {
  size_t skipped = leading_options(whole, &flags);
  const char *pattern = whole + skipped;
  size_t n = strlen(pattern);
  bool folds = (flags & CSN_SEARCH_FOLD) != 0, utf = csn_in_line_needs_utf(pattern, n);
  uint32_t options = PCRE2_MULTILINE | (folds ? PCRE2_CASELESS : 0) |
                     (utf ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : 0);
  s->is_multiline = (flags & CSN_SEARCH_MULTILINE) != 0;
  if ((flags & CSN_SEARCH_PLAINLY) == 0) csn_literals_find(pattern, n, folds, utf, &s->literals);
  if (!s->is_multiline) drop_impossible(&s->literals);
  csn_needles_begin(&s->needles, &s->literals, folds);
  if (s->is_multiline) options |= PCRE2_DOTALL;
  else if ((flags & CSN_SEARCH_PLAINLY) == 0 && compile_in_line(s, pattern, n, options))
    return true;
  compile_as_it_is(s, pattern, n, options, flaw);
  flaw->offset += skipped;
  return s->code != NULL;
}

/* Where code may not be made at run time, the interpreter takes over by itself. */
static bool prepare(struct csn_search *s) {
  if (pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE) == 0)
    s->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MAX, NULL);
  s->data = pcre2_match_data_create(1, NULL);
  s->context = pcre2_match_context_create(NULL);
  if (s->data == NULL || s->context == NULL) return false;
  pcre2_set_match_limit(s->context, MATCH_LIMIT);
  pcre2_set_heap_limit(s->context, HEAP_LIMIT);
  if (s->stack != NULL) pcre2_jit_stack_assign(s->context, NULL, s->stack);
  return true;
}

struct csn_search *csn_search_begin(const char *pattern, unsigned flags,
                                    struct csn_search_flaw *flaw) {
  *flaw = (struct csn_search_flaw){.text = "out of memory"};
  if (strlen(pattern) > PATTERN_MAX) {
    memcpy(flaw->text, "it is too long", sizeof "it is too long");
    return NULL;
  }
  struct csn_search *s = csn_calloc(1, sizeof *s);
  if (s != NULL && compile_all(s, pattern, flags, flaw) && prepare(s)) return s;
  csn_search_end(s);
  return NULL;
}

void csn_search_end(struct csn_search *search) {
  if (search == NULL) return;
  pcre2_match_data_free(search->data);
  pcre2_match_context_free(search->context);
  pcre2_jit_stack_free(search->stack);
  pcre2_code_free(search->code);
  csn_free(search);
}

/* ---- its time ------------------------------------------------------------------------------ */

void csn_search_set_end(struct csn_search *search, int64_t ends_at) {
  search->ends_at = ends_at;
}

static bool is_over(const struct csn_search *s) {
  return s->ends_at != 0 && csn_walk_clock() >= s->ends_at;
}

static bool is_over_by_now(struct csn_search *s) {
  return ++s->steps % STEPS_TIMED == 0 && is_over(s);
}

/* ---- matching ------------------------------------------------------------------------------ */

static size_t line_start(const char *text, size_t at) {
  const char *newline = at > 0 ? memrchr(text, '\n', at) : NULL;
  return newline != NULL ? (size_t)(newline - text) + 1 : 0;
}

static size_t line_end(const char *text, size_t size, size_t at) {
  const char *newline = at < size ? memchr(text + at, '\n', size - at) : NULL;
  return newline != NULL ? (size_t)(newline - text) : size;
}

/* The expression against text[from..to), which it takes for all that there is. */
static enum csn_search_result match_in(struct csn_search *s, const char *text, size_t from,
                                       size_t to, size_t at, struct csn_search_match *match) {
  int rc =
      pcre2_match(s->code, (PCRE2_SPTR)text + from, to - from, at - from, 0, s->data, s->context);
  if (rc == PCRE2_ERROR_NOMATCH) return CSN_SEARCH_NONE;
  if (rc < 0) return CSN_SEARCH_LIMIT;
  const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(s->data);
  match->start = from + offsets[0];
  match->end = from + offsets[1];
  if (match->end < match->start) match->end = match->start;   /* \K in a lookahead */
  return CSN_SEARCH_FOUND;
}

static void set_lines(const char *text, size_t size, struct csn_search_match *match) {
  match->line = line_start(text, match->start);
  size_t last = match->end > match->start ? match->end - 1 : match->end;
  match->line_end = line_end(text, size, last);
}

static bool find_literal(struct csn_search *s, const char *text, size_t size, size_t at,
                         struct csn_search_match *match) {
  size_t found = 0;
  const char *place = csn_needles_find(&s->needles, text + at, text + size, &found);
  if (place == NULL) return false;
  match->start = (size_t)(place - text);
  match->end = match->start + found;
  set_lines(text, size, match);
  return true;
}

/* Line by line; only those that have a literal, where there are any. */
static enum csn_search_result next_in_lines(struct csn_search *s, const char *text, size_t size,
                                            size_t at, struct csn_search_match *match) {
  while (at < size) {
    if (is_over_by_now(s)) return CSN_SEARCH_LATE;
    match->line = at;
    if (s->literals.count == 0)
      match->line_end = line_end(text, size, at);
    else if (!find_literal(s, text, size, at, match))
      return CSN_SEARCH_NONE;
    if (s->literals.is_whole) return CSN_SEARCH_FOUND;
    size_t line = match->line;
    enum csn_search_result result = match_in(s, text, line, match->line_end, line, match);
    if (result != CSN_SEARCH_NONE) return result;
    at = match->line_end + 1;
  }
  return CSN_SEARCH_NONE;
}

/* Behind the last newline there is no line. */
static bool is_no_line(const char *text, size_t size, size_t at) {
  return at == size && (size == 0 || text[size - 1] == '\n');
}

/* All lines at once. Subjects begin at `at`, so that nobody looks at what lies before. */
static enum csn_search_result next_at_once(struct csn_search *s, const char *text, size_t size,
                                           size_t at, struct csn_search_match *match) {
  size_t from = s->is_multiline ? 0 : at;
  match->line = at;
  enum csn_search_result result = match_in(s, text, from, size, at, match);
  if (result != CSN_SEARCH_FOUND) return result;
  if (is_no_line(text, size, match->start)) return CSN_SEARCH_NONE;
  set_lines(text, size, match);
  return CSN_SEARCH_FOUND;
}

/* The same, some lines at a time. */
static enum csn_search_result next_in_chunks(struct csn_search *s, const char *text, size_t size,
                                             size_t at, struct csn_search_match *match) {
  for (;;) {
    size_t end = size - at > CHUNK ? line_end(text, size, at + CHUNK) + 1 : size;
    if (end > size) end = size;
    enum csn_search_result result = next_at_once(s, text, end, at, match);
    if (result != CSN_SEARCH_NONE || end == size) return result;
    if (is_over(s)) return CSN_SEARCH_LATE;
    at = end;
  }
}

enum csn_search_result csn_search_next(struct csn_search *search, const char *text, size_t size,
                                       size_t at, struct csn_search_match *match) {
  if (at >= size) return CSN_SEARCH_NONE;
  if (!search->is_multiline && (search->literals.count > 0 || !search->keeps_to_lines))
    return next_in_lines(search, text, size, at, match);
  if (is_over_by_now(search)) return CSN_SEARCH_LATE;
  if (!search->is_multiline) return next_in_chunks(search, text, size, at, match);
  struct csn_search_match literal;
  if (search->literals.count > 0 && !find_literal(search, text, size, at, &literal))
    return CSN_SEARCH_NONE;
  return next_at_once(search, text, size, at, match);
}
