/* SPDX-License-Identifier: Apache-2.0 */
/* plugins.h: a configuration folder that names several plugins, one on each line, as PAM's does.
 *
 *   # comment
 *   plugin /usr/lib/caisson/caisson.so config=/etc/caisson/a.json prefix=a_ sha256=0123...
 */
#ifndef HOST_PLUGINS_H
#define HOST_PLUGINS_H

#include <limits.h>
#include <stddef.h>

#include "digest.h"
#include "why.h"

#define CSN_PLUGINS_MAX 64
#define CSN_PREFIX_SIZE 33 /* 32 characters and a NUL */

struct csn_plugin_line {
  char path[PATH_MAX];   /* absolute */
  char config[PATH_MAX]; /* likewise; "": the plugin's defaults */
  char prefix[CSN_PREFIX_SIZE];
  char sha256[CSN_DIGEST_SIZE]; /* "": not pinned */
  char file[NAME_MAX + 1];      /* where it stands */
  unsigned line;
};

struct csn_plugins {
  struct csn_plugin_line *lines;
  size_t count;
};

/* Adds the lines of one file to the list. Returns 0, or -1 with "FILE:LINE: reason" in `why`. */
int csn_plugins_parse(struct csn_plugins *list, const char *file, const char *text, size_t n,
                      char why[CSN_LOADER_MESSAGE]);

/* Reads the files in `folder` (absolute) whose names end in .conf, in the order of their names;
 * folder and files are trusted or refused like a plugin. There is at least one line then. */
int csn_plugins_read(struct csn_plugins *list, const char *folder, char why[CSN_LOADER_MESSAGE]);

void csn_plugins_free(struct csn_plugins *list);

#endif
