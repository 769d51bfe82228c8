/* SPDX-License-Identifier: Apache-2.0 */
#include "util/ascii.h"

#include <stdio.h>
#include <string.h>

char csn_ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int csn_ascii_begins(const char *text, const char *with) {
  while (*with && csn_ascii_lower(*text) == csn_ascii_lower(*with)) {
    text++;
    with++;
  }
  return !*with;
}

int csn_ascii_equal(const char *a, const char *b) {
  return strlen(a) == strlen(b) && csn_ascii_begins(a, b);
}

int csn_ascii_holds(const char *text, const char *words) {
  do {
    if (csn_ascii_begins(text, words)) return 1;
  } while (*text++);
  return 0;
}

/* Whatever stands between the digits is the locale's decimal point, of one byte or several. */
const char *csn_ascii_number(double value, char out[CSN_ASCII_NUMBER]) {
  char text[CSN_ASCII_NUMBER];
  size_t n = 0;
  snprintf(text, sizeof text, "%.15g", value);
  for (const char *p = text; *p; p++) {
    if (strchr("0123456789+-e", *p))
      out[n++] = *p;
    else if (n == 0 || out[n - 1] != '.')
      out[n++] = '.';
  }
  out[n] = '\0';
  return out;
}
