/* SPDX-License-Identifier: Apache-2.0 */
/* As much of an X.509 certificate (RFC 5280) as tells when it ends: engines refuse an expired one
 * without a word of why. Pure. */
#ifndef CSN_TRANSPORT_CERTIFICATE_H
#define CSN_TRANSPORT_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

/* notAfter of the first certificate in n bytes of PEM, in seconds since 1970. 0, or -1 where there
 * is none that can be understood. */
int csn_certificate_end(const char *pem, size_t n, int64_t *end);

#endif
