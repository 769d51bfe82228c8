/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: what a container, an engine or a user named may hold escape sequences that rewrite the
 * screen. Whatever is shown in a table or a message comes through here. */
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "ui.h"

/* The longest escape of one input byte is "\xNN"; of a code point "\u{2069}", from three bytes. */
#define ESCAPE_MAX 4

/* Returns how many bytes the code point at `s` takes, or 0 where that is not UTF-8. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *point) {
  static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
  if (len == 0 || len > n || s[0] > 0xf4)
    return 0;
  uint32_t value = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xc0) != 0x80)
      return 0;
    value = value << 6 | (s[i] & 0x3f);
  }
  if (value < lowest[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    return 0;
  *point = value;
  return len;
}

static bool is_control(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x61c ||
         (point >= 0x200e && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069);
}

char *csn_text_escape(const char *bytes, size_t n, bool keep_lines) {
  char *out = csn_must(malloc(n * ESCAPE_MAX + 1)), *to = out;
  const unsigned char *s = (const unsigned char *)bytes;
  for (size_t i = 0; i < n;) {
    uint32_t point = 0;
    size_t len = decode(s + i, n - i, &point);
    if (len > 0 && (!is_control(point) || (keep_lines && (point == '\n' || point == '\t')))) {
      memcpy(to, s + i, len);
      to += len;
    } else if (len > 1) {
      to += sprintf(to, "\\u{%x}", (unsigned)point);
    } else {
      to += sprintf(to, "\\x%02x", s[i]);
    }
    i += len > 0 ? len : 1;
  }
  *to = '\0';
  return out;
}

bool csn_text_is_utf8(const char *bytes, size_t n) {
  const unsigned char *s = (const unsigned char *)bytes;
  uint32_t point;
  for (size_t i = 0, len; i < n; i += len) {
    len = decode(s + i, n - i, &point);
    if (len == 0)
      return false;
  }
  return true;
}

/* Bytes at the end that begin a character and do not end it. */
static size_t unfinished(const unsigned char *s, size_t n) {
  for (size_t back = 1; back <= 3 && back <= n; back++) {
    unsigned char byte = s[n - back];
    if ((byte & 0xc0) == 0x80)
      continue;
    size_t wanted = byte < 0xc2 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 1;
    return wanted > back ? back : 0;
  }
  return 0;
}

char *csn_text_repair(const char *bytes, size_t n, size_t *rest) {
  static const char replacement[] = "\xef\xbf\xbd";
  const unsigned char *s = (const unsigned char *)bytes;
  size_t left = rest ? unfinished(s, n) : 0;
  char *out = csn_must(malloc((n - left) * 3 + 1)), *to = out;
  for (size_t i = 0; i < n - left;) {
    uint32_t point = 0;
    size_t len = decode(s + i, n - left - i, &point);
    bool good = len > 0 && point != 0;
    to = mempcpy(to, good ? bytes + i : replacement, good ? len : 3);
    i += len > 0 ? len : 1;
  }
  *to = '\0';
  if (rest)
    *rest = left;
  return out;
}

char *csn_text_line(const char *text) {
  return text ? csn_text_escape(text, strlen(text), false) : csn_must(strdup("-"));
}

/* Columns of one code point. Without a UTF-8 locale wcwidth knows none, and each counts as one. */
static size_t columns_of(uint32_t point) {
  int w = wcwidth((wchar_t)point);
  return w < 0 ? 1 : (size_t)w;
}

size_t csn_text_width(const char *utf8) {
  const unsigned char *s = (const unsigned char *)utf8;
  size_t n = strlen(utf8), width = 0;
  for (size_t i = 0; i < n;) {
    uint32_t point = 0;
    size_t len = decode(s + i, n - i, &point);
    width += len > 0 ? columns_of(point) : 1;
    i += len > 0 ? len : 1;
  }
  return width;
}

void csn_text_shorten(char *utf8, size_t columns) {
  const unsigned char *s = (const unsigned char *)utf8;
  size_t n = strlen(utf8), width = 0, cut = 0;
  if (csn_text_width(utf8) <= columns || columns < 3)
    return;
  for (size_t i = 0; i < n;) {
    uint32_t point = 0;
    size_t len = decode(s + i, n - i, &point);
    width += len > 0 ? columns_of(point) : 1;
    if (width > columns - 3)
      break;
    i += len > 0 ? len : 1;
    cut = i;
  }
  /* At least three columns, so three bytes, lie behind the cut. */
  memcpy(utf8 + cut, "...", 4);
}
