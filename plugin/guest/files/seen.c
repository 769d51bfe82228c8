/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen of a file: see seen.h. One symbolic link for each file: its name is a hash of the
 * path, its target the state. A link is made whole or not at all, and read by one call.
 */
#include "guest/files/seen.h"

#include "guest/basics.h"
#include "util/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEPT_MAX 4096   /* files; then all is forgotten */
#define STATE_SIZE 96

const char *csn_seen_home = CSN_GUEST_DIR;

static int open_dir(bool make) {
  char path[256];
  snprintf(path, sizeof path, "%s/seen", csn_seen_home);
  if (make) {
    mkdir(csn_seen_home, 0700);
    mkdir(path, 0700);
  }
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void write_state(const struct stat *st, char state[STATE_SIZE]) {
  snprintf(state, STATE_SIZE, "%lld.%09ld,%lld,%llu", (long long)st->st_mtim.tv_sec,
           st->st_mtim.tv_nsec, (long long)st->st_size, (unsigned long long)st->st_ino);
}

/* Looks at no more than twice as many as there should be: code inside may put any number there. */
static void forget_if_many(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
  const struct dirent *entry;
  int count = 0;
  if (dir == NULL) {
    if (copy >= 0) close(copy);
    return;
  }
  while (count <= KEPT_MAX && readdir(dir) != NULL) count++;
  if (count > KEPT_MAX) {
    rewinddir(dir);
    for (int i = 0; i < 2 * KEPT_MAX && (entry = readdir(dir)) != NULL; i++)
      unlinkat(fd, entry->d_name, 0);
  }
  closedir(dir);
}

static bool is_kept(int fd, const char *name, const char *state) {
  char kept[STATE_SIZE];
  ssize_t n = readlinkat(fd, name, kept, sizeof kept - 1);
  return n >= 0 && (size_t)n == strlen(state) && memcmp(kept, state, (size_t)n) == 0;
}

static void replace(int fd, const char *name, const char *state) {
  char temporary[32];
  snprintf(temporary, sizeof temporary, "new-%d", (int)getpid());
  if (symlinkat(state, fd, temporary) < 0) {
    /* One of the same process number was killed here. */
    unlinkat(fd, temporary, 0);
    if (symlinkat(state, fd, temporary) < 0) return;
  }
  if (renameat(fd, temporary, fd, name) < 0) unlinkat(fd, temporary, 0);
}

void csn_seen_note(const char *path, const struct stat *st) {
  char name[CSN_SHA256_HEX], state[STATE_SIZE];
  int fd = open_dir(false);
  if (fd < 0 && errno == ENOENT) fd = open_dir(true);
  if (fd < 0) return;
  csn_sha256_hex(path, strlen(path), name);
  write_state(st, state);
  if (!is_kept(fd, name, state)) {
    /* Counting takes time, so it is done for one path in 64, whichever these are. */
    if (name[0] == '0' && strchr("0123", name[1]) != NULL) forget_if_many(fd);
    replace(fd, name, state);
  }
  close(fd);
}

bool csn_seen_is_stale(const char *path, const struct stat *st) {
  char name[CSN_SHA256_HEX], state[STATE_SIZE];
  struct stat link;
  int fd = open_dir(false);
  if (fd < 0) return false;
  csn_sha256_hex(path, strlen(path), name);
  write_state(st, state);
  bool is_stale = fstatat(fd, name, &link, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(link.st_mode) &&
                  !is_kept(fd, name, state);
  close(fd);
  return is_stale;
}
