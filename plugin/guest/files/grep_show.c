/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines that `grep` shows: "path:12:text" for a match, "path-11-text" for its context, "--"
 * where lines are left out. Lines are counted only up to what is shown.
 */
#include "guest/files/grep.h"
#include "guest/files/needles.h"
#include "util/utf8.h"

#include <inttypes.h>
#include <string.h>

#define LINE_MAX_SHOWN 500u   /* bytes of a line */
#define LINE_LEAD 150u        /* of these, before the match */

static uint64_t number_at(struct csn_grep *g, size_t offset) {
  const char *text = csn_buffer_text(&g->text);
  g->line_number += csn_needles_count(text + g->counted, text + offset, '\n');
  g->counted = offset;
  return g->line_number;
}

static size_t end_of_line(const struct csn_grep *g, size_t at, size_t end) {
  const char *text = csn_buffer_text(&g->text);
  const char *newline = memchr(text + at, '\n', end - at);
  return newline != NULL ? (size_t)(newline - text) : end;
}

/* Of a long line the part around `place`. */
static void add_text(struct csn_buffer *line, const char *text, size_t n, size_t place) {
  size_t from = 0, size = n;
  if (n > LINE_MAX_SHOWN) {
    from = place > LINE_LEAD ? place - LINE_LEAD : 0;
    if (from + LINE_MAX_SHOWN > n) from = n - LINE_MAX_SHOWN;
    if (from > 0) from += csn_utf8_resync(text + from, n - from);
    size = n - from < LINE_MAX_SHOWN ? n - from : LINE_MAX_SHOWN;
    while (size > 0 && from + size < n && ((unsigned char)text[from + size] & 0xc0) == 0x80) size--;
  }
  if (from > 0) csn_buffer_addf(line, "[%zu bytes] ...", from);
  csn_buffer_add(line, text + from, size);
  if (from + size < n) csn_buffer_addf(line, "... [%zu bytes]", n - from - size);
}

static void report(struct csn_grep *g, uint64_t number, const char *text, size_t n) {
  struct csn_answer *answer = &g->op->answer;
  csn_answer_object(answer, NULL);
  csn_answer_string(answer, "path", g->path);
  csn_answer_number(answer, "line", (int64_t)number);
  csn_answer_bytes(answer, "text", text, n);
  csn_answer_end_object(answer);
}

/* One line; false when there is no room for it. */
static bool show_line(struct csn_grep *g, size_t at, size_t end, size_t place, bool is_match) {
  const char *text = csn_buffer_text(&g->text);
  struct csn_buffer *line = &g->line;
  char mark = is_match ? ':' : '-';
  uint64_t number = number_at(g, at);
  size_t n = end - at;
  if (n > 0 && text[end - 1] == '\r') n--;
  csn_buffer_reset(line);
  csn_shown_add_name(line, g->path);
  csn_buffer_addf(line, "%c%" PRIu64 "%c", mark, number, mark);
  size_t head = line->size;
  add_text(line, text + at, n, place);
  size_t size = line->size - head;
  csn_buffer_addz(line, "\n");
  bool has_room = csn_shown_has_report_room(&g->shown) &&
                  csn_shown_put(&g->shown, csn_buffer_text(line), line->size);
  if (!has_room) g->is_done = g->shown.is_full = true;
  if (has_room && is_match) report(g, number, line->data + head, size);
  g->shown_end = end + 1;
  return has_room;
}

static void show_lines(struct csn_grep *g, size_t at, size_t end) {
  while (at < end && !g->is_done) {
    size_t line_end = end_of_line(g, at, end);
    show_line(g, at, line_end, 0, false);
    at = line_end + 1;
  }
}

void csn_grep_show_after(struct csn_grep *g, size_t end) {
  size_t at = g->shown_end;
  while (g->after_left > 0 && at < end && !g->is_done) {
    size_t line_end = end_of_line(g, at, end);
    show_line(g, at, line_end, 0, false);
    g->after_left--;
    at = line_end + 1;
  }
}

/* Where the lines of context before `at` begin, none of them shown yet. */
static size_t before(const struct csn_grep *g, size_t at) {
  const char *text = csn_buffer_text(&g->text);
  size_t start = at;
  for (uint64_t i = 0; i < g->before && start > g->shown_end; i++) {
    const char *newline = start > 1 ? memrchr(text, '\n', start - 1) : NULL;
    start = newline != NULL ? (size_t)(newline - text) + 1 : 0;
  }
  return start > g->shown_end ? start : g->shown_end < at ? g->shown_end : at;
}

static void separate(struct csn_grep *g, size_t start) {
  bool has_context = g->before > 0 || g->after > 0;
  bool is_new_file = !g->has_shown && g->listed > 0;
  if (has_context && (is_new_file || (g->has_shown && start > g->shown_end)))
    csn_shown_put(&g->shown, "--\n", 3);
}

void csn_grep_show(struct csn_grep *g, const struct csn_search_match *match) {
  if (g->lines_matched + 1 > g->limit) {
    g->lines_matched++;
    g->is_done = true;
    return;
  }
  csn_grep_show_after(g, match->line);
  size_t start = before(g, match->line);
  separate(g, start);
  show_lines(g, start, match->line);
  for (size_t at = match->line; at <= match->line_end && !g->is_done;) {
    size_t line_end = end_of_line(g, at, match->line_end);
    size_t place = match->start > at ? match->start - at : 0;
    if (!show_line(g, at, line_end, place, true)) break;
    g->listed++;
    g->lines_matched++;
    at = line_end + 1;
  }
  g->has_shown = true;
  g->after_left = g->after;
}

/* Whole lines, which leave most of the text's room to what is read next. */
size_t csn_grep_keep(const struct csn_grep *g, size_t end) {
  if (g->mode != CSN_GREP_CONTENT || g->before == 0) return 0;
  size_t start = before(g, end), room = g->text.max / 4;
  if (end - start <= room) return end - start;
  start = end_of_line(g, end - room, end) + 1;
  return start < end ? end - start : 0;
}

void csn_grep_forget(struct csn_grep *g, size_t n) {
  if (g->mode != CSN_GREP_CONTENT) return;
  if (g->counted < n) number_at(g, n);
  g->counted -= n;
  g->shown_end = g->shown_end > n ? g->shown_end - n : 0;
}
