/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the entries of a stream in a staging folder: see tree.h.
 */
#include "guest/files/tree.h"

#include "guest/basics.h"
#include "guest/files/intake.h"
#include "guest/files/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define DIRS_MAX ((size_t)64 << 20)   /* bytes of all names of directories */

struct csn_tree_dir {
  char *path;
  uint16_t mode;
  struct timespec mtime;
};

void csn_tree_begin(struct csn_tree *tree, struct csn_op *op, int root, uint64_t max) {
  *tree = (struct csn_tree){.op = op, .root = root, .max = max, .file = -1, .parent = -1};
}

void csn_tree_end(struct csn_tree *tree) {
  if (tree->file >= 0) close(tree->file);
  if (tree->parent >= 0) close(tree->parent);
  for (size_t i = 0; i < tree->dir_count; i++) free(tree->dirs[i].path);
  free(tree->dirs);
  tree->file = tree->parent = -1;
  tree->dirs = NULL;
  tree->dir_count = 0;
}

/* ---- where an entry goes --------------------------------------------------------------------- */

static int refuse(struct csn_tree *tree, const char *why) {
  return csn_op_fail(tree->op, CSN_OP_ARCHIVE_UNSAFE, "Nothing was unpacked.", "%s: %s", tree->path,
                     why);
}

static int fail(struct csn_tree *tree, int number) {
  if (number == ENOTDIR || number == ELOOP)
    return refuse(tree, "it goes through something that is no directory, such as an earlier link");
  return csn_op_fail_errno(tree->op, number, "unpack", tree->path);
}

static int count_one(struct csn_tree *tree) {
  if (++tree->made <= tree->max) return 0;
  return csn_op_fail(tree->op, CSN_OP_ARCHIVE_LIMIT, "Nothing was unpacked.",
                     "the archive makes more than %llu files and directories",
                     (unsigned long long)tree->max);
}

/* One step down, which is made if it is not there. Takes `dir` unless it is the root. */
static int step(struct csn_tree *tree, int dir, const char *name) {
  int next = openat(dir, name, DIR_FLAGS);
  if (next < 0 && errno == ENOENT) {
    if (count_one(tree) == 0 && mkdirat(dir, name, 0755) == 0)
      next = openat(dir, name, DIR_FLAGS);
  }
  int number = errno;
  if (dir != tree->root) close(dir);
  if (next < 0 && !tree->op->refused) fail(tree, number);
  return next;
}

/* The directory in which the entry's last component lies, and that component. */
static int find_parent(struct csn_tree *tree, const char **name) {
  char path[CSN_PATH_SIZE];
  const char *slash = strrchr(tree->path, '/');
  size_t n = slash != NULL ? (size_t)(slash - tree->path) : 0;
  *name = slash != NULL ? slash + 1 : tree->path;
  if (tree->parent >= 0 && strlen(tree->parent_path) == n &&
      memcmp(tree->parent_path, tree->path, n) == 0)
    return tree->parent;
  if (tree->parent >= 0) close(tree->parent);
  tree->parent = -1;
  snprintf(path, sizeof path, "%.*s", (int)n, tree->path);
  int dir = n > 0 ? tree->root : fcntl(tree->root, F_DUPFD_CLOEXEC, 3);
  char *rest = NULL;
  for (char *part = strtok_r(path, "/", &rest); part != NULL && dir >= 0;
       part = strtok_r(NULL, "/", &rest))
    dir = step(tree, dir, part);
  tree->parent = dir;
  memcpy(tree->parent_path, tree->path, n);
  tree->parent_path[n] = '\0';
  return dir;
}

/* A later entry of the same name takes an earlier file's place; no link's, and no directory's. */
static int make_room(struct csn_tree *tree, int dir, const char *name) {
  struct stat there;
  if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  if (!S_ISREG(there.st_mode)) return refuse(tree, "an earlier entry of this name is no file");
  return unlinkat(dir, name, 0) < 0 ? fail(tree, errno) : 0;
}

/* ---- kinds of entries ------------------------------------------------------------------------ */

static void remember_parentless(struct csn_tree *tree) {
  if (tree->parent >= 0) close(tree->parent);
  tree->parent = -1;
}

static int make_file(struct csn_tree *tree, int dir, const char *name,
                     const struct csn_entry *entry) {
  tree->file = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  tree->file_entry = *entry;
  tree->at = 0;
  return tree->file < 0 ? fail(tree, errno) : 0;
}

static int make_symlink(struct csn_tree *tree, int dir, const char *name,
                        const struct csn_entry *entry) {
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {entry->mtime, entry->mtime_ns}};
  if (symlinkat(entry->target, dir, name) < 0) return fail(tree, errno);
  utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
  return 0;
}

