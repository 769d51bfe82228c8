/* SPDX-License-Identifier: Apache-2.0 */
/* Masked streams, against one that looks at the whole text at once. */
#include "util/mask.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/buffer.h"

static uint64_t random_state = 88172645463325252U;
static unsigned next_random(unsigned below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned)(random_state >> 33) % below;
}

static int keep(void *ctx, const void *bytes, size_t n) {
  return csn_buffer_add(ctx, bytes, n);
}

/* ---- the reference --------------------------------------------------------------------------- */

static void expect(const char *const *texts, size_t count, const char *bytes, size_t n,
                   struct csn_buffer *out) {
  char hidden[512] = {0};
  for (size_t t = 0; t < count; t++) {
    size_t size = strlen(texts[t]);
    for (size_t i = 0; size >= CSN_MASK_MIN && i + size <= n; i++)
      if (memcmp(bytes + i, texts[t], size) == 0) memset(hidden + i, 1, size);
  }
  for (size_t i = 0; i < n; i++) {
    if (!hidden[i])
      csn_buffer_add(out, bytes + i, 1);
    else if (i == 0 || !hidden[i - 1])
      csn_buffer_addz(out, CSN_MASK_TEXT);
  }
}

/* In pieces whose ends are the bits of `cuts`, then at every `step`. */
static int gives(const char *const *texts, size_t count, const char *bytes, size_t n,
                 size_t first, size_t step, const struct csn_buffer *wanted) {
  CSN_CLEANUP_BUFFER struct csn_buffer got = CSN_BUFFER(4096);
  struct csn_mask *mask;
  struct csn_mask_stream s;
  if (csn_mask_new(texts, count, &mask, NULL)) return 0;
  if (csn_mask_begin(&s, mask, keep, &got, NULL)) return 0;
  csn_mask_add(&s, bytes, first < n ? first : n);
  for (size_t at = first; at < n; at += step)
    csn_mask_add(&s, bytes + at, step < n - at ? step : n - at);
  csn_mask_end(&s);
  csn_mask_free(&s);
  csn_mask_drop(mask);
  return got.size == wanted->size &&
         memcmp(csn_buffer_text(&got), csn_buffer_text(wanted), got.size) == 0;
}

static int gives_at_every_cut(const char *const *texts, size_t count, const char *bytes,
                              const char *wanted) {
  CSN_CLEANUP_BUFFER struct csn_buffer want = CSN_BUFFER(4096);
  csn_buffer_addz(&want, wanted);
  size_t n = strlen(bytes);
  int all = 1;
  for (size_t first = 0; first <= n; first++)
    for (size_t step = 1; step <= n + 1; step++)
      all &= gives(texts, count, bytes, n, first, step, &want);
  return all;
}

/* ---- tests ----------------------------------------------------------------------------------- */


