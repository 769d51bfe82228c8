/* SPDX-License-Identifier: Apache-2.0 */
/* See base64.h. */
#include "util/base64.h"

#include <stdint.h>
#include <string.h>

#include "util/alloc.h"

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
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

char *csn_base64_decode(const char *text, size_t *n) {
  size_t size = strlen(text), used = 0;
  while (size > 0 && text[size - 1] == '=') size--;
  char *bytes = csn_alloc(size / 4 * 3 + 4);
  uint32_t group = 0;
  unsigned bits = 0;
  for (size_t i = 0; bytes && i < size; i++) {
    int value = value_of(text[i]);
    if (value < 0) {
      csn_free(bytes);
      return NULL;
    }
    group = group << 6 | (uint32_t)value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[used++] = (char)(group >> bits & 0xff);
  }
  if (!bytes) return NULL;
  bytes[used] = '\0';
  *n = used;
  return bytes;
}
