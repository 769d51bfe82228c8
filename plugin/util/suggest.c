/* SPDX-License-Identifier: Apache-2.0 */
/* See suggest.h. */
#include "util/suggest.h"

#include <string.h>

#include "util/ascii.h"

/* Longer names are not compared: nobody mistypes them, and the tables below stay small. */
#define LENGTH_MAX 48

static unsigned min3(unsigned a, unsigned b, unsigned c) {
  unsigned m = a < b ? a : b;
  return m < c ? m : c;
}

static char fold(char c) {
  return c == '-' || c == '.' || c == ' ' ? '_' : csn_ascii_lower(c);
}

/* Edits between two words, a swap of neighbours counted as one (optimal string alignment). Bytes hold
 * them, and the host's thread may have a small stack. */
static size_t distance(const char *a, const char *b) {
  size_t na = strlen(a), nb = strlen(b);
  unsigned char d[LENGTH_MAX + 1][LENGTH_MAX + 1];
  for (size_t i = 0; i <= na; i++) d[i][0] = (unsigned char)i;
  for (size_t j = 0; j <= nb; j++) d[0][j] = (unsigned char)j;
  for (size_t i = 1; i <= na; i++) {
    for (size_t j = 1; j <= nb; j++) {
      char x = fold(a[i - 1]), y = fold(b[j - 1]);
      unsigned least = min3(d[i - 1][j] + 1u, d[i][j - 1] + 1u, d[i - 1][j - 1] + (unsigned)(x != y));
      int swapped = i > 1 && j > 1 && x == fold(b[j - 2]) && fold(a[i - 2]) == y;
      if (swapped && d[i - 2][j - 2] + 1u < least) least = d[i - 2][j - 2] + 1u;
      d[i][j] = (unsigned char)least;
    }
  }
  return d[na][nb];
}

/* All letters of `shorter` stand in `longer` in their order, the first one first: "cmd" for
 * "command", "timeout" for "timeout_ms". */
static int abbreviates(const char *shorter, const char *longer) {
  if (strlen(shorter) < 3 || fold(*shorter) != fold(*longer)) return 0;
  for (; *longer && *shorter; longer++)
    if (fold(*longer) == fold(*shorter)) shorter++;
  return !*shorter;
}

static size_t gap(const char *a, const char *b) {
  size_t na = strlen(a), nb = strlen(b);
  return na < nb ? nb - na : na - nb;
}

static const char *find_abbreviated(const char *word, const char *const *names, size_t count) {
  const char *nearest = NULL;
  for (size_t i = 0; i < count; i++) {
    int is_near = abbreviates(word, names[i]) || abbreviates(names[i], word);
    if (is_near && (!nearest || gap(word, names[i]) < gap(word, nearest))) nearest = names[i];
  }
  return nearest;
}

/* A third of the letters may be wrong. */
static const char *find_mistyped(const char *word, const char *const *names, size_t count) {
  size_t best = strlen(word) / 3 + 1;
  const char *nearest = NULL;
  for (size_t i = 0; i < count; i++) {
    size_t d = strlen(names[i]) <= LENGTH_MAX ? distance(word, names[i]) : best;
    if (d >= best) continue;
    best = d;
    nearest = names[i];
  }
  return nearest;
}

const char *csn_suggest(const char *word, const char *const *names, size_t count) {
  size_t length = strlen(word);
  if (!length || length > LENGTH_MAX) return NULL;
  /* "cmd" is one letter from "cwd", and means "command". */
  const char *name = find_abbreviated(word, names, count);
  return name ? name : find_mistyped(word, names, count);
}
