/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of the machine that the host runs on. */
#ifndef CSN_UTIL_FILE_H
#define CSN_UTIL_FILE_H

#include "util/buffer.h"

/* Appends the whole of a regular file, at most what the buffer takes. 0, or -1 with errno: EFBIG
 * for one that is too large, EINVAL for what is no regular file, or why it cannot be read. Waits
 * for no FIFO. */
int csn_file_read(const char *path, struct csn_buffer *out);

#endif
