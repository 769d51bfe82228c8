/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct csn_buffer *out) {
  char piece[16384];
  struct stat st;
  if (fstat(fd, &st) < 0) return -1;
  if (!S_ISREG(st.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  for (;;) {
    ssize_t got = read(fd, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return (int)got;
    int rc = csn_buffer_add(out, piece, (size_t)got);
    if (rc == 0) continue;
    errno = rc == CAISSON_E_NOMEM ? ENOMEM : EFBIG;
    return -1;
  }
}

int csn_file_read(const char *path, struct csn_buffer *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -1;
  int rc = read_all(fd, out);
  int code = errno;
  close(fd);
  errno = code;
  return rc;
}
