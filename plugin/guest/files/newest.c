/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest of many paths: see newest.h.
 */
#include "guest/files/newest.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Negative: a comes before b in what is shown. */
static int compare(const struct timespec *a_time, const char *a_path, const struct timespec *b_time,
                   const char *b_path) {
  if (a_time->tv_sec != b_time->tv_sec) return a_time->tv_sec > b_time->tv_sec ? -1 : 1;
  if (a_time->tv_nsec != b_time->tv_nsec) return a_time->tv_nsec > b_time->tv_nsec ? -1 : 1;
  return strcmp(a_path, b_path);
}

static int compare_entries(const void *a, const void *b) {
  const struct csn_newest_path *left = a, *right = b;
  return compare(&left->mtime, left->path, &right->mtime, right->path);
}

static void swap(struct csn_newest_path *a, struct csn_newest_path *b) {
  struct csn_newest_path kept = *a;
  *a = *b;
  *b = kept;
}

static void sift_up(struct csn_newest_path *paths, size_t at) {
  for (size_t up; at > 0 && compare_entries(&paths[up = (at - 1) / 2], &paths[at]) < 0; at = up)
    swap(&paths[up], &paths[at]);
}

static void sift_down(struct csn_newest_path *paths, size_t count) {
  for (size_t at = 0, down; (down = 2 * at + 1) < count; at = down) {
    if (down + 1 < count && compare_entries(&paths[down], &paths[down + 1]) < 0) down++;
    if (compare_entries(&paths[at], &paths[down]) >= 0) return;
    swap(&paths[at], &paths[down]);
  }
}

int csn_newest_begin(struct csn_newest *newest, size_t limit) {
  *newest = (struct csn_newest){.limit = limit};
  newest->paths = csn_calloc(limit > 0 ? limit : 1, sizeof *newest->paths);
  return newest->paths != NULL ? 0 : -1;
}

int csn_newest_offer(struct csn_newest *newest, const struct timespec *mtime, const char *path) {
  struct csn_newest_path *paths = newest->paths;
  newest->seen++;
  bool is_full = newest->count == newest->limit;
  if (newest->limit == 0 || (is_full && compare(mtime, path, &paths[0].mtime, paths[0].path) >= 0))
    return 0;
  char *kept = csn_strdup(path);
  if (kept == NULL) return -1;
  if (is_full) {
    csn_free(paths[0].path);
    paths[0] = (struct csn_newest_path){*mtime, kept};
    sift_down(paths, newest->count);
  } else {
    paths[newest->count] = (struct csn_newest_path){*mtime, kept};
    sift_up(paths, newest->count++);
  }
  return 0;
}

void csn_newest_sort(struct csn_newest *newest) {
  qsort(newest->paths, newest->count, sizeof *newest->paths, compare_entries);
}

void csn_newest_free(struct csn_newest *newest) {
  for (size_t i = 0; i < newest->count; i++) csn_free(newest->paths[i].path);
  csn_free(newest->paths);
  *newest = (struct csn_newest){.paths = NULL};
}
