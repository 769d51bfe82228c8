/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a search shows: see shown.h.
 */
#include "guest/files/shown.h"

#include "guest/files/walk.h"
#include "util/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTES_ROOM 600u              /* characters that are kept for the notes */
#define REPORT_ROOM (3u << 20)       /* bytes of the report that entries may take */
#define LIMIT_DEFAULT 50000u
#define TIME_MS 20000u

void csn_shown_begin(struct csn_shown *shown, struct csn_op *op) {
  uint64_t limit = csn_op_number(op, "output_limit", LIMIT_DEFAULT);
  *shown = (struct csn_shown){op, limit > 2 * NOTES_ROOM ? limit - NOTES_ROOM : limit / 2, false};
}

int64_t csn_shown_ends_at(const struct csn_op *op) {
  return csn_walk_clock() + (int64_t)csn_op_number(op, "time_ms", TIME_MS);
}

void csn_shown_note_late(struct csn_shown *shown) {
  csn_shown_note(shown, "stopped because it took too long; there may be more. Narrow the path.");
}

bool csn_shown_put(struct csn_shown *shown, const void *bytes, size_t n) {
  size_t characters = csn_utf8_count(bytes, n);
  if (shown->is_full || characters > shown->left) {
    shown->is_full = true;
    return false;
  }
  shown->left -= characters;
  return csn_op_put(shown->op, bytes, n) == 0;
}

void csn_shown_note(struct csn_shown *shown, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  csn_op_putf(shown->op, "[%s]\n", text);
}

bool csn_shown_has_report_room(const struct csn_shown *shown) {
  return shown->op->answer.text.size < REPORT_ROOM;
}

const char *csn_shown_relative(const struct csn_op *op, const char *path) {
  size_t n = strlen(op->base);
  if (strcmp(op->base, "/") == 0 || strncmp(path, op->base, n) != 0) return path;
  if (path[n] == '\0') return ".";
  return path[n] == '/' ? path + n + 1 : path;
}

void csn_shown_add_name(struct csn_buffer *line, const char *name) {
  for (;;) {
    size_t plain = 0;
    while ((unsigned char)name[plain] >= 0x20 && name[plain] != 0x7f) plain++;
    csn_buffer_add(line, name, plain);
    name += plain;
    if (*name == '\0') return;
    if (*name == '\n')
      csn_buffer_addz(line, "\\n");
    else if (*name == '\t')
      csn_buffer_addz(line, "\\t");
    else
      csn_buffer_addf(line, "\\x%02x", (unsigned char)*name);
    name++;
  }
}

void csn_shown_time(time_t time, char out[CSN_SHOWN_TIME_SIZE]) {
  struct tm parts;
  if (gmtime_r(&time, &parts) == NULL ||
      strftime(out, CSN_SHOWN_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
    snprintf(out, CSN_SHOWN_TIME_SIZE, "?");
}
