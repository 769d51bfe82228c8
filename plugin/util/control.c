#include "util/control.h"

#include <errno.h>
#include <string.h>

static int stop(int code, struct csn_error *err) {
  if (code == CAISSON_E_DEADLINE)
    return csn_fail(err, code, CAISSON_REASON_DEADLINE, "the deadline has passed");
  return csn_fail(err, code, CAISSON_REASON_CANCELLED, "cancelled by the host");
}

static int is_woken(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return fd >= 0 && poll(&p, 1, 0) > 0;
}

int csn_control_check(const struct csn_control *c, struct csn_error *err) {
  if (is_woken(c->wake_fd)) return stop(CAISSON_E_CANCELLED, err);
  if (c->cancelled && c->cancelled(c->ctx)) return stop(CAISSON_E_CANCELLED, err);
  if (c->deadline != CSN_NEVER && csn_clock_now() >= c->deadline)
    return stop(CAISSON_E_DEADLINE, err);
  return 0;
}

/* How long one poll() may sleep: rounded up to a millisecond, so as not to spin before an end. */
static int sleep_ms(const struct csn_control *c, int64_t now, int64_t until) {
  int64_t end = until < c->deadline ? until : c->deadline;
  int64_t ns = end == CSN_NEVER ? CSN_SECOND : end - now;
  if (c->cancelled && ns > CSN_CONTROL_TICK) ns = CSN_CONTROL_TICK;
  if (ns > CSN_SECOND) ns = CSN_SECOND;
  return ns <= 0 ? 0 : (int)((ns + CSN_MS - 1) / CSN_MS);
}

int csn_control_poll(const struct csn_control *c, struct pollfd *fds, unsigned nfds, int64_t until,
                     struct csn_error *err) {
  struct pollfd all[CSN_CONTROL_POLL_MAX + 1];
  if (nfds > CSN_CONTROL_POLL_MAX)
    return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, "too many descriptors");
  if (nfds) memcpy(all, fds, nfds * sizeof *fds);
  all[nfds] = (struct pollfd){.fd = c->wake_fd, .events = POLLIN};
  for (;;) {
    /* The hook is asked before each sleep, the wake descriptor is part of it. */
    if (c->cancelled && c->cancelled(c->ctx)) return stop(CAISSON_E_CANCELLED, err);
    int64_t now = csn_clock_now();
    if (now >= c->deadline) return stop(CAISSON_E_DEADLINE, err);
    int n = poll(all, nfds + 1, sleep_ms(c, now, until));
    if (n < 0 && errno != EINTR)
      return csn_fail_errno(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, errno, "poll");
    if (n > 0 && all[nfds].revents) return stop(CAISSON_E_CANCELLED, err);
    if (n > 0) {
      memcpy(fds, all, nfds * sizeof *fds);
      return n;
    }
    if (csn_clock_now() >= until) return 0;
  }
}

struct csn_control csn_control_within(const struct csn_control *c, int64_t ns) {
  struct csn_control step = *c;
  int64_t end = csn_clock_after(ns);
  if (end < step.deadline) step.deadline = end;
  return step;
}
