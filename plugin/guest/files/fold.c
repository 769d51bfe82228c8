/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding texts: see fold.h.
 */
#include "guest/files/fold.h"

#include <stdbool.h>
#include <string.h>

/* ---- mistakes in quoting --------------------------------------------------------------------- */

/* Bytes of "  12<tab>" or "12<arrow>" at the beginning of a line; 0: it has no number. */
static size_t number_size(const char *line, size_t n) {
  static const char arrow[] = "\xe2\x86\x92";
  size_t at = 0;
  while (at < n && line[at] == ' ') at++;
  size_t digits = at;
  while (at < n && line[at] >= '0' && line[at] <= '9') at++;
  if (at == digits) return 0;
  if (at < n && line[at] == '\t') return at + 1;
  return n - at >= 3 && memcmp(line + at, arrow, 3) == 0 ? at + 3 : 0;
}

static size_t line_size(const char *text, size_t n) {
  const char *newline = memchr(text, '\n', n);
  return newline != NULL ? (size_t)(newline - text) + 1 : n;
}

static bool has_numbers(const char *text, size_t n) {
  for (size_t at = 0, line; at < n; at += line) {
    line = line_size(text + at, n - at);
    if (number_size(text + at, line) == 0 && text[at] != '\n') return false;
  }
  return n > 0;
}

static int drop_numbers(const char *text, size_t n, struct csn_buffer *out) {
  int rc = 0;
  if (!has_numbers(text, n)) return csn_buffer_add(out, text, n);
  for (size_t at = 0, line; at < n && rc == 0; at += line) {
    line = line_size(text + at, n - at);
    size_t skip = number_size(text + at, line);
    rc = csn_buffer_add(out, text + at + skip, line - skip);
  }
  return rc;
}

static int drop_escapes(const char *text, size_t n, struct csn_buffer *out) {
  static const char names[] = "ntr\"'\\", meanings[] = "\n\t\r\"'\\";
  int rc = 0;
  for (size_t at = 0; at < n && rc == 0; at++) {
    const char *name = text[at] == '\\' && at + 1 < n && text[at + 1] != '\0'
                           ? strchr(names, text[at + 1]) : NULL;
    rc = csn_buffer_add(out, name != NULL ? &meanings[name - names] : &text[at], 1);
    at += name != NULL;
  }
  return rc;
}

/* ---- everything else, character by character ------------------------------------------------- */

static const struct {
  const char *fancy;
  size_t size;
  const char *plain;
} quotes[] = {
  {"\xe2\x80\x98", 3, "'"}, {"\xe2\x80\x99", 3, "'"},   {"\xe2\x80\x9c", 3, "\""},
  {"\xe2\x80\x9d", 3, "\""}, {"\xe2\x80\x90", 3, "-"},  {"\xe2\x80\x91", 3, "-"},
  {"\xe2\x80\x93", 3, "-"}, {"\xe2\x80\x94", 3, "-"},   {"\xe2\x80\xa6", 3, "..."},
  {"\xc2\xa0", 2, " "},     {"\xe2\x80\xaf", 3, " "},
};

/* The plain form of what begins at p, and how many bytes that has; NULL: it is plain. */
static const char *find_quote(const char *p, size_t n, size_t *size) {
  if ((unsigned char)*p < 0xc2) return NULL;
  for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
    *size = quotes[i].size;
    if (n >= *size && memcmp(p, quotes[i].fancy, *size) == 0) return quotes[i].plain;
  }
  return NULL;
}

struct folding {
  unsigned how;
  struct csn_buffer *out;
  bool line_begins, blank_waits;
  int rc;
};

static void put(struct folding *f, char c) {
  bool is_end = c == '\n' || c == '\r';
  if ((f->how & CSN_FOLD_BLANKS) && (c == ' ' || c == '\t')) {
    f->blank_waits = !f->line_begins;
    return;
  }
  if (f->blank_waits && !is_end && f->rc == 0) f->rc = csn_buffer_add(f->out, " ", 1);
  f->blank_waits = false;
  f->line_begins = c == '\n';
  if ((f->how & CSN_FOLD_CASE) && c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
  if (f->rc == 0) f->rc = csn_buffer_add(f->out, &c, 1);
}

static int fold_characters(const char *text, size_t n, unsigned how, struct csn_buffer *out) {
  struct folding f = {how, out, true, false, 0};
  size_t size = 1;
  for (size_t at = 0; at < n && f.rc == 0; at += size) {
    const char *plain = (how & CSN_FOLD_QUOTES) ? find_quote(text + at, n - at, &size) : NULL;
    if (plain == NULL) size = 1;
    if ((how & CSN_FOLD_CR) && text[at] == '\r' && at + 1 < n && text[at + 1] == '\n') continue;
    if (plain == NULL) put(&f, text[at]);
    while (plain != NULL && *plain != '\0') put(&f, *plain++);
  }
  return f.rc;
}

int csn_fold(const char *text, size_t n, unsigned how, struct csn_buffer *out) {
  CSN_CLEANUP_BUFFER struct csn_buffer first = CSN_BUFFER(n + 1), second = CSN_BUFFER(n + 1);
  int rc = 0;
  if (how & CSN_FOLD_NUMBERS) {
    rc = drop_numbers(text, n, &first);
    text = csn_buffer_text(&first);
    n = first.size;
  }
  if (rc == 0 && (how & CSN_FOLD_ESCAPES)) {
    rc = drop_escapes(text, n, &second);
    text = csn_buffer_text(&second);
    n = second.size;
  }
  return rc != 0 ? rc : fold_characters(text, n, how, out);
}
