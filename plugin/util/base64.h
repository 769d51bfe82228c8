/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, section 4), with padding and without line breaks. */
#ifndef CSN_UTIL_BASE64_H
#define CSN_UTIL_BASE64_H

#include <stddef.h>

/* A new C string, to be freed by csn_free; NULL when out of memory. */
char *csn_base64(const void *bytes, size_t n);

/* The bytes of such a text, its padding given or not, with a NUL behind them that is not counted, to
 * be freed by csn_free. 0, -1 where it is none, or CAISSON_E_NOMEM; *bytes is NULL then. */
int csn_base64_decode(const char *text, char **bytes, size_t *n);

#endif
