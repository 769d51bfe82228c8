/* SPDX-License-Identifier: Apache-2.0 */
/* Files into a container that was created and has never started. Not into one that runs: what is
 * inside it could then steer where the engine writes. */
#ifndef CSN_ENGINE_ARCHIVE_H
#define CSN_ENGINE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/path_stat.h"
#include "util/buffer.h"

/* Unpacks an uncompressed tar in a directory of the container that exists. (120 s) */
int csn_archive_put(struct csn_engine *engine, const char *container, const char *directory,
                    const void *tar, size_t n, const struct csn_control *control,
                    struct csn_error *err);
/* One file as csn_tar_file() packs it: nobody ever sees half of it under its name. */
int csn_archive_put_file(struct csn_engine *engine, const char *container, const char *directory,
                         const char *name, const void *bytes, size_t n, unsigned mode,
                         const struct csn_control *control, struct csn_error *err);

/* The content of one regular file, of at most file->max bytes, out of a container that never
 * started. engine.not_found when there is no such path, engine.refused when it is no regular
 * file or longer. (30 s) */
int csn_archive_get_file(struct csn_engine *engine, const char *container, const char *path,
                         const struct csn_control *control, struct csn_buffer *file,
                         struct csn_error *err);

/* Without unpacking anything; engine.not_found when there is no such path. (10 s) */
int csn_archive_stat(struct csn_engine *engine, const char *container, const char *path,
                     const struct csn_control *control, struct csn_path_stat *out,
                     struct csn_error *err);

/* Whose the directory or file at a path is; of what lies in it nothing is read. (10 s) */
int csn_archive_owner(struct csn_engine *engine, const char *container, const char *path,
                      const struct csn_control *control, uint32_t *uid, struct csn_error *err);

#endif
