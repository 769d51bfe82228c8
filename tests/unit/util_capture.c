/* SPDX-License-Identifier: Apache-2.0 */
/* The head and tail of a stream, against one that keeps everything and looks at it at the end. */
#include "util/capture.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/utf8.h"

static uint64_t random_state = 88172645463325252U;
static unsigned next_random(unsigned below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 33) % below;
}

/* ---- the reference --------------------------------------------------------------------------- */

struct expected {
  struct csn_buffer text;
  size_t gap;
  uint64_t omitted;
};

static void expect(const unsigned char *bytes, size_t n, size_t limit, struct expected *e) {
  size_t count = csn_utf8_count(bytes, n), tail = limit / 2, head = limit - tail;
  size_t first = count <= limit ? n : csn_utf8_span(bytes, n, head);
  size_t last = count <= limit ? n : csn_utf8_span(bytes, n, count - tail);
  *e = (struct expected){CSN_BUFFER(1 << 20), 0, last - first};
  csn_utf8_repair(bytes, first, &e->text);
  e->gap = e->text.size;
  csn_utf8_repair(bytes + last, n - last, &e->text);
}

static int is_as_expected(const struct csn_capture *c, const unsigned char *bytes, size_t n,
                          size_t limit) {
  struct expected e;
  struct csn_capture_text got;
  expect(bytes, n, limit, &e);
  int same = csn_capture_text(c, limit, &got) == 0;
  if (same) {
    same = got.size == e.text.size && got.gap == e.gap && got.omitted == e.omitted &&
           memcmp(got.text, csn_buffer_text(&e.text), got.size) == 0 && got.text[got.size] == 0 &&
           csn_utf8_count(got.text, got.size) <= limit;
    csn_free(got.text);
  }
  csn_buffer_free(&e.text);
  return same && c->total == n;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static size_t make_bytes(unsigned char *out, size_t max) {
  static const char *const pieces[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff",
                                       "\x80", "\xe2\x82", "\xf0\x9f", "\xf0\x9f\x98", "\n"};
  unsigned kinds = 1 + next_random(10), offset = next_random(10);
  size_t n = 0, end = next_random((unsigned)max - 4);
  while (n < end) {
    const char *piece = pieces[(offset + next_random(kinds)) % 10];
    memcpy(out + n, piece, strlen(piece));
    n += strlen(piece);
  }
  return n;
}

static void test_random(void) {
  static unsigned char bytes[3000];
  long wrong = 0, cut = 0;
  for (int round = 0; round < 10000; round++) {
    size_t limit = next_random(round % 2 ? 40 : 400), n = make_bytes(bytes, sizeof bytes);
    struct csn_capture c;
    csn_capture_init(&c, limit);
    unsigned most = 1 + next_random(round % 3 ? 300 : 8);
    for (size_t at = 0; at < n;) {
      size_t piece = next_random(most + 1);
      if (piece > n - at) piece = n - at;
      csn_capture_add(&c, bytes + at, piece);
      at += piece;
    }
    wrong += !is_as_expected(&c, bytes, n, limit);
    wrong += !is_as_expected(&c, bytes, n, limit ? next_random((unsigned)limit) : 0);
    size_t count = csn_capture_characters(&c), real = csn_utf8_count(bytes, n);
    wrong += count != real && !(count == SIZE_MAX && real > limit);
    cut += real > limit;
    csn_capture_free(&c);
  }
  is_int(wrong, 0, "10,000 random streams in random pieces, at two limits each");
  ok(cut > 2000 && cut < 9500, "of which %ld were longer than their limit", cut);
}

static void test_every_split(void) {
  static const unsigned char bytes[] =
      "ab\xf0\x9f\x98\x80\xe2\x82\xac\xe2\x82xy\xff\x80\x80\x80\x80\xc3\xa9z\xf0\x9f\x98q\xc3";
  size_t n = sizeof bytes - 1;
  long wrong = 0;
  for (size_t limit = 0; limit <= n + 1; limit++) {
    for (size_t i = 0; i <= n; i++) {
      for (size_t j = i; j <= n; j++) {
        struct csn_capture c;
        csn_capture_init(&c, limit);
        csn_capture_add(&c, bytes, i);
        csn_capture_add(&c, bytes + i, j - i);
        csn_capture_add(&c, bytes + j, n - j);
        wrong += !is_as_expected(&c, bytes, n, limit);
        csn_capture_free(&c);
      }
    }
  }
  is_int(wrong, 0, "split at every two places, at every limit");
}

static void test_memory(void) {
  static char block[65536];
  struct csn_capture c;
  csn_capture_init(&c, 1000);
  ok(!c.head.data && !c.tail.data, "nothing is allocated before there is output");
  csn_capture_add(&c, "hello", 5);
  ok(c.head.capacity < 200 && !c.tail.data, "a little output takes little");
  for (int i = 0; i < 1000; i++) csn_capture_add(&c, block, sizeof block);
  ok(c.head.capacity + c.tail.capacity <= 4 * 1000 + 2, "64 MB take no more than 4 x limit: %zu",
     c.head.capacity + c.tail.capacity);
  is_int(c.total, 5 + 1000 * 65536, "all of it is counted");
  csn_capture_free(&c);
  csn_capture_init(&c, UINT64_MAX);
  is_int(c.head.max, 4 * (CSN_CAPTURE_LIMIT_MAX / 2), "no limit is the highest limit");
  csn_capture_free(&c);
}

/* Whichever allocation fails, what is kept is a head and a tail of the stream. */
static void test_no_memory(void) {
  unsigned char bytes[4000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)('a' + i % 26);
  int wrong = 0, short_of = 0;
  for (long nth = 1; nth <= 20; nth++) {
    struct csn_capture c;
    struct csn_capture_text got;
    csn_capture_init(&c, 500);
    csn_alloc_fail_after(nth);
    for (size_t at = 0; at < sizeof bytes; at += 100) csn_capture_add(&c, bytes + at, 100);
    csn_alloc_fail_after(0);
    wrong += c.total != sizeof bytes || csn_capture_text(&c, 500, &got) != 0;
    short_of += got.size < 500;
    wrong += memcmp(got.text, bytes, got.gap) != 0;
    size_t rest = got.size - got.gap;
    wrong += memcmp(got.text + got.gap, bytes + sizeof bytes - rest, rest) != 0;
    wrong += got.omitted + got.size != sizeof bytes;
    csn_free(got.text);
    csn_capture_free(&c);
  }
  is_int(wrong, 0, "still a head and a tail, and the count of what is missing");
  ok(short_of > 5, "in %d runs less was kept", short_of);

  struct csn_capture c;
  struct csn_capture_text got;
  csn_capture_init(&c, 10);
  csn_capture_add(&c, "hello", 5);
  for (long nth = 1; nth <= 2; nth++) {
    csn_alloc_fail_after(nth);
    is_int(csn_capture_text(&c, 10, &got), CAISSON_E_NOMEM, "no memory for the text (%ld)", nth);
    csn_alloc_fail_after(0);
  }
  csn_capture_free(&c);
}

static void test_share(void) {
  static const struct {
    size_t limit, out, err, out_limit_min, err_limit;
  } rows[] = {
      {100, 60, 40, 60, 40},        /* both fit */
      {100, 10, 200, 10, 90},       /* stdout is short: stderr has the rest */
      {100, 200, 10, 90, 10},       /* stderr is short */
      {100, 200, 200, 75, 25},      /* a quarter for stderr */
      {100, SIZE_MAX, 200, 75, 25}, /* as many as that */
      {100, 80, SIZE_MAX, 75, 25},  {100, 0, SIZE_MAX, 0, 100}, {100, SIZE_MAX, 0, 100, 0},
      {0, 5, 5, 0, 0},              {1, 5, 5, 1, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t out, err;
    csn_capture_share(rows[i].limit, rows[i].out, rows[i].err, &out, &err);
    ok(out >= rows[i].out_limit_min && out + err <= rows[i].limit,
       "row %zu: standard output gets %zu", i, out);
    is_int(err, rows[i].err_limit, "row %zu: standard error's part", i);
  }
}

int main(void) {
  test_random();
  test_every_split();
  test_memory();
  test_no_memory();
  test_share();
  return done_testing();
}
