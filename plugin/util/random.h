/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that nobody can guess, from the kernel. */
#ifndef CSN_UTIL_RANDOM_H
#define CSN_UTIL_RANDOM_H

#include <stddef.h>

#include "util/error.h"

int csn_random_bytes(void *out, size_t n, struct csn_error *err);
/* n random bytes as 2 n hex digits and a NUL. At most 64 bytes. */
#define CSN_RANDOM_HEX_MAX 64
int csn_random_hex(char *out, size_t n, struct csn_error *err);

#endif