/* The other name is found as the entry's own is: step by step, in the staging folder alone. */
static int make_hardlink(struct csn_tree *tree, int dir, const char *name,
                         const struct csn_entry *entry) {
  char path[CSN_PATH_SIZE];
  const char *other;
  struct stat found;
  int mine = fcntl(dir, F_DUPFD_CLOEXEC, 3);
  if (mine < 0) return fail(tree, errno);
  /* `name` is a part of tree->path, which is about to be another one. */
  snprintf(path, sizeof path, "%s", tree->path);
  name = path + (name - tree->path);
  snprintf(tree->path, sizeof tree->path, "%s", entry->target);
  int from = find_parent(tree, &other);
  int is_file = from >= 0 && fstatat(from, other, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(found.st_mode);
  int rc = is_file ? linkat(from, other, mine, name, 0) : 0;
  int number = errno;
  close(mine);
  snprintf(tree->path, sizeof tree->path, "%s", path);
  remember_parentless(tree);
  if (rc < 0) return fail(tree, number);
  return is_file ? 0 : refuse(tree, "it is a hard link to no earlier file of the archive");
}

static int keep_dir(struct csn_tree *tree, const struct csn_entry *entry) {
  if (tree->dir_count == tree->dir_room) {
    size_t room = tree->dir_room > 0 ? 2 * tree->dir_room : 64;
    struct csn_tree_dir *dirs = realloc(tree->dirs, room * sizeof *dirs);
    if (dirs == NULL) return fail(tree, ENOMEM);
    tree->dirs = dirs;
    tree->dir_room = room;
  }
  struct csn_tree_dir *dir = &tree->dirs[tree->dir_count];
  *dir = (struct csn_tree_dir){strdup(tree->path), entry->mode, {entry->mtime, entry->mtime_ns}};
  if (dir->path == NULL) return fail(tree, ENOMEM);
  tree->dir_count++;
  tree->dir_bytes += sizeof *dir + strlen(dir->path);
  if (tree->dir_bytes <= DIRS_MAX) return 0;
  return csn_op_fail(tree->op, CSN_OP_ARCHIVE_LIMIT, "Nothing was unpacked.",
                     "the archive names too many directories");
}

static int make_dir(struct csn_tree *tree, int dir, const char *name,
                    const struct csn_entry *entry) {
  struct stat there;
  if (mkdirat(dir, name, 0755) == 0) return count_one(tree) < 0 ? -1 : keep_dir(tree, entry);
  if (errno != EEXIST) return fail(tree, errno);
  if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(there.st_mode))
    return refuse(tree, "an earlier entry of this name is no directory");
  return keep_dir(tree, entry);
}

static int make(struct csn_tree *tree, const struct csn_entry *entry) {
  static int (*const ways[])(struct csn_tree *, int, const char *, const struct csn_entry *) = {
    [CSN_ENTRY_FILE] = make_file, [CSN_ENTRY_DIRECTORY] = make_dir,
    [CSN_ENTRY_SYMLINK] = make_symlink, [CSN_ENTRY_HARDLINK] = make_hardlink};
  const char *name;
  if (snprintf(tree->path, sizeof tree->path, "%s", entry->path) >= (int)sizeof tree->path)
    return refuse(tree, "its path is too long");
  int dir = find_parent(tree, &name);
  if (dir < 0) return tree->op->refused ? -1 : fail(tree, errno);
  /* The host has seen to that; who speaks to us here may not be it. */
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
    return refuse(tree, "it is no name");
  if (entry->type == CSN_ENTRY_DIRECTORY) return make_dir(tree, dir, name, entry);
  if (make_room(tree, dir, name) < 0 || count_one(tree) < 0) return -1;
  return ways[entry->type](tree, dir, name, entry);
}

/* ---- the stream ------------------------------------------------------------------------------ */

int csn_tree_close_file(struct csn_tree *tree) {
  const struct csn_entry *entry = &tree->file_entry;
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {entry->mtime, entry->mtime_ns}};
  if (tree->file < 0) return 0;
  int rc = ftruncate(tree->file, (off_t)tree->at) < 0 || fchmod(tree->file, entry->mode) < 0;
  futimens(tree->file, times);
  int number = errno;
  close(tree->file);
  tree->file = -1;
  return rc ? fail(tree, number) : 0;
}

static int add_data(struct csn_tree *tree, const struct csn_entry_event *event) {
  if (csn_guest_write_all(tree->file, event->bytes, (size_t)event->size) < 0) return fail(tree, errno);
  tree->at += event->size;
  return 0;
}

static int add_hole(struct csn_tree *tree, const struct csn_entry_event *event) {
  tree->at += event->size;
  return lseek(tree->file, (off_t)tree->at, SEEK_SET) < 0 ? fail(tree, errno) : 0;
}

int csn_tree_take(struct csn_tree *tree, const struct csn_entry_event *event) {
  if (event->type == CSN_ENTRY_DATA) return add_data(tree, event);
  if (event->type == CSN_ENTRY_HOLE) return add_hole(tree, event);
  return csn_tree_close_file(tree) < 0 ? -1 : make(tree, &event->entry);
}

/* ---- modes and times of directories ---------------------------------------------------------- */

/* What lies in a directory comes before it. */
static int deepest_first(const void *a, const void *b) {
  const struct csn_tree_dir *x = a, *y = b;
  return strcmp(y->path, x->path);
}

static int open_below(int root, const char *path) {
  char steps[CSN_PATH_SIZE], *rest = NULL;
  snprintf(steps, sizeof steps, "%s", path);
  int dir = fcntl(root, F_DUPFD_CLOEXEC, 3);
  for (char *part = strtok_r(steps, "/", &rest); part != NULL && dir >= 0;
       part = strtok_r(NULL, "/", &rest)) {
    int next = openat(dir, part, DIR_FLAGS);
    close(dir);
    dir = next;
  }
  return dir;
}

void csn_tree_dress(struct csn_tree *tree, int to) {
  if (tree->dir_count > 0)
    qsort(tree->dirs, tree->dir_count, sizeof *tree->dirs, deepest_first);
  for (size_t i = 0; i < tree->dir_count; i++) {
    const struct csn_tree_dir *dir = &tree->dirs[i];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, dir->mtime};
    int fd = open_below(to, dir->path);
    if (fd < 0) continue;
    futimens(fd, times);
    fchmod(fd, dir->mode);
    close(fd);
  }
}
