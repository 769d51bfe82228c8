/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1's life: see init.h. It opens all that it needs at the start, so that no limit reached
 * later can hold it up, and it has no signal handlers, so that the kernel drops whatever is sent to
 * it from inside. Its stderr is the one thing inside that only it can write to.
 */
#include "guest/init.h"

#include "guest/basics.h"
#include "guest/hub.h"
#include "guest/hub_message.h"
#include "guest/routes.h"
#include "guest/serve.h"
#include "guest/squeeze.h"
#include "guest/sweep.h"
#include "wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 1000
#define PAUSED_NS (5 * TICK_MS * CSN_MS_IN_NS)   /* a tick that came this late: we were paused */

static struct csn_hub hub;
static struct csn_squeeze squeeze;
static int first_status = -1;   /* how our own serve ended; -1 while it lives */

/* One whole line in one write, and only if it can be written at once: stderr is the engine's, and a
 * reader that is stuck must not stop us. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  struct pollfd err = {.fd = 2, .events = POLLOUT};
  if (size <= 0 || poll(&err, 1, 0) <= 0) return;
  if ((size_t)size >= sizeof line) size = sizeof line - 1;
  if (write(2, line, (size_t)size) < 0) return;
}

static _Noreturn void fail(const char *what) {
  say("caisson: init: %s: %s\n", what, strerror(errno));
  exit(CSN_INIT_EXIT_INTERNAL);
}

static _Noreturn void end(const char *why) {
  say("caisson: init: %s; ending\n", why);
  exit(CSN_INIT_EXIT_IDLE);
}

static void check_squeezed(void) {
  const char *what;
  if (!csn_squeeze_happened(&squeeze, &what)) return;
  kill(-1, SIGKILL);
  say("caisson: init: squeezed: %s of process 1 was changed from inside; ending\n", what);
  exit(CSN_INIT_EXIT_SQUEEZED);
}

static void note_reaped(pid_t pid, int status) {
  if (pid == hub.first) first_status = status;
  csn_jobs_reaped(&hub.jobs, pid);
  csn_jobs_reaped(&hub.service.runs, pid);
}

static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) note_reaped(pid, status);
}

/* The engine gives the host no end-of-file for our serve's streams as long as we live, so say
 * it. By then nothing of what it ran is left, so whoever reads this may start anew at once. */
static void report_first(void) {
  if (first_status < 0) return;
  int status = first_status;
  first_status = -1;
  hub.first = 0;
  if (hub.is_pooled) end("the one who started it ahead is gone, and nobody took it");
  if (WIFSIGNALED(status)) csn_hub_purge(&hub, "the first helper was killed");
  if (WIFEXITED(status))
    say(CSN_SERVE_ENDED_PREFIX "exit %d\n", WEXITSTATUS(status));
  else
    say(CSN_SERVE_ENDED_PREFIX "signal %d\n", WTERMSIG(status));
}

static void check_times(const struct csn_init_options *options, uint64_t now) {
  uint64_t age = (now - hub.born) / CSN_MS_IN_NS, idle = (now - hub.active) / CSN_MS_IN_NS;
  if (options->lifetime_ms > 0 && age >= options->lifetime_ms) {
    say("caisson: init: lifetime of %llu ms is over; ending\n",
        (unsigned long long)options->lifetime_ms);
    exit(CSN_INIT_EXIT_LIFETIME);
  }
  if (options->idle_ms > 0 && idle >= options->idle_ms && !csn_hub_is_busy(&hub)) {
    say("caisson: init: no call for %llu ms; ending\n", (unsigned long long)options->idle_ms);
    exit(CSN_INIT_EXIT_IDLE);
  }
}

/* Whether the runtime knows subreapers (gVisor does not). Process 1 is one anyway, so a child has
 * to try. */
static bool has_subreapers(void) {
  int status = 0;
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) _exit(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* The first channel: a child with our stdin and stdout. Its stderr is nobody's. */
static void start_first(int devnull) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    dup2(devnull, 2);
    csn_guest_close_from(3);
    csn_serve_main(CSN_SILENCE_MS);
  }
  hub.first = pid;
  dup2(devnull, 0);
  dup2(devnull, 1);
}

/* Until then there is no socket either, so whoever comes by an exec waits too. */
static void await_routes(const char *denied) {
  const char *words;
  if (csn_routes_await(denied, &words) == 0) return;
  say("caisson: init: %s\n", words);
  exit(CSN_INIT_EXIT_INTERNAL);
}

static int set_up(const struct csn_init_options *options) {
  prctl(PR_SET_NAME, "caisson-init");
  csn_guest_block_signals();
  int signals = csn_guest_child_signals();
  if (signals < 0) fail("signalfd");
  int devnull = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (devnull < 0) fail("/dev/null");
  if (csn_sweep_open() < 0) fail("/proc");
  hub.key = options->key;
  hub.is_pooled = hub.takes_key = options->pooled != 0;
  hub.born = hub.active = csn_guest_now();
  hub.before_kill = check_squeezed;
  hub.reaped = note_reaped;
  hub.has_subreapers = has_subreapers();
  if (options->await_routes != NULL) await_routes(options->await_routes);
  if (csn_hub_open(&hub) < 0) fail("the socket @" CSN_HUB_NAME);
  csn_guest_make_dir();
  csn_squeeze_remember(&squeeze);
  start_first(devnull);
  close(devnull);
  return signals;
}

static void drain_signals(int signals) {
  struct signalfd_siginfo ignored[8];
  while (read(signals, ignored, sizeof ignored) > 0) continue;
}

_Noreturn void csn_init_main(const struct csn_init_options *options) {
  struct pollfd fds[1 + CSN_HUB_POLL_MAX];
  if (getpid() != 1) {
    say("caisson: init: must be process 1 of a container\n");
    exit(CSN_INIT_EXIT_USAGE);
  }
  int signals = set_up(options);
  uint64_t ticked = csn_guest_now();
  for (;;) {
    fds[0] = (struct pollfd){.fd = signals, .events = POLLIN};
    size_t count = csn_hub_poll(&hub, fds + 1);
    /* It fails when our limit on descriptors was lowered. */
    int wait = csn_service_wait(&hub.service, csn_guest_now(), TICK_MS);
    if (poll(fds, 1 + count, wait) < 0) check_squeezed();
    if (fds[0].revents != 0) drain_signals(signals);
    reap();
    csn_hub_handle(&hub, fds + 1, count);
    if (hub.is_retired) end("its room is needed, and nothing runs here");
    csn_hub_check_jobs(&hub);
    report_first();

    uint64_t now = csn_guest_now();
    if (now - ticked < TICK_MS * CSN_MS_IN_NS) continue;
    if (now - ticked > PAUSED_NS) csn_hub_excuse(&hub, now);
    ticked = now;
    check_squeezed();
    csn_hub_tick(&hub, now);
    check_times(options, now);
  }
}
