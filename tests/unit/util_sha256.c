/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 against NIST's examples (FIPS 180-2, appendix B, and the CAVP short messages), at once
 * and in pieces of every size. */
#include "util/sha256.h"

#include <string.h>

#include "tap.h"

/* For the plain code itself. */
#include "util/sha256.c"

static void hex_of(const unsigned char digest[CSN_SHA256_SIZE], char hex[CSN_SHA256_HEX]) {
  for (size_t i = 0; i < CSN_SHA256_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static const struct {
  const char *text, *hex;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
     "lmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
};

static void test_million(void) {
  struct csn_sha256 s;
  unsigned char digest[CSN_SHA256_SIZE];
  char hex[CSN_SHA256_HEX], block[1000];
  memset(block, 'a', sizeof block);
  csn_sha256_init(&s);
  for (int i = 0; i < 1000; i++) csn_sha256_update(&s, block, sizeof block);
  csn_sha256_final(&s, digest);
  hex_of(digest, hex);
  is_str(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "a million a");
}

static void test_pieces(void) {
  unsigned char text[200];
  char whole[CSN_SHA256_HEX], hex[CSN_SHA256_HEX];
  int wrong = 0;
  for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)(i * 7);
  for (size_t n = 0; n <= sizeof text; n++) {
    csn_sha256_hex(text, n, whole);
    for (size_t piece = 1; piece <= 65; piece += 8) {
      struct csn_sha256 s;
      unsigned char digest[CSN_SHA256_SIZE];
      csn_sha256_init(&s);
      for (size_t at = 0; at < n; at += piece)
        csn_sha256_update(&s, text + at, n - at < piece ? n - at : piece);
      csn_sha256_final(&s, digest);
      hex_of(digest, hex);
      wrong += strcmp(hex, whole) != 0;
    }
  }
  is_int(wrong, 0, "every length in pieces is the same as at once");
}

/* The processor's own instructions, where there are any, against the plain code. */
static void test_fast(void) {
  unsigned char text[64 * 9];
  uint32_t plain[8], fast[8];
  int wrong = 0, is_there = 1;
  for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)(i * 31 + i / 7);
  for (size_t blocks = 1; blocks <= 9; blocks++) {
    for (size_t i = 0; i < 8; i++) plain[i] = fast[i] = (uint32_t)(i * 0x9e3779b9u + blocks);
    for (size_t i = 0; i < blocks; i++) compress(plain, text + 64 * i);
    is_there = csn_sha256_fast(fast, text, blocks);
    wrong += is_there && memcmp(plain, fast, sizeof plain) != 0;
  }
  is_int(wrong, 0, "both ways give the same (%s)", is_there ? "compared" : "there is but one here");
}

int main(void) {
  test_fast();
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
    char hex[CSN_SHA256_HEX];
    csn_sha256_hex(vectors[i].text, strlen(vectors[i].text), hex);
    is_str(hex, vectors[i].hex, "the digest of \"%.20s\"", vectors[i].text);
  }
  test_million();
  test_pieces();
  return done_testing();
}
