/* SPDX-License-Identifier: Apache-2.0 */
/* Waking: readable from set to clear, by an eventfd or a pipe. */
#include "util/wake.h"

#include <fcntl.h>
#include <poll.h>

#include "support/process.h"
#include "support/refuse.h"
#include "tap.h"

static int is_readable(const struct csn_wake *w) {
  struct pollfd p = {.fd = w->fd, .events = POLLIN};
  return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static int has_flags(int fd) {
  return (fcntl(fd, F_GETFD) & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int count_wrong(struct csn_wake *w) {
  int wrong = 0;
  wrong += !has_flags(w->fd) || !has_flags(w->write_fd);
  for (int i = 0; i < 20000; i++) {
    wrong += is_readable(w);
    csn_wake_set(w);
    wrong += !is_readable(w) || !is_readable(w);
    csn_wake_clear(w);
  }
  wrong += is_readable(w);
  return wrong;
}

static int count_wrong_of_pipe(void) {
  struct csn_wake w;
  refuse_eventfds();
  if (csn_wake_open(&w) || w.fd == w.write_fd) return 1000;
  int wrong = count_wrong(&w);
  csn_wake_close(&w);
  return wrong + (w.fd != -1);
}

int main(void) {
  int fds = process_fds();
  struct csn_wake w = CSN_WAKE_NONE;
  csn_wake_close(&w);
  is_int(csn_wake_open(&w), 0, "an eventfd");
  is_int(w.fd, w.write_fd, "is one descriptor");
  is_int(count_wrong(&w), 0, "readable from set to clear");
  csn_wake_close(&w);
  is_int(process_fds(), fds, "and gone when closed");
  is_int(refuse_in_child(count_wrong_of_pipe), 0, "a pipe where there is no eventfd");
  return done_testing();
}
