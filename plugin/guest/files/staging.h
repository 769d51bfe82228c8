/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places where what is not whole yet lies, beside where it is to go: files and folders with a name
 * of ours, locked as long as their maker lives. One that nobody has locked was left by a process that
 * was killed, and goes with the next clean-up.
 */
#ifndef CSN_GUEST_FILES_STAGING_H
#define CSN_GUEST_FILES_STAGING_H

#include "guest/files/op.h"

#include <dirent.h>
#include <sys/types.h>

#define CSN_STAGING_PREFIX ".caisson-put-"
#define CSN_STAGING_SIZE 32   /* bytes of such a name, its NUL included */
#define CSN_TREE_DEPTH_MAX 256

bool csn_staging_is_name(const char *name);
void csn_staging_name(char out[CSN_STAGING_SIZE]);

/* A new and empty folder in `dir`, mode 0700. Its descriptor, or -1 with errno. */
int csn_staging_make(int dir, char name[CSN_STAGING_SIZE]);
/* Likewise a new and empty file, open for writing. */
int csn_staging_make_file(int dir, char name[CSN_STAGING_SIZE], mode_t mode);

/* Removes what is left of killed processes in the directory `path` and in all above it. */
void csn_staging_clean(const char *path);
/* The same in an open directory alone. */
void csn_staging_clean_in(int dir);

/* Removes a file, or a folder with all that is in it; never follows a link. 0, or -1 with errno. */
int csn_tree_remove(int dir, const char *name);

/* The next entry but "." and "..". NULL: the end, or an error if errno is not 0. */
struct dirent *csn_dir_next(DIR *entries);

/* mkdir -p, along links as well. 0, or -1 after csn_op_fail. */
int csn_dir_make(struct csn_op *op, const char *path);

#endif
