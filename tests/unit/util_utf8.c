/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 against a reference that knows only how code points are encoded: from all encodings it
 * learns which bytes begin a character, and so what the longest broken piece is. */
#include "util/utf8.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"

/* ---- the reference --------------------------------------------------------------------------- */

static unsigned char whole1[1 << 5], whole2[1 << 13], whole3[1 << 21];
static unsigned char begin1[1 << 5], begin2[1 << 13], begin3[1 << 21];

static void put_bit(unsigned char *bits, size_t i) {
  bits[i / 8] = (unsigned char)(bits[i / 8] | 1U << i % 8);
}

static int has_bit(const unsigned char *bits, size_t i) {
  return bits[i / 8] >> i % 8 & 1;
}

static size_t index_of(const unsigned char *p, size_t n) {
  size_t i = 0;
  while (n--) i = i << 8 | *p++;
  return i;
}

static size_t encode(unsigned c, unsigned char out[4]) {
  if (c < 0x80) {
    out[0] = (unsigned char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = n; i-- > 1; c >>= 6) out[i] = (unsigned char)(0x80 | (c & 0x3f));
  out[0] = (unsigned char)(leads[n] | c);
  return n;
}

static void learn(void) {
  for (unsigned c = 0; c <= 0x10ffff; c++) {
    unsigned char s[4];
    if (c >= 0xd800 && c < 0xe000) continue;
    size_t n = encode(c, s);
    if (n == 1) put_bit(whole1, index_of(s, 1));
    if (n == 2) put_bit(whole2, index_of(s, 2));
    if (n == 3) put_bit(whole3, index_of(s, 3));
    if (n > 1) put_bit(begin1, index_of(s, 1));
    if (n > 2) put_bit(begin2, index_of(s, 2));
    if (n > 3) put_bit(begin3, index_of(s, 3));
  }
}

/* A sequence of four is whole when its first three begin one: any continuation ends it. */
static size_t ref_character(const unsigned char *p, size_t n, int *valid) {
  *valid = 1;
  if (has_bit(whole1, index_of(p, 1))) return 1;
  if (n >= 2 && has_bit(whole2, index_of(p, 2))) return 2;
  if (n >= 3 && has_bit(whole3, index_of(p, 3))) return 3;
  if (n >= 4 && has_bit(begin3, index_of(p, 3)) && (p[3] & 0xc0) == 0x80) return 4;
  *valid = 0;
  if (n >= 3 && has_bit(begin3, index_of(p, 3))) return 3;
  if (n >= 2 && has_bit(begin2, index_of(p, 2))) return 2;
  return 1;
}

struct ref {
  size_t count, bounds[64]; /* bounds[i]: where character i begins; one more for the end */
  char text[256];
  size_t size;
  int all_valid;
};

static void ref_walk(const unsigned char *p, size_t n, struct ref *r) {
  memset(r, 0, sizeof *r);
  r->all_valid = 1;
  for (size_t at = 0; at < n;) {
    int valid;
    size_t k = ref_character(p + at, n - at, &valid);
    r->bounds[r->count++] = at;
    r->all_valid &= valid;
    valid = valid && p[at] != 0;
    memcpy(r->text + r->size, valid ? (const char *)p + at : "\xef\xbf\xbd", valid ? k : 3);
    r->size += valid ? k : 3;
    at += k;
  }
  r->bounds[r->count] = n;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int same_resync(const unsigned char *p, size_t n, const struct ref *r) {
  for (size_t cut = 0; cut <= n; cut++) {
    size_t at = cut + csn_utf8_resync(p + cut, n - cut);
    size_t i = 0;
    while (r->bounds[i] < at) i++;
    /* Fewer than three bytes at the very end may all be left out. */
    if (r->bounds[i] != at || at - cut > 3) return 0;
  }
  return 1;
}

static int same(const unsigned char *p, size_t n) {
  struct ref r;
  ref_walk(p, n, &r);
  if (csn_utf8_is_valid(p, n) != r.all_valid || csn_utf8_count(p, n) != r.count) return 0;
  for (size_t i = 0; i <= r.count; i++)
    if (csn_utf8_span(p, n, i) != r.bounds[i]) return 0;
  if (csn_utf8_span(p, n, r.count + 1) != n || !same_resync(p, n, &r)) return 0;
  char *text = csn_utf8_repaired(p, n);
  int equal = text && strlen(text) == r.size && memcmp(text, r.text, r.size) == 0 &&
              csn_utf8_is_valid(text, r.size);
  csn_free(text);
  return equal;
}

static const unsigned char telling[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
                                        0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec,
                                        0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};

static void test_exhaustive(void) {
  long wrong = 0;
  unsigned char s[4];
  for (unsigned i = 0; i < 65536; i++) {
    s[0] = (unsigned char)(i >> 8);
    s[1] = (unsigned char)i;
    wrong += !same(s, 2) + !same(s + 1, 1);
  }
  is_int(wrong, 0, "every string of one and of two bytes");
  wrong = 0;
  size_t k = sizeof telling;
  for (size_t i = 0; i < k * k * k * k; i++) {
    s[0] = telling[i % k];
    s[1] = telling[i / k % k];
    s[2] = telling[i / k / k % k];
    s[3] = telling[i / k / k / k];
    wrong += !same(s, 4);
  }
  is_int(wrong, 0, "every string of four bytes that are at the edge of some rule");
}

static uint64_t random_state = 88172645463325252U;
static unsigned next_random(unsigned below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 33) % below;
}

static void test_random(void) {
  long wrong = 0;
  for (int round = 0; round < 100000; round++) {
    unsigned char s[60];
    size_t n = next_random(sizeof s + 1);
    unsigned broken = next_random(4);
    /* Runs of plain text, so that the steps of eight bytes meet every edge. */
    for (size_t i = 0; i < n; i++)
      s[i] = next_random(4) < broken ? telling[next_random(sizeof telling)] : 'a';
    wrong += !same(s, n);
  }
  is_int(wrong, 0, "random mixtures of plain and broken text");
}

static void test_examples(void) {
  static const struct {
    const char *bytes, *text;
  } rows[] = {
      {"\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64",
       "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" "b\xef\xbf\xbd" "c\xef\xbf\xbd\xef\xbf\xbd" "d"},
      {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
       "\xef\xbf\xbd" "A"},
      {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41",
       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" "A"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *text = csn_utf8_repaired(rows[i].bytes, strlen(rows[i].bytes));
    is_str(text, rows[i].text, "the Unicode Standard's example %zu (tables 3-8 to 3-11)", i + 1);
    csn_free(text);
  }
  char *text = csn_utf8_repaired("a\0b", 3);
  is_str(text, "a\xef\xbf\xbd" "b", "NUL is replaced");
  csn_free(text);
  is_int(csn_utf8_is_valid("a\0b", 3), 1, "though it is valid");
  is_int(csn_utf8_valid_prefix("ab\xff" "cd", 5), 2, "the flaw is after two bytes");
}

static void test_failing(void) {
  struct csn_buffer small = CSN_BUFFER(4);
  is_int(csn_utf8_repair("abc\xff", 4, &small), CAISSON_E_LIMIT, "no more than the buffer takes");
  csn_buffer_free(&small);
  csn_alloc_fail_after(1);
  ok(!csn_utf8_repaired("abc", 3), "no memory");
  csn_alloc_fail_after(0);
}

int main(void) {
  learn();
  test_exhaustive();
  test_random();
  test_examples();
  test_failing();
  return done_testing();
}
