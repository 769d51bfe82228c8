/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished tree goes where it belongs: see tree.h. First a look at all of it, so that what cannot
 * be done is not half done.
 */
#include "guest/files/staging.h"
#include "guest/files/tree.h"

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
  uint64_t moved;   /* entries that are where they belong */
  int (*one)(struct move *move, int from, int to, const char *name, int depth);
};

static int refuse_existing(const struct move *move, const char *name, const char *what) {
  return csn_op_fail(move->op, CSN_OP_EXISTS, "Nothing was unpacked. Choose another directory.",
                     "%s: %s", name, what);
}

/* What was moved before stays: to take it back could fail as well. */
static int fail(const struct move *move, int number, const char *name) {
  struct csn_op *op = move->op;
  csn_op_fail_errno(op, number, "unpack", name);
  size_t n = strlen(op->message);
  snprintf(op->message + n, sizeof op->message - n, "; %s",
           move->moved > 0 ? "a part of the archive was unpacked before that"
                           : "nothing was unpacked");
  return -1;
}

static int each(struct move *move, int from, int to, int depth) {
  int again = openat(from, ".", DIR_FLAGS), rc = 0;
  DIR *entries = again >= 0 ? fdopendir(again) : NULL;
  struct dirent *entry;
  if (entries == NULL || depth > CSN_TREE_DEPTH_MAX + 8) {
    int number = entries == NULL ? errno : ELOOP;
    if (entries != NULL) closedir(entries);
    return fail(move, number, "the tree");
  }
  while (rc == 0 && (entry = csn_dir_next(entries)) != NULL)
    rc = move->one(move, from, to, entry->d_name, depth);
  if (rc == 0 && errno != 0) rc = fail(move, errno, "the tree");
  closedir(entries);
  return rc;
}

/* The same in a directory that is on both sides. */
static int descend(struct move *move, int from, int to, const char *name, int depth) {
  int below = openat(from, name, DIR_FLAGS), there = openat(to, name, DIR_FLAGS);
  int rc = below < 0 || there < 0 ? fail(move, errno, name)
                                  : each(move, below, there, depth + 1);
  if (below >= 0) close(below);
  if (there >= 0) close(there);
  return rc;
}

/* Two mounts may be of one device, and still nothing can be renamed from one into the other. */
static bool is_same_mount(int a, int b) {
  struct statx first, second;
  unsigned wanted = STATX_BASIC_STATS | STATX_MNT_ID;
  if (statx(a, "", AT_EMPTY_PATH, wanted, &first) < 0 ||
      statx(b, "", AT_EMPTY_PATH, wanted, &second) < 0)
    return true;   /* then the renaming tells */
  return first.stx_dev_major == second.stx_dev_major &&
         first.stx_dev_minor == second.stx_dev_minor && first.stx_mnt_id == second.stx_mnt_id;
}

/* Can something be renamed from there to here? */
static int check_place(const struct move *move, int from, int to, const char *name) {
  if (faccessat(to, ".", W_OK | X_OK, 0) < 0) return fail(move, errno, name);
  if (is_same_mount(from, to)) return 0;
  return csn_op_fail(move->op, CSN_OP_FAILED,
                     "Nothing was unpacked. Unpack into a directory on that mount instead.",
                     "cannot unpack %s: the directory that it belongs in is on another mount",
                     name);
}

static int check_one(struct move *move, int from, int to, const char *name, int depth) {
  struct stat mine, there;
  if (fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) < 0) return check_place(move, from, to, name);
  if (fstatat(from, name, &mine, AT_SYMLINK_NOFOLLOW) < 0) return fail(move, errno, name);
  if (S_ISDIR(mine.st_mode) && S_ISDIR(there.st_mode)) return descend(move, from, to, name, depth);
  if (S_ISDIR(there.st_mode))
    return refuse_existing(move, name, "a directory of that name is there");
  if (S_ISDIR(mine.st_mode))
    return refuse_existing(move, name, "something of that name that is no directory is there");
  return move->strict ? refuse_existing(move, name, "it exists already")
                      : check_place(move, from, to, name);
}

static int move_one(struct move *move, int from, int to, const char *name, int depth) {
  struct stat mine, there;
  bool both = fstatat(from, name, &mine, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(mine.st_mode) &&
              fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode);
  if (both) return descend(move, from, to, name, depth);
  if (renameat(from, name, to, name) < 0) return fail(move, errno, name);
  move->moved++;
  return 0;
}

int csn_tree_check(struct csn_op *op, int from, int to, bool strict) {
  struct move move = {.op = op, .strict = strict, .one = check_one};
  return each(&move, from, to, 0);
}

int csn_tree_move(struct csn_op *op, int from, int to) {
  struct move move = {.op = op, .one = move_one};
  return each(&move, from, to, 0);
}