static void test_examples(void) {
  static const struct {
    const char *texts[3];
    const char *bytes, *wanted, *what;
  } cases[] = {
      {{"hunter2"}, "my hunter2 is", "my *** is", "one text"},
      {{"hunter2"}, "hunter2", "***", "nothing else"},
      {{"hunter2"}, "hunter", "hunter", "a beginning alone is shown at the end"},
      {{"hunter2"}, "hunthunter2r2", "hunt***r2", "a beginning before the whole"},
      {{"hunter2"}, "hunter2hunter2!", "***!", "one after the other"},
      {{"abab", "ababab"}, "xabababab", "x***", "overlapping itself"},
      {{"abcd", "cdef"}, "-abcdef-", "-***-", "two that overlap"},
      {{"abcd", "abcdefgh"}, "abcdefg abcdefgh", "***efg ***", "one is the other's beginning"},
      {{"abcdefgh", "cdef"}, "abcdefg abcdefgh", "ab***g ***", "one is inside the other"},
      {{"abcdefgh", "bcdx", "cdef"}, "abcdefabcdx", "ab***a***", "falls back on the way"},
      {{"abc", ""}, "abc", "abc", "too short to be masked"},
      {{"first line\n  second line  \r\n}"}, "7\tsecond line\n8\t}", "7\t***\n8\t}",
       "a line of several"},
      {{"first line\nsecond line"}, "(first line\nsecond line)", "(***)", "several lines at once"},
      {{"abcd\n", " \n  "}, "abcd e", "*** e", "blanks round it are no part of it"},
      {{"p\xc3\xa4ss\xe2\x82\xac"}, "a p\xc3\xa4ss\xe2\x82\xac b", "a *** b",
       "characters of several bytes"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t count = 0;
    while (count < 3 && cases[i].texts[count]) count++;
    ok(gives_at_every_cut(cases[i].texts, count, cases[i].bytes, cases[i].wanted), "%s",
       cases[i].what);
  }
}

/* Of two letters, so that much overlaps. */
static size_t make_word(char *out, size_t min, size_t max) {
  size_t n = min + next_random((unsigned)(max - min));
  for (size_t i = 0; i < n; i++) out[i] = (char)('a' + (next_random(5) == 0));
  out[n] = '\0';
  return n;
}

static int random_round(void) {
  char words[5][16], bytes[256];
  const char *texts[5];
  size_t count = 1 + next_random(5), n = make_word(bytes, 0, 200);
  for (size_t i = 0; i < count; i++) {
    make_word(words[i], 1, 15);
    texts[i] = words[i];
  }
  CSN_CLEANUP_BUFFER struct csn_buffer want = CSN_BUFFER(4096);
  expect(texts, count, bytes, n, &want);
  return gives(texts, count, bytes, n, next_random(32), 1 + next_random(12), &want) &&
         gives(texts, count, bytes, n, n, 1, &want);
}

static void test_random(void) {
  int all = 1;
  for (int i = 0; i < 3000 && all; i++) all = random_round();
  ok(all, "3,000 random streams are masked as if they came whole");
}

static void test_held_back(void) {
  CSN_CLEANUP_BUFFER struct csn_buffer got = CSN_BUFFER(4096);
  struct csn_mask *mask;
  struct csn_mask_stream s;
  const char *texts[] = {"hunter2"};
  csn_mask_new(texts, 1, &mask, NULL);
  csn_mask_begin(&s, mask, keep, &got, NULL);
  csn_mask_add(&s, "the hunt", 8);
  is_str(csn_buffer_text(&got), "the ", "only what may be such a text is held back");
  csn_mask_add(&s, "s\n", 2);
  is_str(csn_buffer_text(&got), "the hunts\n", "and comes once it is none");
  csn_mask_add(&s, "hunter2", 7);
  csn_mask_end(&s);
  is_str(csn_buffer_text(&got), "the hunts\n***", "the end hands on the rest");
  csn_mask_free(&s);
  csn_mask_drop(mask);
}

static int stop(void *ctx, const void *bytes, size_t n) {
  (void)bytes, (void)n;
  ++*(int *)ctx;
  return 7;
}

static void test_stopped(void) {
  struct csn_mask *mask;
  struct csn_mask_stream s;
  int asked = 0;
  const char *texts[] = {"hunter2"};
  csn_mask_new(texts, 1, &mask, NULL);
  csn_mask_begin(&s, mask, stop, &asked, NULL);
  is_int(csn_mask_add(&s, "a b", 3), 7, "what the receiver says is returned");
  csn_mask_add(&s, "c", 1);
  csn_mask_end(&s);
  is_int(asked, 1, "and it is asked no more");
  csn_mask_free(&s);
  csn_mask_drop(mask);
}

static void test_text(void) {
  struct csn_mask *mask;
  struct csn_mask_stream s;
  char whole[] = "login hunter2 failed for hunter", cut[] = "login hunter2 failed for hunt",
       short_cut[] = "login hun";
  const char *texts[] = {"hunter2"};
  csn_mask_new(texts, 1, &mask, NULL);
  csn_mask_begin(&s, mask, NULL, NULL, NULL);
  csn_mask_text(&s, whole, 0);
  is_str(whole, "login *** failed for hunter", "a text where it stands");
  csn_mask_text(&s, cut, 1);
  is_str(cut, "login *** failed for ***", "one that was cut, with the beginning at its end");
  csn_mask_text(&s, short_cut, 1);
  is_str(short_cut, "login hun", "but not with one that says nothing");
  csn_mask_free(&s);
  csn_mask_drop(mask);
}

static void test_large(void) {
  static char text[300001], original[300001];
  struct csn_mask *mask;
  struct csn_mask_stream s;
  const char *texts[] = {"hunter2", "swordfish"};
  for (size_t i = 0; i < 300000; i++) text[i] = (char)('a' + i % 23);
  memcpy(original, text, sizeof text);
  memcpy(text + 65530, "swordfish", 9);
  memcpy(text + 131070, "hunter2", 7);
  csn_mask_new(texts, 2, &mask, NULL);
  csn_mask_begin(&s, mask, NULL, NULL, NULL);
  csn_mask_text(&s, text, 0);
  ok(strlen(text) == 300000 - 10 && memcmp(text, original, 65530) == 0 &&
         memcmp(text + 65530, "***", 3) == 0 && memcmp(text + 131064, "***", 3) == 0 &&
         memcmp(text + 131067, original + 131077, 300000 - 131077) == 0,
     "a text longer than what is handed over at once");
  csn_mask_free(&s);
  csn_mask_drop(mask);
}

static void test_join(void) {
  struct csn_mask *a, *b, *joined, *same;
  struct csn_mask_stream s;
  char text[] = "hunter2 swordfish";
  const char *one[] = {"hunter2"}, *other[] = {"swordfish"};
  csn_mask_new(one, 1, &a, NULL);
  csn_mask_new(other, 1, &b, NULL);
  csn_mask_join(a, b, &joined, NULL);
  csn_mask_begin(&s, joined, NULL, NULL, NULL);
  csn_mask_text(&s, text, 0);
  is_str(text, "*** ***", "two masks joined mask the texts of both");
  csn_mask_free(&s);
  csn_mask_join(joined, a, &same, NULL);
  ok(same == joined, "one that has all is used itself");
  csn_mask_drop(same);
  csn_mask_join(a, joined, &same, NULL);
  ok(same == joined, "whichever it is");
  csn_mask_drop(same);
  csn_mask_join(NULL, a, &same, NULL);
  ok(same == a, "or there is only one");
  csn_mask_drop(same);
  ok(csn_mask_join(NULL, NULL, &same, NULL) == 0 && !same, "none and none is none");
  csn_mask_drop(joined);
  csn_mask_drop(a);
  csn_mask_drop(b);
}

static void test_limits(void) {
  struct csn_error err = {0};
  struct csn_mask *mask, *other, *joined;
  char *large CSN_CLEANUP_FREE = csn_alloc(CSN_MASK_MAX + 1);
  memset(large, 'x', CSN_MASK_MAX);
  large[CSN_MASK_MAX] = '\0';
  const char *texts[] = {large}, *one[] = {"hunter2"};
  is_int(csn_mask_new(texts, 1, &mask, &err), CAISSON_E_LIMIT, "too much to mask is refused");
  large[CSN_MASK_MAX - 1] = '\0';
  is_int(csn_mask_new(texts, 1, &mask, &err), 0, "as much as may be is not");
  csn_mask_new(one, 1, &other, NULL);
  csn_mask_join(mask, other, &joined, NULL);
  ok(joined == other, "of two that are too much together the later one counts");
  csn_mask_drop(joined);
  csn_mask_drop(other);
  csn_mask_drop(mask);
}

static int make_and_join(void) {
  struct csn_error err;
  struct csn_mask *a = NULL, *b = NULL, *joined = NULL;
  struct csn_mask_stream s = {.mask = NULL};
  const char *one[] = {"hunter2"}, *other[] = {"swordfish"};
  int rc = csn_mask_new(one, 1, &a, &err);
  if (!rc) rc = csn_mask_new(other, 1, &b, &err);
  if (!rc) rc = csn_mask_join(a, b, &joined, &err);
  if (!rc) rc = csn_mask_begin(&s, joined, NULL, NULL, &err);
  csn_mask_free(&s);
  csn_mask_drop(joined);
  csn_mask_drop(a);
  csn_mask_drop(b);
  return rc;
}

static void test_memory(void) {
  int rc = CAISSON_E_NOMEM, failed = 0;
  for (long n = 1; rc == CAISSON_E_NOMEM && n < 100; n++) {
    csn_alloc_fail_after(n);
    rc = make_and_join();
    csn_alloc_fail_after(0);
    failed += rc == CAISSON_E_NOMEM;
  }
  ok(rc == 0 && failed > 8, "each of %d allocations may fail", failed);
}

int main(void) {
  test_examples();
  test_random();
  test_held_back();
  test_stopped();
  test_text();
  test_large();
  test_join();
  test_limits();
  test_memory();
  return done_testing();
}
