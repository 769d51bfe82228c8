/* SPDX-License-Identifier: Apache-2.0 */
/* An image's /etc/passwd, which is whatever the image's maker put there. Pure. */
#ifndef CSN_SESSION_PASSWD_H
#define CSN_SESSION_PASSWD_H

#include <stddef.h>
#include <stdint.h>

/* Finds a user by name, or by uid where it is all digits. The first line counts, as for the C
 * library; lines that are none are passed over. 1 found, 0 not. */
int csn_passwd_find(const char *text, size_t n, const char *user, uint32_t *uid, uint32_t *gid);

/* All digits, and below 2^31. 0 or -1. */
int csn_passwd_number(const char *text, size_t n, uint32_t *number);

#endif
