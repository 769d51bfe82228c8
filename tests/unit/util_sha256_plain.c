/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 on a processor without instructions for it: the examples of FIPS 180-4 and NIST's own, cut
 * into pieces of every size. */
#include "tap.h"
#include "util/sha256.h"
#include "util/sha256_fast.h"

/* In the place of the one that would use them. */
int csn_sha256_fast(uint32_t state[8], const unsigned char *blocks, size_t count) {
  (void)state, (void)blocks, (void)count;
  return 0;
}

static void check(const char *text, const char *want) {
  char hex[CSN_SHA256_HEX];
  csn_sha256_hex(text, strlen(text), hex);
  is_str(hex, want, "\"%.20s\"", text);
}

static void test_pieces(void) {
  unsigned char bytes[300], digest[CSN_SHA256_SIZE], whole[CSN_SHA256_SIZE];
  int wrong = 0;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7);
  struct csn_sha256 s;
  csn_sha256_init(&s);
  csn_sha256_update(&s, bytes, sizeof bytes);
  csn_sha256_final(&s, whole);
  for (size_t piece = 1; piece <= sizeof bytes; piece++) {
    csn_sha256_init(&s);
    for (size_t at = 0; at < sizeof bytes; at += piece)
      csn_sha256_update(&s, bytes + at, piece < sizeof bytes - at ? piece : sizeof bytes - at);
    csn_sha256_final(&s, digest);
    wrong += memcmp(digest, whole, sizeof digest) != 0;
  }
  is_int(wrong, 0, "however it is cut");
}

int main(void) {
  check("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  check("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  test_pieces();
  return done_testing();
}
