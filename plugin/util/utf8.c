/* SPDX-License-Identifier: Apache-2.0 */
/* See utf8.h. Everything is built on two steps: how far text is plain (valid, without NUL), and
 * how long the one broken piece is that follows. */
#include "util/utf8.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* What may follow a lead byte (the Unicode Standard, table 3-7): the range of the second byte
 * keeps out overlong forms, surrogates and what lies beyond U+10FFFF. */
struct lead {
  unsigned char first, last, length, low, high;
};
static const struct lead leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *find_lead(unsigned char c) {
  for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
    if (c >= leads[i].first && c <= leads[i].last) return &leads[i];
  return NULL;
}

/* The bytes of the character at p (n > 0); *valid says whether it is one or a broken piece. */
static size_t character(const unsigned char *p, size_t n, int *valid) {
  *valid = 1;
  if (p[0] < 0x80) return 1;
  const struct lead *lead = find_lead(p[0]);
  *valid = 0;
  if (!lead || n < 2 || p[1] < lead->low || p[1] > lead->high) return 1;
  size_t i = 2;
  while (i < lead->length && i < n && (p[i] & 0xc0) == 0x80) i++;
  *valid = i == lead->length;
  return i;
}

/* Eight bytes at once: true if none of them is NUL or above 0x7f. */
static int is_plain_word(const unsigned char *p) {
  uint64_t w;
  memcpy(&w, p, sizeof w);
  uint64_t has_zero = (w - UINT64_C(0x0101010101010101)) & ~w;
  return ((w | has_zero) & UINT64_C(0x8080808080808080)) == 0;
}

/* Walks over up to *characters characters while they are valid and, where NUL is to be found too,
 * not NUL. Returns the bytes walked and takes the characters off. */
static size_t walk_valid(const unsigned char *p, size_t n, int stop_at_nul, size_t *characters) {
  size_t at = 0, left = *characters;
  while (at < n && left > 0) {
    while (left >= 8 && n - at >= 8 && is_plain_word(p + at)) {
      at += 8;
      left -= 8;
    }
    if (at == n || left == 0) break;
    int valid;
    size_t length = character(p + at, n - at, &valid);
    if (!valid || (stop_at_nul && p[at] == 0)) break;
    at += length;
    left--;
  }
  *characters = left;
  return at;
}

size_t csn_utf8_valid_prefix(const void *bytes, size_t n) {
  size_t unlimited = SIZE_MAX;
  return walk_valid(bytes, n, 0, &unlimited);
}

int csn_utf8_is_valid(const void *bytes, size_t n) {
  return csn_utf8_valid_prefix(bytes, n) == n;
}

size_t csn_utf8_span(const void *bytes, size_t n, size_t characters) {
  const unsigned char *p = bytes;
  size_t at = 0;
  for (;;) {
    at += walk_valid(p + at, n - at, 0, &characters);
    if (at == n || characters == 0) return at;
    int valid;
    at += character(p + at, n - at, &valid);
    characters--;
  }
}

size_t csn_utf8_count(const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  size_t left = SIZE_MAX;
  for (size_t at = 0;;) {
    at += walk_valid(p + at, n - at, 0, &left);
    if (at == n) return SIZE_MAX - left;
    int valid;
    at += character(p + at, n - at, &valid);
    left--;
  }
}

size_t csn_utf8_resync(const void *bytes, size_t n) {
  /* A byte that continues nothing begins a character. After three that do, the fourth cannot
   * belong to a sequence that began before them: none is longer than four. */
  const unsigned char *p = bytes;
  size_t at = 0;
  while (at < n && at < 3 && (p[at] & 0xc0) == 0x80) at++;
  return at;
}

int csn_utf8_repair(const void *bytes, size_t n, struct csn_buffer *out) {
  const unsigned char *p = bytes;
  for (size_t at = 0; at < n;) {
    size_t unlimited = SIZE_MAX;
    size_t run = walk_valid(p + at, n - at, 1, &unlimited);
    int rc = csn_buffer_add(out, p + at, run);
    at += run;
    if (!rc && at < n) {
      int valid;
      at += character(p + at, n - at, &valid);
      rc = csn_buffer_add(out, REPLACEMENT, sizeof REPLACEMENT - 1);
    }
    if (rc) return rc;
  }
  return 0;
}

char *csn_utf8_repaired(const void *bytes, size_t n) {
  struct csn_buffer out = CSN_BUFFER(SIZE_MAX / 2);
  if (csn_utf8_repair(bytes, n, &out)) {
    csn_buffer_free(&out);
    return NULL;
  }
  return csn_buffer_steal(&out);
}
