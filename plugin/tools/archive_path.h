/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for names in an archive that somebody sent. Pure; a name is any bytes but NUL. */
#ifndef CSN_TOOLS_ARCHIVE_PATH_H
#define CSN_TOOLS_ARCHIVE_PATH_H

#define CSN_ARCHIVE_PATH_SIZE 4096
#define CSN_ARCHIVE_DEPTH_MAX 256

/* The path of an entry as it may be unpacked: relative, without ".", ".." and doubled slashes, its
 * first `strip` components left out. 1; 0: nothing is left of it; -1: refused, and *why (static). */
int csn_archive_path(const char *name, unsigned strip, char out[CSN_ARCHIVE_PATH_SIZE],
                     const char **why);

/* Does a symbolic link at `path` (as above) to `target` stay inside, whatever other such links are
 * on the way? 0, or -1 and *why. */
int csn_archive_symlink(const char *path, const char *target, const char **why);

#endif
