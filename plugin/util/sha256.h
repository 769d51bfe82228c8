/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for names, not for secrets: it is not constant-time in anything. */
#ifndef CSN_UTIL_SHA256_H
#define CSN_UTIL_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define CSN_SHA256_SIZE 32
#define CSN_SHA256_HEX (2 * CSN_SHA256_SIZE + 1) /* with its NUL */

struct csn_sha256 {
  uint32_t state[8];
  uint64_t total;
  unsigned char block[64];
};

void csn_sha256_init(struct csn_sha256 *s);
void csn_sha256_update(struct csn_sha256 *s, const void *bytes, size_t n);
void csn_sha256_final(struct csn_sha256 *s, unsigned char digest[CSN_SHA256_SIZE]);

/* As lower-case hex. */
void csn_sha256_print(const unsigned char digest[CSN_SHA256_SIZE], char hex[CSN_SHA256_HEX]);
/* All at once, likewise. */
void csn_sha256_hex(const void *bytes, size_t n, char hex[CSN_SHA256_HEX]);

#endif
