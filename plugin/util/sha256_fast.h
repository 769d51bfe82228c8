/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 with the processor's own instructions, where it has them. */
#ifndef CSN_UTIL_SHA256_FAST_H
#define CSN_UTIL_SHA256_FAST_H

#include <stddef.h>
#include <stdint.h>

/* The constants K of FIPS 180-4. */
extern const uint32_t csn_sha256_constants[64];

/* Takes whole blocks into the state: 1, or 0 where there is no such way and nothing was done. */
int csn_sha256_fast(uint32_t state[8], const unsigned char *blocks, size_t count);

#endif
