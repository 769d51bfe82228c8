/* What may end a piece of waiting early: a deadline, a cancel from another thread, and the host's
 * own poll. Every function that can block takes one and blocks only inside csn_control_poll(). */
#ifndef CSN_UTIL_CONTROL_H
#define CSN_UTIL_CONTROL_H

#include <poll.h>
#include <stdint.h>

#include "util/clock.h"
#include "util/error.h"

/* The longest that the host's `cancelled` hook goes unasked. */
#define CSN_CONTROL_TICK (25 * CSN_MS)

struct csn_control {
  int64_t deadline;            /* csn_clock_now() scale, or CSN_NEVER */
  int wake_fd;                 /* becomes and stays readable once cancelled; -1: none */
  int (*cancelled)(void *ctx); /* non-zero once cancelled; NULL: none */
  void *ctx;
};

#define CSN_CONTROL_NONE {CSN_NEVER, -1, NULL, NULL}

/* 0, CAISSON_E_CANCELLED or CAISSON_E_DEADLINE. */
int csn_control_check(const struct csn_control *c, struct csn_error *err);

/* poll() over fds until one is ready (returns how many), `until` has come (returns 0), or the
 * control says stop (negative). At most CSN_CONTROL_POLL_MAX fds. */
#define CSN_CONTROL_POLL_MAX 8
int csn_control_poll(const struct csn_control *c, struct pollfd *fds, unsigned nfds, int64_t until,
                     struct csn_error *err);

/* The same control with an earlier deadline, ns from now. Its CAISSON_E_DEADLINE may then be this
 * step's and not the call's: csn_control_check(outer) tells. */
struct csn_control csn_control_within(const struct csn_control *c, int64_t ns);

#endif
