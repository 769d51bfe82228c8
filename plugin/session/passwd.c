/* SPDX-License-Identifier: Apache-2.0 */
#include "session/passwd.h"

#include <string.h>

int csn_passwd_number(const char *text, size_t n, uint32_t *number) {
  uint32_t value = 0;
  if (n < 1 || n > 10) return -1;
  for (size_t i = 0; i < n; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    uint32_t digit = (uint32_t)(text[i] - '0');
    if (value > (INT32_MAX - digit) / 10) return -1;
    value = value * 10 + digit;
  }
  *number = value;
  return 0;
}

struct field {
  const char *text;
  size_t n;
};

/* name:password:uid:gid[:...]; 0 or -1. */
static int split(const char *line, size_t n, struct field fields[4]) {
  for (int i = 0; i < 4; i++) {
    const char *colon = memchr(line, ':', n);
    if (!colon && i < 3) return -1;
    fields[i].text = line;
    fields[i].n = colon ? (size_t)(colon - line) : n;
    size_t used = colon ? fields[i].n + 1 : n;
    line += used;
    n -= used;
  }
  return 0;
}

static int matches(const char *line, size_t n, const char *user, uint32_t *uid, uint32_t *gid) {
  struct field f[4];
  uint32_t u, g, wanted;
  if (split(line, n, f) != 0 || csn_passwd_number(f[2].text, f[2].n, &u) != 0 ||
      csn_passwd_number(f[3].text, f[3].n, &g) != 0)
    return 0;
  int is_number = csn_passwd_number(user, strlen(user), &wanted) == 0;
  int is_it = is_number ? u == wanted
                        : f[0].n == strlen(user) && memcmp(f[0].text, user, f[0].n) == 0;
  if (!is_it) return 0;
  *uid = u;
  *gid = g;
  return 1;
}

int csn_passwd_find(const char *text, size_t n, const char *user, uint32_t *uid, uint32_t *gid) {
  while (n > 0) {
    const char *end = memchr(text, '\n', n);
    size_t length = end ? (size_t)(end - text) : n;
    if (matches(text, length, user, uid, gid)) return 1;
    size_t used = end ? length + 1 : length;
    text += used;
    n -= used;
  }
  return 0;
}
