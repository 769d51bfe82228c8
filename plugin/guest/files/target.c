/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that an operation is about: see target.h.
 */
#include "guest/files/target.h"

#include "guest/files/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int csn_target_path(struct csn_op *op, char path[CSN_PATH_SIZE]) {
  const char *given = csn_op_text(op, "path");
  if (given == NULL || *given == '\0')
    return csn_op_fail(op, CSN_OP_INVALID, "Name a file.", "the path is empty");
  return csn_op_path(op, "path", path);
}

static const struct {
  mode_t type;
  const char *what, *hint;
} refused[] = {
  {S_IFDIR, "a directory", "Use list to see what is in it, then name a file."},
  {S_IFIFO, "a named pipe (FIFO)", "Use shell for pipes: reading one would wait for a writer."},
  {S_IFSOCK, "a socket", "Use shell or run_python to talk to it."},
  {S_IFCHR, "a character device", "Use shell for devices, and only as much of them as you need."},
  {S_IFBLK, "a block device", "Use shell for devices, and only as much of them as you need."},
};

int csn_target_check(struct csn_op *op, const char *verb, const char *path, mode_t mode) {
  if (S_ISREG(mode)) return 0;
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    if ((mode & S_IFMT) == refused[i].type)
      return csn_op_fail(op, CSN_OP_TYPE, refused[i].hint, "cannot %s %s: it is %s", verb, path,
                         refused[i].what);
  }
  return csn_op_fail(op, CSN_OP_TYPE, "", "cannot %s %s: it is no regular file", verb, path);
}

void csn_target_real(int fd, const char *fallback, char real[CSN_PATH_SIZE]) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, real, CSN_PATH_SIZE - 1);
  if (n > 0 && real[0] == '/')
    real[n] = '\0';
  else
    snprintf(real, CSN_PATH_SIZE, "%s", fallback);
}

int csn_target_open(struct csn_op *op, const char *verb, struct csn_target *target) {
  target->fd = -1;
  if (csn_target_path(op, target->path) < 0) return -1;
  const char *path = target->path;
  /* A look first: to open a device can have effects, and a socket cannot be opened. */
  if (stat(path, &target->st) < 0) return csn_op_fail_errno(op, errno, verb, path);
  if (csn_target_check(op, verb, path, target->st.st_mode) < 0) return -1;
  target->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (target->fd < 0 || fstat(target->fd, &target->st) < 0)
    return csn_op_fail_errno(op, errno, verb, path);
  csn_target_real(target->fd, path, target->real);
  return csn_target_check(op, verb, path, target->st.st_mode);
}

ssize_t csn_target_fill(int fd, void *bytes, size_t n) {
  size_t have = 0;
  while (have < n) {
    ssize_t got = read(fd, (char *)bytes + have, n - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    have += (size_t)got;
  }
  return (ssize_t)have;
}

int csn_target_check_seen(struct csn_op *op, const char *path, const char *real,
                          const struct stat *st) {
  if (!csn_seen_is_stale(real, st)) return 0;
  return csn_op_fail(op, CSN_OP_CHANGED,
                     "Read it again, then decide about what is there now. Nothing was changed.",
                     "%s changed since it was last read in this session", path);
}
