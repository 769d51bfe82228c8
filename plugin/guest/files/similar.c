/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most similar lines: see similar.h. First by whole lines that are the same but for blanks at
 * their ends; where too few are, by the pairs of letters that lines have in common (Dice's
 * coefficient over bigrams), for the longest lines of the pattern.
 */
#include "guest/files/similar.h"

#include <stdbool.h>
#include <string.h>

#define TEXT_MAX (8u << 20)   /* bytes of the text */
#define LINES_MAX 64u         /* of the pattern */
#define KEYS 4u               /* its lines that are compared by letters */

struct line {
  const char *text;
  size_t n;
  uint64_t hash;
};

struct pattern {
  struct line lines[LINES_MAX];
  size_t count;
  uint64_t weight;   /* of all lines */
};

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the next line off the text, without blanks at its ends. */
static struct line next_line(const char **text, const char *end) {
  const char *from = *text, *newline = memchr(from, '\n', (size_t)(end - from));
  const char *to = newline != NULL ? newline : end;
  *text = newline != NULL ? newline + 1 : end;
  while (from < to && is_blank(*from)) from++;
  while (from < to && is_blank(to[-1])) to--;
  struct line line = {from, (size_t)(to - from), 14695981039346656037ull};   /* FNV-1a */
  for (; from < to; from++) line.hash = (line.hash ^ (unsigned char)*from) * 1099511628211ull;
  return line;
}

static void take_pattern(struct pattern *p, const char *text, size_t n) {
  const char *end = text + n;
  p->count = 0;
  p->weight = 0;
  while (text < end && p->count < LINES_MAX) {
    p->lines[p->count] = next_line(&text, end);
    p->weight += p->lines[p->count++].n;
  }
}

/* ---- by whole lines -------------------------------------------------------------------------- */

/* The window with the most letters in lines that are the same; its weight in *best. */
static uint64_t find_by_lines(const char *text, size_t n, const struct pattern *p, uint64_t *best) {
  uint64_t scores[LINES_MAX] = {0}, found = 0;
  const char *end = text + n;
  *best = 0;
  /* Line i of the text as line j of the pattern speaks for a window that begins at i - j. */
  for (uint64_t i = 1; text < end; i++) {
    struct line line = next_line(&text, end);
    scores[i % LINES_MAX] = 0;
    for (size_t j = 0; j < p->count && j < i; j++) {
      if (line.n == 0 || line.hash != p->lines[j].hash || line.n != p->lines[j].n) continue;
      uint64_t *score = &scores[(i - j) % LINES_MAX];
      *score += line.n;
      if (*score > *best) {
        *best = *score;
        found = i - j;
      }
    }
  }
  return found;
}

/* ---- by pairs of letters --------------------------------------------------------------------- */

struct key {
  size_t line;   /* of the pattern */
  size_t n;
  unsigned char pairs[65536 / 8];
};

static unsigned pair_at(const char *text) {
  return (unsigned)(unsigned char)text[0] << 8 | (unsigned char)text[1];
}

static void take_key(struct key *key, const struct pattern *p, size_t line) {
  key->line = line;
  key->n = p->lines[line].n;
  memset(key->pairs, 0, sizeof key->pairs);
  for (size_t i = 0; i + 1 < key->n; i++) {
    unsigned pair = pair_at(p->lines[line].text + i);
    key->pairs[pair >> 3] |= (unsigned char)(1u << (pair & 7));
  }
}

/* The longest lines of the pattern; returns how many. */
static size_t take_keys(struct key keys[KEYS], const struct pattern *p) {
  bool taken[LINES_MAX] = {false};
  size_t count = 0;
  while (count < KEYS) {
    size_t longest = LINES_MAX;
    for (size_t j = 0; j < p->count; j++) {
      bool is_longer = longest == LINES_MAX || p->lines[j].n > p->lines[longest].n;
      if (!taken[j] && p->lines[j].n >= 4 && is_longer) longest = j;
    }
    if (longest == LINES_MAX) break;
    taken[longest] = true;
    take_key(&keys[count++], p, longest);
  }
  return count;
}

/* In thousandths. */
static unsigned likeness(const struct key *key, const struct line *line) {
  size_t shared = 0, most = key->n - 1;
  for (size_t i = 0; i + 1 < line->n; i++) {
    unsigned pair = pair_at(line->text + i);
    shared += key->pairs[pair >> 3] >> (pair & 7) & 1;
  }
  if (shared > most) shared = most;
  return (unsigned)(2000 * shared / (most + (line->n > 1 ? line->n - 1 : 0)));
}

static uint64_t find_by_letters(const char *text, size_t n, const struct pattern *p) {
  struct key keys[KEYS];
  size_t count = take_keys(keys, p);
  const char *end = text + n;
  unsigned best = 499;   /* half of it, at least */
  uint64_t found = 0;
  for (uint64_t i = 1; text < end; i++) {
    struct line line = next_line(&text, end);
    for (size_t k = 0; k < count; k++) {
      unsigned score = likeness(&keys[k], &line);
      if (score <= best) continue;
      best = score;
      found = i > keys[k].line ? i - keys[k].line : 1;
    }
  }
  return found;
}

uint64_t csn_similar_find(const char *text, size_t n, const char *pattern, size_t pattern_size) {
  struct pattern p;
  uint64_t weight;
  if (n > TEXT_MAX) n = TEXT_MAX;
  if (pattern_size > TEXT_MAX / 8) pattern_size = TEXT_MAX / 8;
  take_pattern(&p, pattern, pattern_size);
  uint64_t by_lines = find_by_lines(text, n, &p, &weight);
  if (3 * weight >= p.weight && by_lines > 0) return by_lines;
  uint64_t by_letters = find_by_letters(text, n, &p);
  return by_letters > 0 ? by_letters : by_lines;
}
