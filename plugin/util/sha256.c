/* SPDX-License-Identifier: Apache-2.0 */
/* See sha256.h. The names are those of FIPS 180-4, section 6.2. */
#include "util/sha256.h"

#include <string.h>

#include "util/sha256_fast.h"

const uint32_t csn_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr(uint32_t x, unsigned n) {
  return x >> n | x << (32 - n);
}

static uint32_t load_be32(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void compress(uint32_t state[8], const unsigned char block[64]) {
  uint32_t w[64], v[8];
  for (size_t t = 0; t < 16; t++) w[t] = load_be32(block + 4 * t);
  for (size_t t = 16; t < 64; t++) {
    uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
    uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
  memcpy(v, state, sizeof v);
  for (size_t t = 0; t < 64; t++) {
    uint32_t s1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
    uint32_t ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
    uint32_t t1 = v[7] + s1 + ch + csn_sha256_constants[t] + w[t];
    uint32_t s0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
    uint32_t maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t1;
    v[0] = t1 + s0 + maj;
  }
  for (size_t i = 0; i < 8; i++) state[i] += v[i];
}

static void compress_all(uint32_t state[8], const unsigned char *blocks, size_t count) {
  if (csn_sha256_fast(state, blocks, count)) return;
  for (size_t i = 0; i < count; i++) compress(state, blocks + 64 * i);
}

void csn_sha256_init(struct csn_sha256 *s) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(s->state, start, sizeof start);
  s->total = 0;
}

void csn_sha256_update(struct csn_sha256 *s, const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  size_t have = s->total % sizeof s->block;
  s->total += n;
  if (have > 0) {
    size_t room = sizeof s->block - have;
    size_t take = n < room ? n : room;
    memcpy(s->block + have, p, take);
    p += take;
    n -= take;
    if (have + take < sizeof s->block) return;
    compress_all(s->state, s->block, 1);
  }
  size_t whole = n / sizeof s->block;
  if (whole > 0) compress_all(s->state, p, whole);
  size_t rest = n % sizeof s->block;
  if (rest > 0) memcpy(s->block, p + whole * sizeof s->block, rest);
}

void csn_sha256_final(struct csn_sha256 *s, unsigned char digest[CSN_SHA256_SIZE]) {
  static const unsigned char padding[64] = {0x80};
  uint64_t bits = s->total * 8;
  size_t have = s->total % sizeof s->block;
  csn_sha256_update(s, padding, have < 56 ? 56 - have : 120 - have);
  unsigned char length[8];
  for (size_t i = 0; i < 8; i++) length[i] = (unsigned char)(bits >> (56 - 8 * i));
  csn_sha256_update(s, length, sizeof length);
  for (size_t i = 0; i < CSN_SHA256_SIZE; i++)
    digest[i] = (unsigned char)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}

void csn_sha256_print(const unsigned char digest[CSN_SHA256_SIZE], char hex[CSN_SHA256_HEX]) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < CSN_SHA256_SIZE; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  hex[CSN_SHA256_HEX - 1] = '\0';
}

void csn_sha256_hex(const void *bytes, size_t n, char hex[CSN_SHA256_HEX]) {
  struct csn_sha256 s;
  unsigned char digest[CSN_SHA256_SIZE];
  csn_sha256_init(&s);
  csn_sha256_update(&s, bytes, n);
  csn_sha256_final(&s, digest);
  csn_sha256_print(digest, hex);
}
