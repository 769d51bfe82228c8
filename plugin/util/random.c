/* SPDX-License-Identifier: Apache-2.0 */
/* See random.h. */
#include "util/random.h"

#include <errno.h>
#include <sys/random.h>

int csn_random_bytes(void *out, size_t n, struct csn_error *err) {
  unsigned char *p = out;
  while (n > 0) {
    ssize_t got = getrandom(p, n, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return csn_fail_errno(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, errno, "getrandom");
    p += got;
    n -= (size_t)got;
  }
  return 0;
}

int csn_random_hex(char *out, size_t n, struct csn_error *err) {
  static const char digits[] = "0123456789abcdef";
  unsigned char bytes[CSN_RANDOM_HEX_MAX];
  if (n > sizeof bytes)
    return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, "too many random digits");
  int rc = csn_random_bytes(bytes, n, err);
  if (rc) return rc;
  for (size_t i = 0; i < n; i++) {
    out[2 * i] = digits[bytes[i] >> 4];
    out[2 * i + 1] = digits[bytes[i] & 15];
  }
  out[2 * n] = '\0';
  return 0;
}
