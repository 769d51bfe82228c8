/* SPDX-License-Identifier: Apache-2.0 */
/* The tar in which a file is delivered, made by libarchive. Pure: memory to memory. */
#ifndef CSN_ENGINE_TAR_H
#define CSN_ENGINE_TAR_H

#include <stddef.h>

#include "util/buffer.h"
#include "util/error.h"

/* An uncompressed tar with the bytes as a regular file under `temporary`, owned by root, and then a
 * hard link `name` to it. A reader of `name` finds all of it or nothing, and two deliveries at once
 * with different temporary names do each other no harm. 0, CAISSON_E_LIMIT when it is more than
 * tar->max, or CAISSON_E_NOMEM. */
int csn_tar_file(const char *temporary, const char *name, const void *bytes, size_t n,
                 unsigned mode, struct csn_buffer *tar, struct csn_error *err);

#endif
