/* SPDX-License-Identifier: Apache-2.0 */
/* Random digits: as many as asked for, different each time, every byte in use. */
#include "util/random.h"

#include <string.h>

#include "tap.h"

int main(void) {
  struct csn_error err;
  char a[33], b[33], most[2 * CSN_RANDOM_HEX_MAX + 1];
  is_int(csn_random_hex(a, 16, &err), 0, "16 bytes");
  is_int(csn_random_hex(b, 16, &err), 0, "16 more");
  is_int(strspn(a, "0123456789abcdef"), 32, "32 hex digits");
  ok(strcmp(a, b) != 0, "not the same twice");
  is_int(csn_random_hex(most, CSN_RANDOM_HEX_MAX, &err), 0, "the most at once");
  is_int(strlen(most), 2 * CSN_RANDOM_HEX_MAX, "is that long");
  is_int(csn_random_hex(most, CSN_RANDOM_HEX_MAX + 1, &err), CAISSON_E_INTERNAL,
         "no more than that");
  is_int(csn_random_hex(a, 0, &err), 0, "none");
  is_str(a, "", "is empty");

  static unsigned char bytes[65536];
  int seen[256] = {0};
  is_int(csn_random_bytes(bytes, sizeof bytes, &err), 0, "64 KiB");
  size_t kinds = 0;
  for (size_t i = 0; i < sizeof bytes; i++) kinds += !seen[bytes[i]]++;
  is_int(kinds, 256, "in which every byte occurs");
  return done_testing();
}
