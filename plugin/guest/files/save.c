/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a file whole or not at all: see save.h.
 */
#include "guest/files/save.h"

#include "guest/files/quota.h"
#include "guest/files/seen.h"
#include "guest/files/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LINKS_MAX 40   /* as the kernel */

/* ---- where it lies --------------------------------------------------------------------------- */

/* Where a link that leads to nothing leads: into out. 1, or 0 where `path` is no link. */
static int follow(const char *path, char out[CSN_PATH_SIZE]) {
  char link[CSN_PATH_SIZE], dir[CSN_PATH_SIZE], real[PATH_MAX];
  ssize_t n = readlink(path, link, sizeof link - 1);
  if (n < 0) return 0;
  link[n] = '\0';
  snprintf(dir, sizeof dir, "%s", path);
  *(strrchr(dir, '/') + 1) = '\0';
  if (csn_path_resolve(realpath(dir, real) != NULL ? real : dir, link, out) == 0) return 1;
  errno = ENAMETOOLONG;
  return -1;
}

static int find(struct csn_op *op, struct csn_save *save) {
  char next[CSN_PATH_SIZE];
  if (realpath(save->path, save->real) != NULL) return 0;
  if (errno != ENOENT) return csn_op_fail_errno(op, errno, "write", save->path);
  snprintf(save->real, sizeof save->real, "%s", save->path);
  for (int i = 0; i < LINKS_MAX; i++) {
    int rc = follow(save->real, next);
    if (rc == 0) return 0;
    if (rc < 0) return csn_op_fail_errno(op, errno, "write", save->path);
    memcpy(save->real, next, sizeof next);
  }
  return csn_op_fail_errno(op, ELOOP, "write", save->path);
}

/* Like mkdir -p. 0, or -1 with errno. */
static int make_dirs(char *path) {
  for (char *slash = path; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
    *slash = '\0';
    if (mkdir(path, 0777) < 0 && errno != EEXIST && access(path, F_OK) < 0) {
      *slash = '/';
      return -1;
    }
  }
  return mkdir(path, 0777) < 0 && errno != EEXIST ? -1 : 0;
}

/* One that may not be read can still be written in; then it is not synchronised. */
static int open_dir(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 && errno == EACCES ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : fd;
}

static int enter(struct csn_op *op, struct csn_save *save) {
  char dir[CSN_PATH_SIZE];
  const char *slash = strrchr(save->real, '/');
  size_t n = (size_t)(slash - save->real);
  if (strlen(slash + 1) > NAME_MAX)
    return csn_op_fail_errno(op, ENAMETOOLONG, "write", save->path);
  memcpy(save->name, slash + 1, strlen(slash + 1) + 1);
  memcpy(dir, n > 0 ? save->real : "/", n > 0 ? n : 1);
  dir[n > 0 ? n : 1] = '\0';
  save->dir = open_dir(dir);
  if (save->dir < 0 && errno == ENOENT) {
    if (make_dirs(dir) < 0) return csn_op_fail_errno(op, errno, "make the directory", dir);
    save->dir = open_dir(dir);
  }
  if (save->dir < 0) return csn_op_fail_errno(op, errno, "write in", dir);
  csn_target_real(save->dir, dir, dir);
  if (csn_path_resolve(dir, save->name, save->real) == 0) return 0;
  return csn_op_fail_errno(op, ENAMETOOLONG, "write", save->path);
}

static int look(struct csn_op *op, struct csn_save *save) {
  save->exists = fstatat(save->dir, save->name, &save->old, AT_SYMLINK_NOFOLLOW) == 0;
  if (!save->exists)
    return errno == ENOENT ? 0 : csn_op_fail_errno(op, errno, "write", save->path);
  if (csn_target_check(op, "write", save->path, save->old.st_mode) < 0) return -1;
  if (faccessat(save->dir, save->name, W_OK, 0) == 0) return 0;
  if (errno != EACCES) return csn_op_fail_errno(op, errno, "write", save->path);
  return csn_op_fail(op, CSN_OP_PERMISSION, "If it is meant to change, run chmod u+w on it first.",
                     "cannot write %s: it is write-protected (mode %03o)", save->path,
                     save->old.st_mode & 0777);
}

