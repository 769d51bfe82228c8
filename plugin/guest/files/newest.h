/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest N of any number of paths, in memory that depends on N only.
 */
#ifndef CSN_GUEST_FILES_NEWEST_H
#define CSN_GUEST_FILES_NEWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct csn_newest_path {
  struct timespec mtime;
  char *path;
};

struct csn_newest {
  struct csn_newest_path *paths;   /* a heap, the oldest first; once sorted, the newest first */
  size_t count, limit;
  uint64_t seen;                   /* how many were offered */
};

int csn_newest_begin(struct csn_newest *newest, size_t limit);   /* 0, or -1: no memory */
int csn_newest_offer(struct csn_newest *newest, const struct timespec *mtime, const char *path);
void csn_newest_sort(struct csn_newest *newest);                 /* of one age: by path */
void csn_newest_free(struct csn_newest *newest);

#endif
