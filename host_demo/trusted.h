/* SPDX-License-Identifier: Apache-2.0 */
/* trusted.h: opens a file that nobody could have put there or changed but root, ourselves, and who
 * could replace this very program. */
#ifndef HOST_TRUSTED_H
#define HOST_TRUSTED_H

#include <limits.h>

#include "why.h"

/* `path` is absolute. Opens it for reading, once, and checks what was opened: the file, each folder
 * that leads to it, and each link on the way. Returns the descriptor, with the path without links
 * in `real`; or -1 with the reason in `why`, where the file is called `kind` ("plugin"). */
int csn_trusted_open(const char *kind, const char *path, char real[PATH_MAX],
                     char why[CSN_LOADER_MESSAGE]);

/* The same for a folder: of what is in it nothing is known yet. */
int csn_trusted_open_folder(const char *kind, const char *path, char real[PATH_MAX],
                            char why[CSN_LOADER_MESSAGE]);

#endif
