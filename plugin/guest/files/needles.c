/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for several texts at once: see needles.h. A block of places is compared with two bytes of
 * each text; where both agree, the whole is compared. Vectors are the compiler's, so that no
 * processor is named here.
 */
#include "guest/files/needles.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 16u

typedef unsigned char bytes16 __attribute__((vector_size(16)));
typedef uint64_t words16 __attribute__((vector_size(16)));

static bytes16 load(const char *at) {
  bytes16 block;
  memcpy(&block, at, sizeof block);
  return block;
}

static bytes16 spread(unsigned char byte) {
  return (bytes16){0} + byte;
}

static bool is_any(bytes16 block) {
  words16 words = (words16)block;
  return (words[0] | words[1]) != 0;
}

/* ---- preparing ----------------------------------------------------------------------------- */

/* Bytes of usual texts, the most frequent first; those that are not here are rarer. */
static size_t rarity(unsigned char c) {
  static const char frequent[] =
      " etaonisrlhdcumpfgy_bw,.v-\"()\n=;/:kx0'*1\t2TSCEAIRNDPLM><jqz#OF{}B3[]U54876G9";
  const char *at = c != '\0' ? strchr(frequent, c) : NULL;
  return at != NULL ? (size_t)(at - frequent) : sizeof frequent;
}

static void prepare(struct csn_needle *needle, const struct csn_literal *literal, bool fold) {
  size_t first = 0, second = literal->size > 1 ? 1 : 0;
  for (size_t i = 1; i < literal->size; i++) {
    if (rarity(literal->bytes[i]) > rarity(literal->bytes[first])) {
      second = first;
      first = i;
    } else if (i != first && rarity(literal->bytes[i]) > rarity(literal->bytes[second])) {
      second = i;
    }
  }
  if (second == first && literal->size > 1) second = first == 0 ? 1 : 0;
  needle->offsets[0] = first;
  needle->offsets[1] = second;
  for (int i = 0; i < 2; i++) {
    needle->bytes[i] = literal->bytes[needle->offsets[i]];
    needle->fold[i] = fold && isalpha(needle->bytes[i]) ? 0x20 : 0;
  }
}

void csn_needles_begin(struct csn_needles *needles, const struct csn_literals *literals,
                       bool fold) {
  *needles = (struct csn_needles){.literals = literals, .fold = fold};
  for (size_t i = 0; i < literals->count; i++) {
    prepare(&needles->items[i], &literals->items[i], fold);
    if (literals->items[i].size > needles->longest) needles->longest = literals->items[i].size;
  }
}

/* ---- looking ------------------------------------------------------------------------------- */

static bool is_here(const struct csn_literal *literal, bool fold, const char *at) {
  if (!fold) return memcmp(literal->bytes, at, literal->size) == 0;
  for (size_t i = 0; i < literal->size; i++) {
    unsigned char c = (unsigned char)at[i];
    if (literal->bytes[i] != (c >= 'A' && c <= 'Z' ? c | 0x20 : c)) return false;
  }
  return true;
}

static bool is_any_here(const struct csn_needles *needles, const char *at, const char *end,
                        size_t *found) {
  for (size_t i = 0; i < needles->literals->count; i++) {
    const struct csn_literal *literal = &needles->literals->items[i];
    if ((size_t)(end - at) < literal->size || !is_here(literal, needles->fold, at)) continue;
    *found = literal->size;
    return true;
  }
  return false;
}

/* The needle as vectors, so that the loop has nothing else to do. */
struct vectors {
  bytes16 bytes[2], fold[2];
  size_t offsets[2];
};

static bytes16 compare(const struct vectors *v, const char *at) {
  bytes16 first = (load(at + v->offsets[0]) | v->fold[0]) == v->bytes[0];
  bytes16 second = (load(at + v->offsets[1]) | v->fold[1]) == v->bytes[1];
  return first & second;
}

/* The first block in which something may be, or where it had to stop for the end. */
static const char *skip(const struct vectors *v, size_t count, const char *at, const char *end) {
  if (count == 1) {
    while (at < end && !is_any(compare(v, at))) at += BLOCK;
    return at;
  }
  for (; at < end; at += BLOCK) {
    bytes16 any = compare(&v[0], at);
    for (size_t i = 1; i < count; i++) any |= compare(&v[i], at);
    if (is_any(any)) return at;
  }
  return at;
}

const char *csn_needles_find(const struct csn_needles *needles, const char *at, const char *end,
                             size_t *found) {
  struct vectors vectors[CSN_LITERALS_MAX];
  size_t count = needles->literals->count, reach = needles->longest + BLOCK;
  if (count == 0) return NULL;
  for (size_t i = 0; i < count; i++) {
    const struct csn_needle *needle = &needles->items[i];
    for (int j = 0; j < 2; j++) {
      vectors[i].bytes[j] = spread(needle->bytes[j]);
      vectors[i].fold[j] = spread(needle->fold[j]);
      vectors[i].offsets[j] = needle->offsets[j];
    }
  }
  const char *last = (size_t)(end - at) >= reach ? end - reach + 1 : at;
  while ((at = skip(vectors, count, at, last)) < last) {
    for (size_t i = 0; i < BLOCK; i++) {
      if (is_any_here(needles, at + i, end, found)) return at + i;
    }
    at += BLOCK;
  }
  for (; at < end; at++) {
    if (is_any_here(needles, at, end, found)) return at;
  }
  return NULL;
}

size_t csn_needles_count(const char *at, const char *end, unsigned char byte) {
  size_t count = 0;
  const bytes16 wanted = spread(byte);
  while ((size_t)(end - at) >= BLOCK) {
    size_t blocks = (size_t)(end - at) / BLOCK;
    if (blocks > 255) blocks = 255;
    bytes16 sums = {0};
    for (size_t i = 0; i < blocks; i++, at += BLOCK) sums -= (bytes16)(load(at) == wanted);
    for (size_t i = 0; i < BLOCK; i++) count += sums[i];
  }
  for (; at < end; at++) count += (unsigned char)*at == byte;
  return count;
}