/* What is there gives its room back, unless it has another name that keeps it. */
static int check_quota(struct csn_op *op, const struct csn_save *save, uint64_t size) {
  struct stat st;
  bool is_freed = lstat(save->real, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
  return csn_quota_check(op, save->real, is_freed ? (uint64_t)st.st_blocks * 512 : 0, size);
}

int csn_save_begin(struct csn_op *op, struct csn_save *save, const char *path, uint64_t size) {
  save->path = path;
  save->temporary[0] = '\0';
  save->dir = save->fd = -1;
  save->size = 0;
  if (strcmp(path, "/") == 0) return csn_target_check(op, "write", path, S_IFDIR);
  if (find(op, save) < 0 || check_quota(op, save, size) < 0 || enter(op, save) < 0 ||
      look(op, save) < 0)
    return -1;
  return save->exists ? csn_target_check_seen(op, path, save->real, &save->old) : 0;
}

/* ---- the new content ------------------------------------------------------------------------- */

/* A file without a name needs /proc to get one. */
static int open_nameless(const struct csn_save *save, char link[40]) {
  int fd = openat(save->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  snprintf(link, 40, "/proc/self/fd/%d", fd);
  if (fd < 0 || access(link, F_OK) == 0) return fd;
  close(fd);
  return -1;
}

static int open_new(struct csn_op *op, struct csn_save *save) {
  char link[40];
  if (save->fd >= 0) return 0;
  save->fd = open_nameless(save, link);
  if (save->fd >= 0) return 0;
  csn_staging_clean_in(save->dir);
  save->fd = csn_staging_make_file(save->dir, save->temporary, 0666);
  if (save->fd >= 0) return 0;
  int why = errno;
  save->temporary[0] = '\0';
  return csn_op_fail_errno(op, why, "write", save->path);
}

/* Why it cannot be written, with figures where there is no room. */
static int fail_write(struct csn_op *op, const struct csn_save *save, int why) {
  struct statvfs fs;
  if ((why != ENOSPC && why != EDQUOT) || fstatvfs(save->dir, &fs) < 0)
    return csn_op_fail_errno(op, why, "write", save->path);
  return csn_op_fail(op, CSN_OP_DISK_FULL, "Remove files that are not needed and try again.",
                     "cannot write %s: the disk is full (%llu bytes in all, %llu were free, and "
                     "the file needs more). %s", save->path,
                     (unsigned long long)fs.f_blocks * fs.f_frsize,
                     (unsigned long long)fs.f_bavail * fs.f_bsize + save->size,
                     save->exists ? "The old file is as it was." : "No file was made.");
}

int csn_save_add(struct csn_op *op, struct csn_save *save, const void *bytes, size_t n) {
  if (open_new(op, save) < 0) return -1;
  while (n > 0) {
    ssize_t wrote = write(save->fd, bytes, n);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return fail_write(op, save, errno);
    bytes = (const char *)bytes + wrote;
    n -= (size_t)wrote;
    save->size += (uint64_t)wrote;
  }
  return 0;
}

/* ---- its name -------------------------------------------------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Somebody else may have written meanwhile. What happens between this and the rename, in
 * microseconds, is lost. */
static int check_old(struct csn_op *op, const struct csn_save *save) {
  struct stat now;
  bool exists = fstatat(save->dir, save->name, &now, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists == save->exists && (!exists || is_same(&now, &save->old))) return 0;
  return csn_op_fail(op, CSN_OP_CHANGED, "Read it again, then decide about what is there now.",
                     "%s was changed by something else at the same time; it is left as that made "
                     "it", save->path);
}

/* 0, or -1 with errno. */
static int publish(struct csn_save *save) {
  if (save->temporary[0] == '\0') {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", save->fd);
    if (!save->exists)
      return linkat(AT_FDCWD, link, save->dir, save->name, AT_SYMLINK_FOLLOW);
    csn_staging_name(save->temporary);
    flock(save->fd, LOCK_EX | LOCK_NB);   /* no clean-up may take it */
    if (linkat(AT_FDCWD, link, save->dir, save->temporary, AT_SYMLINK_FOLLOW) < 0) {
      save->temporary[0] = '\0';
      return -1;
    }
  }
  if (renameat(save->dir, save->temporary, save->dir, save->name) < 0) return -1;
  save->temporary[0] = '\0';
  return 0;
}

int csn_save_commit(struct csn_op *op, struct csn_save *save) {
  struct stat st;
  if (open_new(op, save) < 0) return -1;
  if (save->exists && fchmod(save->fd, save->old.st_mode & 0777) < 0)
    return csn_op_fail_errno(op, errno, "set the mode of", save->path);
  /* Some file systems know no such thing. */
  if (fsync(save->fd) < 0 && errno != EINVAL && errno != ENOTSUP)
    return fail_write(op, save, errno);
  if (check_old(op, save) < 0) return -1;
  if (publish(save) < 0) {
    if (errno == EBUSY)
      return csn_op_fail(op, CSN_OP_FAILED, "Write it with shell: cat > file does not replace it.",
                         "cannot replace %s: it is a mount of its own", save->path);
    return fail_write(op, save, errno);
  }
  fsync(save->dir);   /* the content is safe; a name that cannot be made so is no failure */
  if (fstat(save->fd, &st) == 0) csn_seen_note(save->real, &st);
  return 0;
}

void csn_save_end(struct csn_save *save) {
  if (save->temporary[0] != '\0') unlinkat(save->dir, save->temporary, 0);
  if (save->fd >= 0) close(save->fd);
  if (save->dir >= 0) close(save->dir);
}
