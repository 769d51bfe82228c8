/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that an operation is about: opened without ever waiting, and refused in clear words
 * where it is no regular file.
 */
#ifndef CSN_GUEST_FILES_TARGET_H
#define CSN_GUEST_FILES_TARGET_H

#include "guest/files/op.h"

#include <sys/stat.h>
#include <sys/types.h>

struct csn_target {
  char path[CSN_PATH_SIZE];   /* as the operand means it */
  char real[CSN_PATH_SIZE];   /* the same without symbolic links, as far as that can be told */
  int fd;
  struct stat st;
};

/* The operand "path", which may not be empty. 0, or -1 refused. */
int csn_target_path(struct csn_op *op, char path[CSN_PATH_SIZE]);

/* Refuses all but regular files. 0, or -1. */
int csn_target_check(struct csn_op *op, const char *verb, const char *path, mode_t mode);

/* Opens what the operand "path" names, for reading. 0 with target->fd, or -1 refused. */
int csn_target_open(struct csn_op *op, const char *verb, struct csn_target *target);

/* Where an open file lies; `fallback` where the kernel does not say. */
void csn_target_real(int fd, const char *fallback, char real[CSN_PATH_SIZE]);

/* Like read, but only an end or an error makes it less than n bytes. -1 with errno. */
ssize_t csn_target_fill(int fd, void *bytes, size_t n);

/* Refuses what changed since it was last seen. 0, or -1. */
int csn_target_check_seen(struct csn_op *op, const char *path, const char *real,
                          const struct stat *st);

#endif
