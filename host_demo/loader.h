/* SPDX-License-Identifier: Apache-2.0 */
/* loader.h: from a path to a table that is safe to call. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include <limits.h>
#include <stddef.h>

#include "caisson.h"
#include "why.h"

#define CSN_LOADER_PATH PATH_MAX

struct csn_object;

struct csn_loaded {
  struct csn_object *object;
  const caisson_plugin *plugin;
  char path[CSN_LOADER_PATH]; /* absolute, without links */
};

/* Loads `path`, or where that is NULL what $CAISSON_PLUGIN names, or the first that is there of: a
 * file beside this program, ../lib/caisson of it, and where `make install` puts it. Its SHA-256 must
 * be the one in `sha256` (NULL: whatever it is).
 * Returns 0, or -1 with the reason in `why`. */
int csn_loader_open(const char *path, const char *sha256, struct csn_loaded *loaded,
                    char why[CSN_LOADER_MESSAGE]);

/* Does nothing to one that was never opened. No instance may be left. */
void csn_loader_close(struct csn_loaded *loaded);

#endif
