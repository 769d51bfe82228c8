/* SPDX-License-Identifier: Apache-2.0 */
/* See upload_name.h. */
#include "tools/upload_name.h"

#include <stdint.h>
#include <string.h>

#include "util/utf8.h"

#define NAME_MAX_BYTES ((size_t)CSN_UPLOAD_NAME_SIZE - 1)
#define EXTENSION_MAX ((size_t)32)
#define LONGEST ((size_t)4096) /* bytes looked at, from the end */

/* What people see as something else than it is, or do not see. */
static const struct {
  uint32_t first, last;
} unwanted[] = {{0x0, 0x1f},       {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
                {0x200b, 0x200f},  {0x2028, 0x202e}, {0x2060, 0x2069}, {0xfeff, 0xfeff},
                {0xfff9, 0xfffd}};

/* The code point of a valid sequence. */
static uint32_t decode(const char *p, size_t n) {
  static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t c = (unsigned char)p[0] & masks[n];
  for (size_t i = 1; i < n; i++) c = c << 6 | ((unsigned char)p[i] & 0x3f);
  return c;
}

static int is_unwanted(uint32_t c) {
  for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
    if (c >= unwanted[i].first && c <= unwanted[i].last) return 1;
  return 0;
}

/* Only whole and welcome characters; what is broken goes. Returns the size. */
static size_t keep_welcome(const char *name, size_t size, char *out) {
  size_t used = 0, at = 0;
  while (at < size) {
    size_t n = csn_utf8_span(name + at, size - at, 1);
    int is_whole = csn_utf8_is_valid(name + at, n);
    if (is_whole && !is_unwanted(decode(name + at, n))) {
      memcpy(out + used, name + at, n);
      used += n;
    }
    at += n;
  }
  return used;
}

static int is_edge(char c) {
  return c == ' ' || c == '.';
}

/* Blanks and dots at the ends; a leading dot of ".profile" is part of the name. */
static const char *trim(const char *name, size_t *size) {
  size_t n = *size;
  while (n > 0 && is_edge(name[n - 1])) n--;
  size_t start = 0;
  while (start < n && is_edge(name[start])) start++;
  if (start > 0 && name[start - 1] == '.') start--;
  *size = n - start;
  return name + start;
}

static size_t extension_at(const char *name, size_t size) {
  for (size_t i = size; i > 1 && size - i < EXTENSION_MAX; i--)
    if (name[i - 1] == '.') return i - 1;
  return size;
}

/* Shortens the part before the extension, at a character's beginning. */
static void fit(const char *name, size_t size, char out[CSN_UPLOAD_NAME_SIZE]) {
  size_t dot = size > NAME_MAX_BYTES ? extension_at(name, size) : size;
  size_t tail = size - dot, stem = NAME_MAX_BYTES - tail;
  if (stem > dot) stem = dot;
  while (stem > 0 && stem < dot && ((unsigned char)name[stem] & 0xc0) == 0x80) stem--;
  memcpy(out, name, stem);
  memcpy(out + stem, name + dot, tail);
  out[stem + tail] = '\0';
  /* The cut may have laid a blank or a dot bare. */
  for (size_t n = stem + tail; n > 0 && is_edge(out[n - 1]); n--) out[n - 1] = '\0';
}

void csn_upload_name(const char *name, size_t size, char out[CSN_UPLOAD_NAME_SIZE]) {
  char clean[LONGEST];
  size_t start = size;
  while (start > 0 && name[start - 1] != '/' && name[start - 1] != '\\') start--;
  if (size - start > LONGEST) {
    start = size - LONGEST;
    start += csn_utf8_resync(name + start, size - start);
  }
  size_t n = keep_welcome(name + start, size - start, clean);
  const char *trimmed = trim(clean, &n);
  fit(trimmed, n, out);
  if (out[0] == '\0') strcpy(out, "upload");
}
