/* SPDX-License-Identifier: Apache-2.0 */
/* See base64.h. */
#include "util/base64.h"

#include <stdint.h>
#include <string.h>

#include "util/alloc.h"
#include "util/error.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *csn_base64(const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  if (n > SIZE_MAX / 4 * 3 - 4) return NULL;
  char *text = csn_alloc((n + 2) / 3 * 4 + 1), *to = text;
  if (!text) return NULL;
  for (size_t i = 0; i < n; i += 3) {
    size_t left = n - i;
    uint32_t group = (uint32_t)p[i] << 16;
    if (left > 1) group |= (uint32_t)p[i + 1] << 8;
    if (left > 2) group |= p[i + 2];
    *to++ = digits[group >> 18];
    *to++ = digits[group >> 12 & 63];
    *to++ = left > 1 ? digits[group >> 6 & 63] : '=';
    *to++ = left > 2 ? digits[group & 63] : '=';
  }
  *to = '\0';
  return text;
}

static int value_of(char c) {
  const char *at = memchr(digits, c, sizeof digits - 1);
  return at ? (int)(at - digits) : -1;
}

int csn_base64_decode(const char *text, char **out, size_t *n) {
  size_t size = strlen(text), used = 0;
  *out = NULL;
  while (size > 0 && text[size - 1] == '=') size--;
  char *bytes CSN_CLEANUP_FREE = csn_alloc(size / 4 * 3 + 4);
  if (!bytes) return CAISSON_E_NOMEM;
  uint32_t group = 0;
  unsigned bits = 0;
  for (size_t i = 0; i < size; i++) {
    int value = value_of(text[i]);
    if (value < 0) return -1;
    group = group << 6 | (uint32_t)value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[used++] = (char)(group >> bits & 0xff);
  }
  bytes[used] = '\0';
  *n = used;
  *out = CSN_STEAL(bytes);
  return 0;
}
