/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders for what is not whole yet: see staging.h.
 */
#include "guest/files/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 8
#define LOOK (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

bool csn_staging_is_name(const char *name) {
  return strncmp(name, CSN_STAGING_PREFIX, sizeof CSN_STAGING_PREFIX - 1) == 0;
}

void csn_staging_name(char out[CSN_STAGING_SIZE]) {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) number = (uint64_t)getpid();
  snprintf(out, CSN_STAGING_SIZE, CSN_STAGING_PREFIX "%016llx", (unsigned long long)number);
}

static bool is_same(int fd, int dir, const char *name) {
  struct stat open, there;
  return fstat(fd, &open) == 0 && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
         open.st_ino == there.st_ino && open.st_dev == there.st_dev;
}

/* Ours as long as we live? Where there are no locks, nobody cleans up either. */
static bool is_held(int fd, int dir, const char *name) {
  if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) return false;
  return is_same(fd, dir, name);
}

/* Between its making and its lock a clean-up may take it for a dead one's: then it is made anew. */
int csn_staging_make(int dir, char name[CSN_STAGING_SIZE]) {
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    csn_staging_name(name);
    if (mkdirat(dir, name, 0700) < 0) {
      if (errno == EEXIST) continue;
      return -1;
    }
    int fd = openat(dir, name, LOOK | O_DIRECTORY);
    if (fd >= 0 && is_held(fd, dir, name)) return fd;
    if (fd >= 0) close(fd);
  }
  errno = EBUSY;
  return -1;
}

int csn_staging_make_file(int dir, char name[CSN_STAGING_SIZE], mode_t mode) {
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    csn_staging_name(name);
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0 || is_held(fd, dir, name)) return fd;
    unlinkat(dir, name, 0);
    close(fd);
  }
  errno = EBUSY;
  return -1;
}

/* ---- removal ------------------------------------------------------------------------------- */

struct dirent *csn_dir_next(DIR *entries) {
  struct dirent *entry;
  errno = 0;
  while ((entry = readdir(entries)) != NULL &&
         (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0))
    continue;
  return entry;
}

static int remove_below(int dir, const char *name, int depth);

static int empty(int fd, int depth) {
  DIR *entries = fdopendir(fd);
  struct dirent *entry;
  int rc = 0;
  if (entries == NULL) {
    close(fd);
    return -1;
  }
  while (rc == 0 && (entry = csn_dir_next(entries)) != NULL)
    rc = remove_below(dirfd(entries), entry->d_name, depth + 1);
  closedir(entries);
  return rc;
}

static int remove_below(int dir, const char *name, int depth) {
  if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return -1;
  if (depth > CSN_TREE_DEPTH_MAX + 8) {
    errno = ELOOP;
    return -1;
  }
  int fd = openat(dir, name, LOOK | O_DIRECTORY);
  if (fd < 0 || empty(fd, depth) < 0) return -1;
  return unlinkat(dir, name, AT_REMOVEDIR);
}

int csn_tree_remove(int dir, const char *name) {
  return remove_below(dir, name, 0);
}

static void remove_dead(int dir, const char *name) {
  int fd = openat(dir, name, LOOK);
  if (fd < 0) return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) csn_tree_remove(dir, name);
  close(fd);
}

void csn_staging_clean_in(int dir) {
  int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = again >= 0 ? fdopendir(again) : NULL;
  struct dirent *entry;
  if (entries == NULL) {
    if (again >= 0) close(again);
    return;
  }
  while ((entry = csn_dir_next(entries)) != NULL)
    if (csn_staging_is_name(entry->d_name)) remove_dead(dirfd(entries), entry->d_name);
  closedir(entries);
}

static void clean_one(const char *path) {
  int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return;
  csn_staging_clean_in(dir);
  close(dir);
}

void csn_staging_clean(const char *path) {
  char dir[CSN_PATH_SIZE];
  snprintf(dir, sizeof dir, "%s", path);
  for (char *slash = dir + strlen(dir); slash != NULL; slash = strrchr(dir, '/')) {
    *slash = '\0';
    clean_one(dir[0] != '\0' ? dir : "/");
  }
}

/* ---- parents ------------------------------------------------------------------------------- */

int csn_dir_make(struct csn_op *op, const char *path) {
  char part[CSN_PATH_SIZE];
  struct stat found;
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
    if (slash != NULL) *slash = '\0';
    if (mkdir(part, 0755) < 0 && errno != EEXIST && stat(part, &found) < 0)
      return csn_op_fail_errno(op, errno, "make the directory", part);
    if (slash == NULL) break;
    *slash = '/';
  }
  if (stat(path, &found) < 0) return csn_op_fail_errno(op, errno, "use the directory", path);
  if (S_ISDIR(found.st_mode)) return 0;
  return csn_op_fail(op, CSN_OP_TYPE, "Choose another directory.", "%s is a file, not a directory",
                     path);
}
