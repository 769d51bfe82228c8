/* SPDX-License-Identifier: Apache-2.0 */
/* The tars in which files go to an engine and come from it, by libarchive. Pure: memory to
 * memory. */
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

/* A directory, with an owner, for csn_tar_dirs(). */
struct csn_tar_dir {
  const char *path; /* "workspace/uploads" */
  unsigned mode;
};
/* An uncompressed tar of n directories, parents first, that all belong to uid and gid. */
int csn_tar_dirs(const struct csn_tar_dir *dirs, size_t n, unsigned uid, unsigned gid,
                 struct csn_buffer *tar, struct csn_error *err);

/* The other way: the content of the first entry of a tar that an engine made, which must be a
 * regular file of at most file->max bytes. 0, CAISSON_E_ENGINE or CAISSON_E_NOMEM. */
int csn_tar_read_file(const void *tar, size_t n, struct csn_buffer *file, struct csn_error *err);

/* Whose its first entry is; the tar may be cut off behind that one's header. */
int csn_tar_read_owner(const void *tar, size_t n, uint32_t *uid, struct csn_error *err);

#endif
