/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call left in the background goes on printing into the call's pipes. Nobody wants to read
 * it, but it must not die of SIGPIPE (a development server, say), nor stop because the pipe is
 * full.
 */
#include "guest/basics.h"
#include "guest/serve.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

static void discard(int *fd) {
  static char bytes[32768];
  if (*fd < 0) return;
  ssize_t got = read(*fd, bytes, sizeof bytes);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  close(*fd);
  *fd = -1;
}

void csn_leftovers_discard(struct csn_spawned *leftovers) {
  discard(&leftovers->out);
  discard(&leftovers->err);
}

/* A process that does nothing else, until the last writer is gone. */
static _Noreturn void drain(struct csn_spawned *leftovers, int devnull) {
  enum { OUT = 3, ERR = 4, FIRST_FREE = 5 };
  prctl(PR_SET_NAME, "caisson-drain");
  for (int fd = 0; fd <= 2; fd++) dup2(devnull, fd);
  if (leftovers->out >= 0) leftovers->out = dup2(leftovers->out, OUT);
  if (leftovers->err >= 0) leftovers->err = dup2(leftovers->err, ERR);
  csn_guest_close_from(FIRST_FREE);
  while (leftovers->out >= 0 || leftovers->err >= 0) {
    struct pollfd fds[] = {{.fd = leftovers->out, .events = POLLIN},
                           {.fd = leftovers->err, .events = POLLIN}};
    poll(fds, 2, -1);
    csn_leftovers_discard(leftovers);
  }
  _exit(0);
}

void csn_leftovers_hand_over(struct csn_spawned *leftovers, int devnull) {
  if (leftovers->out < 0 && leftovers->err < 0) return;
  if (_Fork() == 0) drain(leftovers, devnull);
}
