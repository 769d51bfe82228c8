/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of `grep`: it is read piece by piece into one buffer, and each piece is searched up to
 * its last newline. Reading, unlike mapping, is safe while somebody cuts the file short.
 */
#include "guest/files/grep.h"

#include "guest/files/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256u << 10)       /* bytes, as they fit into a processor's cache */
#define BINARY_AT 8192u          /* a NUL before this makes a file binary */

/* Read on until the buffer is full. 1: the file ends here, 0: it goes on, -1: errno. */
static int fill(struct csn_buffer *text, int fd, size_t capacity) {
  if (csn_buffer_reserve(text, capacity - text->size) < 0) {
    errno = ENOMEM;
    return -1;
  }
  while (text->size < capacity) {
    ssize_t n = read(fd, text->data + text->size, capacity - text->size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 ? 1 : -1;
    text->size += (size_t)n;
  }
  return 0;
}

static bool is_binary(const struct csn_buffer *text) {
  size_t n = text->size < BINARY_AT ? text->size : BINARY_AT;
  return n > 0 && memchr(text->data, '\0', n) != NULL;
}

static void note_endless(struct csn_grep *g) {
  if (g->endless++ == 0) snprintf(g->first_endless, sizeof g->first_endless, "%s", g->path);
}

static uint64_t lines_in(const char *text, const struct csn_search_match *match) {
  uint64_t lines = 1;
  for (const char *at = text + match->line, *end = text + match->line_end;
       (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
    lines++;
  return lines;
}

/* Search text[at..end). False: nothing more is wanted of this file. */
static bool search_piece(struct csn_grep *g, size_t at, size_t end) {
  struct csn_search_match match;
  const char *text = csn_buffer_text(&g->text);
  while (at < end) {
    enum csn_search_result result = csn_search_next(g->search, text, end, at, &match);
    if (result == CSN_SEARCH_LIMIT) note_endless(g);
    if (result == CSN_SEARCH_LATE) g->is_late = true;
    if (result == CSN_SEARCH_LIMIT || result == CSN_SEARCH_LATE) return false;
    if (result == CSN_SEARCH_NONE) break;
    g->matches += g->is_multiline ? lines_in(text, &match) : 1;
    if (g->mode == CSN_GREP_FILES) return false;
    if (g->mode == CSN_GREP_CONTENT) csn_grep_show(g, &match);
    if (g->is_done) return false;
    at = match.line_end + 1;
  }
  if (g->mode == CSN_GREP_CONTENT) csn_grep_show_after(g, end);
  return !g->is_done;
}

/* How much of the text can be searched: whole lines; 0: not one of them is whole yet. */
static size_t searchable(const struct csn_grep *g, size_t from, bool is_end) {
  const char *text = csn_buffer_text(&g->text);
  if (is_end || g->text.size >= g->text.max) return g->text.size;
  if (g->is_multiline || g->text.size == from) return 0;
  const char *newline = memrchr(text + from, '\n', g->text.size - from);
  return newline != NULL ? (size_t)(newline - text) + 1 : 0;
}

static enum csn_grep_end search_pieces(struct csn_grep *g, int fd) {
  size_t capacity = PIECE, from = 0;
  for (bool is_first = true;; is_first = false) {
    int filled = fill(&g->text, fd, capacity);
    if (filled < 0) return CSN_GREP_UNREADABLE;
    if (is_first && is_binary(&g->text)) return CSN_GREP_BINARY;
    if (filled == 0 && g->is_multiline && g->text.size >= g->text.max) {
      g->too_large++;
      return CSN_GREP_SEARCHED;
    }
    size_t end = searchable(g, from, filled == 1);
    if (end > 0 && !search_piece(g, from, end)) return CSN_GREP_SEARCHED;
    if (!g->is_late && csn_walk_clock() >= g->ends_at) g->is_late = true;
    if (filled == 1 || g->is_late) return CSN_GREP_SEARCHED;
    if (end > 0) {
      size_t gone = end - csn_grep_keep(g, end);
      csn_grep_forget(g, gone);
      csn_buffer_consume(&g->text, gone);
      from = end - gone;
    }
    while (capacity - g->text.size < PIECE / 2 && capacity < g->text.max)
      capacity = 2 * capacity < g->text.max ? 2 * capacity : g->text.max;
  }
}

enum csn_grep_end csn_grep_file(struct csn_grep *g, int fd, const char *path) {
  g->path = path;
  g->matches = 0;
  g->shown_end = g->counted = 0;
  g->line_number = 1;
  g->after_left = 0;
  g->has_shown = false;
  csn_buffer_reset(&g->text);
  return search_pieces(g, fd);
}
