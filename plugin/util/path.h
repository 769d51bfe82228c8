/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in a sandbox, taken apart as texts. Pure: it knows no file system. */
#ifndef CSN_UTIL_PATH_H
#define CSN_UTIL_PATH_H

#define CSN_PATH_SIZE 4096

/* The path that `path` means in the directory `base`, with ".", ".." and doubled slashes resolved;
 * "" is the base itself. 0, or -1 if it is too long. */
int csn_path_resolve(const char *base, const char *path, char out[CSN_PATH_SIZE]);

#endif
