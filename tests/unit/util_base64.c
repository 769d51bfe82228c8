/* SPDX-License-Identifier: Apache-2.0 */
/* Base64: RFC 4648's own examples, all bytes, and no memory. */
#include "util/base64.h"

#include <stdint.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/error.h"

static void check(const void *bytes, size_t n, const char *want) {
  size_t size = 0;
  char *got = csn_base64(bytes, n), *back;
  is_int(csn_base64_decode(want, &back, &size), 0, "%s is base64", want);
  is_str(got, want, "%zu bytes: %s", n, want);
  is_int((long long)size, (long long)n, "and as many come back");
  is_mem(back, bytes, n, "the same");
  csn_free(got);
  csn_free(back);
}

int main(void) {
  static const char *const rows[][2] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check(rows[i][0], strlen(rows[i][0]), rows[i][1]);
  check("\0\0\0", 3, "AAAA");
  check("\xff\xff\xff", 3, "////");
  check("\xfb\xef\xbe", 3, "++++");
  check("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f", 12, "ABCDEFGHIJKLMNOP");
  static const char *const none[] = {"Zm9v!", "Zm 9v", "Zg-_", "=Zg", "\xc3\xbc"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    size_t n;
    char *bytes;
    is_int(csn_base64_decode(none[i], &bytes, &n), -1, "\"%s\" is none", none[i]);
    ok(!bytes, "and gives nothing");
  }
  csn_alloc_fail_after(1);
  ok(!csn_base64("x", 1), "no memory");
  csn_alloc_fail_after(1);
  char *bytes;
  size_t n;
  is_int(csn_base64_decode("eA==", &bytes, &n), CAISSON_E_NOMEM, "nor for the way back");
  csn_alloc_fail_after(0);
  ok(!csn_base64("", SIZE_MAX), "more than any text can hold");
  return done_testing();
}
