/* SPDX-License-Identifier: Apache-2.0 */
/* See sha256_fast.h. x86's sha256rnds2 does two rounds on a state that lies as ABEF and CDGH; the
 * message schedule is four words at a time (Intel, "New Instructions Supporting SHA"). */
#include "util/sha256_fast.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))

static int has_instructions(void) {
  static atomic_int known; /* 0: not asked yet; 1: no; 2: yes */
  int found = atomic_load_explicit(&known, memory_order_relaxed);
  if (found == 0) {
    unsigned a, b, c, d, sse = 0, sha = 0;
    if (__get_cpuid(1, &a, &b, &c, &d)) sse = (c & bit_SSSE3) && (c & bit_SSE4_1);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) sha = (b & (1u << 29)) != 0;
    found = sse && sha ? 2 : 1;
    atomic_store_explicit(&known, found, memory_order_relaxed);
  }
  return found == 2;
}

/* Words t ... t+3 of the schedule from the sixteen before them. */
TARGET static inline __m128i schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
  __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
  return _mm_sha256msg2_epu32(sum, w3);
}

TARGET static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i w, size_t t) {
  __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(csn_sha256_constants + t));
  __m128i wk = _mm_add_epi32(w, k);
  *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, wk);
  *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

TARGET static inline __m128i load_words(const unsigned char *p) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), swap);
}

TARGET static void one_block(__m128i *abef, __m128i *cdgh, const unsigned char *p) {
  __m128i w0 = load_words(p), w1 = load_words(p + 16), w2 = load_words(p + 32),
          w3 = load_words(p + 48), before_abef = *abef, before_cdgh = *cdgh;
  for (size_t t = 0; t < 64; t += 16) {
    four_rounds(abef, cdgh, w0, t);
    four_rounds(abef, cdgh, w1, t + 4);
    four_rounds(abef, cdgh, w2, t + 8);
    four_rounds(abef, cdgh, w3, t + 12);
    if (t == 48) break;
    w0 = schedule(w0, w1, w2, w3);
    w1 = schedule(w1, w2, w3, w0);
    w2 = schedule(w2, w3, w0, w1);
    w3 = schedule(w3, w0, w1, w2);
  }
  *abef = _mm_add_epi32(*abef, before_abef);
  *cdgh = _mm_add_epi32(*cdgh, before_cdgh);
}

TARGET static void all_blocks(uint32_t state[8], const unsigned char *blocks, size_t count) {
  __m128i *halves = (__m128i *)(void *)state;
  __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(halves), 0xb1);
  __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(halves + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, efgh, 8), cdgh = _mm_blend_epi16(efgh, badc, 0xf0);
  for (size_t i = 0; i < count; i++) one_block(&abef, &cdgh, blocks + 64 * i);
  __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(halves, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(halves + 1, _mm_alignr_epi8(dchg, feba, 8));
}

int csn_sha256_fast(uint32_t state[8], const unsigned char *blocks, size_t count) {
  if (!has_instructions()) return 0;
  all_blocks(state, blocks, count);
  return 1;
}

#else

int csn_sha256_fast(uint32_t state[8], const unsigned char *blocks, size_t count) {
  (void)state;
  (void)blocks;
  (void)count;
  return 0;
}

#endif
