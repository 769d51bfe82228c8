/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a text is not there: see nearest.h.
 */
#include "guest/files/nearest.h"

#include "guest/files/fold.h"
#include "guest/files/lines.h"
#include "guest/files/similar.h"
#include "util/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINES_SHOWN 12u
#define LINE_SHOWN 200u   /* characters */

struct texts {
  const char *text;
  size_t n;
  const char *wanted;
  size_t wanted_size;
};

/* ---- what it differs in ---------------------------------------------------------------------- */

static const struct {
  unsigned fold;
  const char *words, *hint;
} causes[] = {
  /* In this order they are tried to be done without. */
  {CSN_FOLD_CASE, "upper and lower case differ", "Take the text over as the file has it."},
  {CSN_FOLD_BLANKS, "white space differs (tabs, blanks, indentation or ends of lines)",
   "Take the white space over exactly as the file has it."},
  {CSN_FOLD_QUOTES,
   "quotes, dashes or blanks are typographic in one of them and plain in the other",
   "Take these characters over exactly as the file has them."},
  {CSN_FOLD_ESCAPES,
   "old_string holds escapes such as \\n or \\\" where the file has the characters themselves",
   "Give the characters themselves: the text was escaped once too often."},
  {CSN_FOLD_NUMBERS, "old_string holds the line numbers that read shows, which are not in the file",
   "Leave the number and the tab or arrow after it out of each line."},
  {CSN_FOLD_CR, "the line ends differ (CRLF and LF)", ""},
};
#define CAUSES (sizeof causes / sizeof causes[0])

/* The line (from 1) where the texts match once folded; 0: they do not. */
static uint64_t match(const struct texts *t, unsigned fold) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(2 * t->n + 8);
  CSN_CLEANUP_BUFFER struct csn_buffer wanted = CSN_BUFFER(2 * t->wanted_size + 8);
  if (csn_fold(t->wanted, t->wanted_size, fold, &wanted) != 0 || wanted.size == 0) return 0;
  if (csn_fold(t->text, t->n, fold & ~CSN_FOLD_QUOTED, &text) != 0) return 0;
  const char *found = memmem(csn_buffer_text(&text), text.size, wanted.data, wanted.size);
  if (found == NULL) return 0;
  return csn_lines_count(text.data, (size_t)(found - text.data)) + 1;
}

/* The differences that it takes, and no more, and where it then matches. */
static uint64_t find_causes(const struct texts *t, unsigned *fold) {
  *fold = CSN_FOLD_ALL;
  uint64_t line = match(t, *fold);
  for (size_t i = 0; line > 0 && i < CAUSES; i++) {
    uint64_t without = match(t, *fold & ~causes[i].fold);
    if (without == 0) continue;
    line = without;
    *fold &= ~causes[i].fold;
  }
  return line;
}

static const char *add_causes(struct csn_buffer *words, const struct texts *t, unsigned fold) {
  const char *hint = "";
  const char *before = " The likely cause: ";
  for (size_t i = 0; i < CAUSES; i++) {
    if (!(fold & causes[i].fold)) continue;
    csn_buffer_addf(words, "%s%s", before, causes[i].words);
    before = "; and ";
    if (*hint == '\0') hint = causes[i].hint;
  }
  csn_buffer_addz(words, ".");
  if (fold != CSN_FOLD_CR) return hint;
  if (memmem(t->wanted, t->wanted_size, "\r\n", 2) != NULL)
    return "The file's lines end in LF: write \\n and not \\r\\n in both strings.";
  return "The file's lines end in CRLF: write \\r\\n at each line end of both strings.";
}

/* ---- where ----------------------------------------------------------------------------------- */

struct slice {
  const char *at;
  size_t n;
};

/* Line `number` (from 1) without its newline. */
static struct slice line_of(const char *text, size_t n, uint64_t number) {
  const char *end = text + n;
  for (uint64_t i = 1; i < number; i++) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    if (newline == NULL) return (struct slice){end, 0};
    text = newline + 1;
  }
  const char *newline = memchr(text, '\n', (size_t)(end - text));
  return (struct slice){text, (size_t)((newline != NULL ? newline : end) - text)};
}

