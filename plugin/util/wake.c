/* SPDX-License-Identifier: Apache-2.0 */
#include "util/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int csn_wake_open(struct csn_wake *w) {
  int fds[2];
  w->fd = w->write_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (w->fd >= 0) return 0;
  if (pipe2(fds, O_CLOEXEC | O_NONBLOCK)) return -1;
  w->fd = fds[0];
  w->write_fd = fds[1];
  return 0;
}

/* The whole number is what an eventfd wants; a pipe takes it as eight bytes. Neither can be full. */
void csn_wake_set(const struct csn_wake *w) {
  uint64_t one = 1;
  while (write(w->write_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

void csn_wake_clear(const struct csn_wake *w) {
  uint64_t count;
  while (read(w->fd, &count, sizeof count) < 0 && errno == EINTR) continue;
}

void csn_wake_close(struct csn_wake *w) {
  if (w->write_fd >= 0 && w->write_fd != w->fd) close(w->write_fd);
  if (w->fd >= 0) close(w->fd);
  w->fd = w->write_fd = -1;
}
