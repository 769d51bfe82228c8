/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor by which one thread wakes another, or a host's event loop: readable from set to
 * clear. An eventfd, or a pipe where the process may not make one. */
#ifndef CSN_UTIL_WAKE_H
#define CSN_UTIL_WAKE_H

struct csn_wake {
  int fd;       /* to watch for reading; non-blocking, close-on-exec; -1: none */
  int write_fd; /* the same for an eventfd */
};

#define CSN_WAKE_NONE {-1, -1}

/* 0, or -1 with errno. */
int csn_wake_open(struct csn_wake *w);
/* Once for each clear, so that a pipe cannot fill: the caller knows which it is. */
void csn_wake_set(const struct csn_wake *w);
void csn_wake_clear(const struct csn_wake *w);
void csn_wake_close(struct csn_wake *w); /* also one that was never opened */

#endif
