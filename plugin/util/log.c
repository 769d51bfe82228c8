/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h. Text may hold what a container said, so nothing of it reaches a terminal raw. */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

#define LINE_MAX_BYTES 2048

/* Control characters (C0, DEL and C1) and broken UTF-8 as \xNN, byte for byte. */
static size_t escape_into(char *out, size_t room, const unsigned char *text, size_t n) {
  size_t used = 0;
  for (size_t at = 0; at < n;) {
    size_t length = csn_utf8_span(text + at, n - at, 1);
    int is_c1 = length == 2 && text[at] == 0xc2 && text[at + 1] < 0xa0;
    int plain = text[at] >= 0x20 && text[at] != 0x7f && !is_c1 &&
                csn_utf8_is_valid(text + at, length);
    size_t need = plain ? length : 4 * length;
    if (need > room - used) break;
    for (size_t i = 0; i < length; i++) {
      if (plain) {
        out[used++] = (char)text[at + i];
      } else {
        snprintf(out + used, 5, "\\x%02x", text[at + i]);
        used += 4;
      }
    }
    at += length;
  }
  return used;
}

void csn_log(const struct csn_log *log, int32_t level, const char *fmt, ...) {
  if (!log || !log->sink) return;
  char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 1];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  if (n < 0) return;
  /* Cut text may end inside a character: the part that is left is escaped, not sent raw. */
  size_t used = escape_into(line, LINE_MAX_BYTES, (const unsigned char *)text, strlen(text));
  line[used] = '\0';
  log->sink(log->ctx, level, line, used);
}