static size_t indent_of(struct slice line) {
  size_t n = 0;
  while (n < line.n && (line.at[n] == ' ' || line.at[n] == '\t')) n++;
  return n;
}

/* "2 tabs and 4 blanks" */
static void add_indent(struct csn_buffer *words, struct slice line) {
  size_t indent = indent_of(line), tabs = 0;
  for (size_t i = 0; i < indent; i++) tabs += line.at[i] == '\t';
  if (indent == 0) csn_buffer_addz(words, "no blanks");
  if (tabs > 0) csn_buffer_addf(words, "%zu tab%s", tabs, tabs == 1 ? "" : "s");
  if (tabs > 0 && tabs < indent) csn_buffer_addz(words, " and ");
  if (tabs < indent)
    csn_buffer_addf(words, "%zu blank%s", indent - tabs, indent - tabs == 1 ? "" : "s");
}

static bool is_same(struct slice a, struct slice b) {
  return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

/* The first line of the wanted text that is not the file's. Its first and last may be parts. */
static void add_difference(struct csn_buffer *words, const struct texts *t, uint64_t first) {
  uint64_t count = csn_lines_count(t->wanted, t->wanted_size) + 1;
  for (uint64_t i = 0; i < count && i < 1000; i++) {
    unsigned long long number = first + i;
    struct slice have = line_of(t->text, t->n, number);
    struct slice want = line_of(t->wanted, t->wanted_size, i + 1);
    bool is_part = i == 0 || i + 1 == count;
    if (is_same(have, want) || (is_part && memmem(have.at, have.n, want.at, want.n) != NULL))
      continue;
    size_t indent = indent_of(have);
    bool is_whole = i > 0 || indent_of(want) > 0;
    if (is_whole && (indent != indent_of(want) || memcmp(have.at, want.at, indent) != 0)) {
      csn_buffer_addf(words, " Line %llu begins with ", number);
      add_indent(words, have);
      csn_buffer_addz(words, " in the file and with ");
      add_indent(words, want);
      csn_buffer_addz(words, " in old_string.");
      return;
    }
    size_t shown = csn_utf8_span(want.at, want.n, LINE_SHOWN);
    csn_buffer_addf(words, " The first difference is in line %llu, where old_string has: %.*s%s",
                    number, (int)shown, want.at, shown < want.n ? "..." : "");
    return;
  }
}

static void add_place(struct csn_buffer *words, const struct texts *t, uint64_t first) {
  uint64_t count = csn_lines_count(t->wanted, t->wanted_size);
  uint64_t total = csn_lines_count(t->text, t->n) + (t->n > 0 && t->text[t->n - 1] != '\n');
  count += t->wanted_size > 0 && t->wanted[t->wanted_size - 1] != '\n';
  uint64_t last = first + (count > 0 ? count : 1) - 1;
  if (last > total) last = total;
  bool is_cut = last >= first + LINES_SHOWN;
  csn_buffer_addf(words, first == last ? "\nThe file has in line %llu:\n"
                                       : "\nThe file has in lines %llu to %llu:\n",
                  (unsigned long long)first, (unsigned long long)last);
  if (is_cut) last = first + LINES_SHOWN - 1;
  csn_lines_add_range(words, t->text, t->n, first, last, LINE_SHOWN);
  if (is_cut) csn_buffer_addz(words, "   ...\n");
}

const char *csn_nearest_explain(struct csn_buffer *words, const char *text, size_t n,
                                const char *wanted, size_t wanted_size) {
  const struct texts t = {text, n, wanted, wanted_size};
  unsigned fold;
  const char *hint = "Read the file, and take old_string over from it as it is there.";
  uint64_t line = find_causes(&t, &fold);
  if (line > 0) {
    hint = add_causes(words, &t, fold);
    if (fold == CSN_FOLD_BLANKS) add_difference(words, &t, line);
    add_place(words, &t, line);
    return hint;
  }
  line = csn_similar_find(text, n, wanted, wanted_size);
  if (line == 0) {
    csn_buffer_addz(words, " Nothing in it is like old_string.");
    return hint;
  }
  csn_buffer_addz(words, " The nearest is shown below.");
  add_difference(words, &t, line);
  add_place(words, &t, line);
  return hint;
}
