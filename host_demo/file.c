/* SPDX-License-Identifier: Apache-2.0 */
/* file.c: whole files into memory, and all bytes out to a descriptor. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ui.h"

#define READ_STEP ((size_t)64 * 1024)
#define WRITE_WAIT_MS 25

/* Reads to the end of the file. Returns 0 or errno. */
static int read_all(int fd, size_t limit, char **bytes, size_t *size) {
  size_t room = 0;
  for (;;) {
    if (room - *size < READ_STEP) {
      room = room ? room * 2 : 2 * READ_STEP;
      *bytes = csn_must(realloc(*bytes, room));
    }
    ssize_t n = read(fd, *bytes + *size, room - *size - 1);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    (*bytes)[*size + (size_t)n] = '\0';
    *size += (size_t)n;
    if (*size > limit)
      return EFBIG;
    if (n == 0)
      return 0;
  }
}

char *csn_file_read(const char *path, size_t limit, size_t *size) {
  bool standard = strcmp(path, "-") == 0;
  int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  char *bytes = NULL;
  *size = 0;
  if (fd < 0)
    return NULL;
  int failed = read_all(fd, limit, &bytes, size);
  if (!standard)
    (void)close(fd);
  if (failed) {
    free(bytes);
    bytes = NULL;
    errno = failed;
  }
  return bytes;
}

int csn_file_write(int fd, const void *bytes, size_t n, bool (*stop)(void)) {
  const char *from = bytes;
  while (n > 0) {
    ssize_t done = write(fd, from, n);
    if (done >= 0) {
      from += done;
      n -= (size_t)done;
    } else if (errno == EAGAIN) {
      /* Somebody else who shares this terminal or pipe has made it non-blocking. */
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      (void)poll(&wait, 1, WRITE_WAIT_MS);
    } else if (errno != EINTR) {
      return errno;
    }
    if (n > 0 && stop && stop())
      return EINTR;
  }
  return 0;
}
