/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h: the SHA-256 of an open file, for plugins that are pinned to one. */
#ifndef HOST_DIGEST_H
#define HOST_DIGEST_H

#include <stdbool.h>

#define CSN_DIGEST_SIZE 65 /* 64 hexadecimal digits and a NUL */

/* Of the whole file, whatever its offset. Returns 0, or -1 and errno. */
int csn_digest_file(int fd, char hex[CSN_DIGEST_SIZE]);

/* Is this text one, in either case? */
bool csn_digest_valid(const char *text);

#endif
