/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a file so that it is there whole or not at all: into a file without a name where the file
 * system has such, else under a temporary one, which takes the final name at the very end. Symbolic
 * links stay, and what they lead to is written; missing directories are made.
 */
#ifndef CSN_GUEST_FILES_SAVE_H
#define CSN_GUEST_FILES_SAVE_H

#include "guest/files/staging.h"

#include <limits.h>
#include <sys/stat.h>

struct csn_save {
  const char *path;           /* as it was asked for, for messages; the caller's */
  char real[CSN_PATH_SIZE];   /* the file itself, behind all links */
  char name[NAME_MAX + 1];    /* its last part, in `dir` */
  char temporary[CSN_STAGING_SIZE];   /* "" while there is none */
  int dir, fd;
  bool exists;                /* with `old` as its state */
  struct stat old;
  uint64_t size;              /* bytes so far */
};

/* Finds out what is there and refuses what cannot be written; nothing is written yet but missing
 * directories. `size`: how long it is going to be, for the workspace's quota. 0, or -1 refused.
 * In both cases csn_save_end is to follow. */
int csn_save_begin(struct csn_op *op, struct csn_save *save, const char *path, uint64_t size);
int csn_save_add(struct csn_op *op, struct csn_save *save, const void *bytes, size_t n);
/* Gives it its name, unless what is there has changed since save->old; keeps the old mode, without
 * setuid and setgid, and takes note of the new state as seen. */
int csn_save_commit(struct csn_op *op, struct csn_save *save);
/* Lets go; without a commit nothing of it stays. */
void csn_save_end(struct csn_save *save);

#endif
