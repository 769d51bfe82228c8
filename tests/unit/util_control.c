/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting: it ends when something is ready, when its time has come, and when the host says so. */
#include "util/control.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "util/clock.h"

struct poller {
  int asked, cancel_at;
};

static int cancelled(void *ctx) {
  struct poller *p = ctx;
  return ++p->asked == p->cancel_at;
}

static void test_check(void) {
  struct csn_error err;
  struct csn_control c = CSN_CONTROL_NONE;
  is_int(csn_control_check(&c, &err), 0, "nothing is in the way");
  c.deadline = csn_clock_now() - 1;
  is_int(csn_control_check(&c, &err), CAISSON_E_DEADLINE, "a deadline that has passed");
  is_str(err.reason, CAISSON_REASON_DEADLINE, "has its reason");
  struct poller p = {0, 1};
  c.cancelled = cancelled;
  c.ctx = &p;
  is_int(csn_control_check(&c, &err), CAISSON_E_CANCELLED, "a cancel comes before a deadline");
  is_str(err.reason, CAISSON_REASON_CANCELLED, "has its reason");
}

static void test_poll_ready(int pipe_fds[2]) {
  struct csn_error err;
  struct csn_control c = CSN_CONTROL_NONE;
  struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
  is_int(csn_control_poll(&c, &fd, 1, csn_clock_now(), &err), 0, "not ready, no time: 0 at once");
  int64_t begun = csn_clock_now();
  is_int(csn_control_poll(&c, &fd, 1, csn_clock_after(30 * CSN_MS), &err), 0, "until its time");
  ok(csn_clock_now() - begun >= 30 * CSN_MS, "and no sooner");
  ok(write(pipe_fds[1], "x", 1) == 1, "a byte");
  is_int(csn_control_poll(&c, &fd, 1, CSN_NEVER, &err), 1, "makes it ready");
  ok(fd.revents & POLLIN, "and says why");
  is_int(csn_control_poll(&c, NULL, 0, csn_clock_now(), &err), 0, "no descriptors: only waiting");
  struct pollfd many[CSN_CONTROL_POLL_MAX + 1];
  memset(many, 0, sizeof many);
  is_int(csn_control_poll(&c, many, CSN_CONTROL_POLL_MAX + 1, CSN_NEVER, &err), CAISSON_E_INTERNAL,
         "too many");
  char byte;
  ok(read(pipe_fds[0], &byte, 1) == 1, "the byte again");
}

static void test_poll_stopped(int pipe_fds[2]) {
  struct csn_error err;
  struct csn_control c = CSN_CONTROL_NONE;
  struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
  c.deadline = csn_clock_after(30 * CSN_MS);
  is_int(csn_control_poll(&c, &fd, 1, CSN_NEVER, &err), CAISSON_E_DEADLINE, "the deadline ends it");
  ok(csn_clock_now() >= c.deadline, "and no sooner");
  struct poller p = {0, 4};
  c = (struct csn_control){CSN_NEVER, -1, cancelled, &p};
  int64_t begun = csn_clock_now();
  is_int(csn_control_poll(&c, &fd, 1, CSN_NEVER, &err), CAISSON_E_CANCELLED, "the hook ends it");
  ok(csn_clock_now() - begun >= 2 * CSN_CONTROL_TICK, "asked once a tick");
  is_int(p.asked, 4, "four times");
}

struct waker {
  int fd;
};

static void *wake(void *arg) {
  const struct waker *w = arg;
  ssize_t n = write(w->fd, "x", 1);
  return n == 1 ? NULL : arg;
}

static void test_woken(int pipe_fds[2]) {
  int wake_fds[2];
  struct csn_error err;
  if (pipe2(wake_fds, O_CLOEXEC)) BAIL_OUT("pipe2");
  struct csn_control c = {CSN_NEVER, wake_fds[0], NULL, NULL};
  struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
  struct waker w = {wake_fds[1]};
  pthread_t thread;
  is_int(csn_control_check(&c, &err), 0, "nobody has cancelled yet");
  if (pthread_create(&thread, NULL, wake, &w)) BAIL_OUT("pthread_create");
  is_int(csn_control_poll(&c, &fd, 1, CSN_NEVER, &err), CAISSON_E_CANCELLED,
         "another thread ends the waiting");
  pthread_join(thread, NULL);
  is_int(csn_control_check(&c, &err), CAISSON_E_CANCELLED, "and it stays cancelled");
  close(wake_fds[0]);
  close(wake_fds[1]);
}

static void test_within(void) {
  struct csn_control c = CSN_CONTROL_NONE;
  struct csn_control step = csn_control_within(&c, CSN_SECOND);
  ok(step.deadline <= csn_clock_after(CSN_SECOND) && step.deadline > csn_clock_now(),
     "a step has a deadline of its own");
  c.deadline = csn_clock_now();
  step = csn_control_within(&c, CSN_SECOND);
  is_int(step.deadline, c.deadline, "but never a later one than the whole");
  is_int(csn_clock_after(CSN_NEVER), CSN_NEVER, "never stays never");
  is_int(csn_clock_after(CSN_NEVER - 5), CSN_NEVER, "and nothing overflows");
}

static void test_clock_text(void) {
  char text[CSN_CLOCK_TEXT], parsed[CSN_CLOCK_TEXT];
  int y, mo, d, h, mi, s;
  csn_clock_text(text);
  is_int(sscanf(text, "%d-%d-%dT%d:%d:%dZ", &y, &mo, &d, &h, &mi, &s), 6, "a time: %s", text);
  snprintf(parsed, sizeof parsed, "%04d-%02d-%02dT%02d:%02d:%02dZ", y % 10000, mo % 100, d % 100,
           h % 100, mi % 100, s % 100);
  is_str(text, parsed, "in the form of RFC 3339, UTC");
}

int main(void) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC)) BAIL_OUT("pipe2");
  test_check();
  test_poll_ready(pipe_fds);
  test_poll_stopped(pipe_fds);
  test_woken(pipe_fds);
  test_within();
  test_clock_text();
  close(pipe_fds[0]);
  close(pipe_fds[1]);
  return done_testing();
}
