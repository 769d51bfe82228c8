/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/release.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define DIGITS "0123456789"
#define NUMBER_MAX 99999999

/* The number at *text, which moves behind it; -1 where there is none that anybody would give. */
static int read_number(const char **text) {
  int number = 0;
  size_t n = strspn(*text, DIGITS);
  if (n == 0) return -1;
  for (size_t i = 0; i < n; i++) {
    number = number * 10 + ((*text)[i] - '0');
    if (number > NUMBER_MAX) return -1;
  }
  *text += n;
  return number;
}

/* ".n" at *text; -1 where there is none. */
static int read_further(const char **text) {
  if (**text != '.') return -1;
  const char *rest = *text + 1;
  int number = read_number(&rest);
  if (number >= 0) *text = rest;
  return number;
}

/* What is no "rc" but comes before a release all the same is below the first of them. */
static int read_candidate(const char *text) {
  if (*text != '-' && *text != '~') return INT_MAX;
  text++;
  if (strncmp(text, "alpha", 5) == 0 || strncmp(text, "beta", 4) == 0) return 0;
  if (strncmp(text, "rc", 2) != 0) return INT_MAX;
  text += 2;
  text += strspn(text, ".-");
  int number = read_number(&text);
  return number < 0 ? 0 : number;
}

static int read_at(const char *text, struct csn_release *release) {
  release->major = read_number(&text);
  release->minor = release->major < 0 ? -1 : read_further(&text);
  if (release->minor < 0) return -1;
  int patch = read_further(&text);
  release->patch = patch < 0 ? 0 : patch;
  release->candidate = read_candidate(text);
  return 0;
}

int csn_release_read(const char *text, struct csn_release *release) {
  while (*(text += strcspn(text, DIGITS))) {
    if (read_at(text, release) == 0) return 0;
    text += strspn(text, DIGITS);
  }
  return -1;
}

int csn_release_compare(const struct csn_release *a, const struct csn_release *b) {
  const int pairs[][2] = {{a->major, b->major},
                          {a->minor, b->minor},
                          {a->patch, b->patch},
                          {a->candidate, b->candidate}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (pairs[i][0] != pairs[i][1]) return pairs[i][0] < pairs[i][1] ? -1 : 1;
  return 0;
}
