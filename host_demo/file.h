/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: whole files into memory, and all bytes out to a descriptor. */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads `path`, or stdin where it is "-", with at most `limit` bytes; malloc'd, with a NUL behind
 * them. NULL and errno on failure; EFBIG where there is more. */
char *csn_file_read(const char *path, size_t limit, size_t *size);

/* Writes all of it, also where the descriptor does not block. Returns 0 or errno; EINTR only where
 * stop() says so after an interruption. */
int csn_file_write(int fd, const void *bytes, size_t n, bool (*stop)(void));

#endif
