/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished tree goes where it belongs: see tree.h. First a look at all of it, so that what cannot
 * be done is not half done.
 */
#include "guest/files/staging.h"
#include "guest/files/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct move {
  struct csn_op *op;
  bool strict;
  int (*one)(struct move *move, int from, int to, const char *name, int depth);
};

static int refuse_existing(const struct move *move, const char *name, const char *what) {
  return csn_op_fail(move->op, CSN_OP_EXISTS, "Nothing was unpacked. Choose another directory.",
                     "%s: %s", name, what);
}

static int each(struct move *move, int from, int to, int depth) {
  int again = openat(from, ".", DIR_FLAGS), rc = 0;
  DIR *entries = again >= 0 ? fdopendir(again) : NULL;
  struct dirent *entry;
  if (entries == NULL || depth > CSN_TREE_DEPTH_MAX + 8) {
    int number = entries == NULL ? errno : ELOOP;
    if (entries != NULL) closedir(entries);
    return csn_op_fail_errno(move->op, number, "unpack", "the tree");
  }
  while (rc == 0 && (entry = readdir(entries)) != NULL)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      rc = move->one(move, from, to, entry->d_name, depth);
  closedir(entries);
  return rc;
}

/* The same in a directory that is on both sides. */
static int descend(struct move *move, int from, int to, const char *name, int depth) {
  int below = openat(from, name, DIR_FLAGS), there = openat(to, name, DIR_FLAGS);
  int rc = below < 0 || there < 0 ? csn_op_fail_errno(move->op, errno, "unpack", name)
                                  : each(move, below, there, depth + 1);
  if (below >= 0) close(below);
  if (there >= 0) close(there);
  return rc;
}

static int check_one(struct move *move, int from, int to, const char *name, int depth) {
  struct stat mine, there;
  if (fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  if (fstatat(from, name, &mine, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  if (S_ISDIR(mine.st_mode) && S_ISDIR(there.st_mode)) return descend(move, from, to, name, depth);
  if (S_ISDIR(there.st_mode)) return refuse_existing(move, name, "a directory of that name is there");
  if (S_ISDIR(mine.st_mode))
    return refuse_existing(move, name, "something of that name that is no directory is there");
  return move->strict ? refuse_existing(move, name, "it exists already") : 0;
}

static int move_one(struct move *move, int from, int to, const char *name, int depth) {
  struct stat mine, there;
  bool both = fstatat(from, name, &mine, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(mine.st_mode) &&
              fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode);
  if (both) return descend(move, from, to, name, depth);
  if (renameat(from, name, to, name) == 0) return 0;
  return csn_op_fail_errno(move->op, errno, "unpack", name);
}

int csn_tree_check(struct csn_op *op, int from, int to, bool strict) {
  struct move move = {op, strict, check_one};
  return each(&move, from, to, 0);
}

int csn_tree_move(struct csn_op *op, int from, int to) {
  struct move move = {op, false, move_one};
  return each(&move, from, to, 0);
}
