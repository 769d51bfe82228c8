/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of this machine that sandboxes get: found and made component by component, so that
 * nothing that lies under an operator's root, a link above all, leads out of it. */
#ifndef CSN_SESSION_HOST_DIR_H
#define CSN_SESSION_HOST_DIR_H

#include <sys/stat.h>

#include "util/error.h"
#include "util/path.h"

struct csn_host_place {
  char path[CSN_PATH_SIZE]; /* without any link */
  struct stat st;
};

/* What lies at `path`, which is plain and at or below `root`. Links above and in the root are
 * followed, none below it. 0; 1 when it is not there, with the nearest directory above it in
 * *out; or CAISSON_E_CONFIG, where it is neither a directory nor a file or a link is in the way.
 * `where` names the setting. */
int csn_host_find(const char *where, const char *root, const char *path, struct csn_host_place *out,
                  struct csn_error *err);

struct csn_host_owner {
  uid_t uid;
  gid_t gid;
  mode_t mode;
  int is_of_all; /* what is made above it gets the owner too; otherwise it is this process's */
};
/* The same; what is missing is made, the last directory at one stroke with its owner and mode,
 * those above it with 0755. Where somebody else makes it at the same time, theirs is found. */
int csn_host_make(const char *where, const char *root, const char *path,
                  const struct csn_host_owner *owner, struct csn_host_place *out,
                  struct csn_error *err);

#endif
