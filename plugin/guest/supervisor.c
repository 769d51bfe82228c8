/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's supervisor: see supervisor.h. The common case, a command that leaves nothing behind,
 * takes two waits and one message; everything else is in the slow half below.
 */
#include "guest/supervisor.h"

#include "guest/basics.h"
#include "guest/brood.h"
#include "guest/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the descriptors are, once arranged. 0, 1 and 2 are the command's. */
enum { CONTROL = 3, OUT = 4, ERR = 5, FIRST_FREE = CSN_SPAWN_HUB + 1 };

#define COUNT_TRIES 3

static void report(const struct csn_report *message) {
  send(CONTROL, message, sizeof *message, MSG_NOSIGNAL);
}

static void arrange(const struct csn_supervisor *supervisor) {
  dup2(supervisor->in, 0);
  dup2(supervisor->out[1], 1);
  dup2(supervisor->err[1], 2);
  dup3(supervisor->control, CONTROL, O_CLOEXEC);
  dup3(supervisor->out[0], OUT, O_CLOEXEC);
  dup3(supervisor->err[0], ERR, O_CLOEXEC);
  csn_guest_close_from(FIRST_FREE);
}

/* Wait for the command, and raise its OOM score once it has settled. */
static int await(pid_t command, int oom_score) {
  const struct timespec soon = {0, CSN_BROOD_SETTLED_NS};
  bool settled = oom_score == 0;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, settled ? __WALL : __WALL | WNOHANG);
    if (pid == command) return status;
    if (pid < 0 && errno != EINTR) _exit(1);
    if (pid != 0 || sigtimedwait(&child, NULL, &soon) >= 0) continue;
    settled = true;
    csn_brood_raise_oom_score(oom_score);
  }
}

/* Reap what is dead; whether anything is left. */
static bool reap_dead(void) {
  pid_t pid;
  while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0) continue;
  return pid == 0;
}

/* Reap until no child is left. */
static void reap_all(void) {
  const struct timespec pause = {0, CSN_GUEST_REAP_NS};
  while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) {
    if (reap_dead()) nanosleep(&pause, NULL);
  }
}

static bool kill_is_under_way(void) {
  char note;
  return recv(CONTROL, &note, 1, MSG_DONTWAIT) == 1 && note == CSN_NOTE_KILL;
}

/* How many live processes the command left. What is dying just now is waited for, not counted. */
static uint32_t count_left(void) {
  const struct timespec pause = {0, 200000};
  for (int i = 0; i < COUNT_TRIES; i++) {
    if (!reap_dead()) return 0;
    uint32_t count = csn_brood_count();
    if (count > 0) return count;
    nanosleep(&pause, NULL);
  }
  return reap_dead() ? 1 : 0;
}

static void discard(int fd) {
  static char bytes[32768];
  if (read(fd, bytes, sizeof bytes) < 0) return;
}

/* The call is over, some of its processes are not. */
static _Noreturn void take_care(int signals) {
  struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                         {.fd = OUT, .events = POLLIN},
                         {.fd = ERR, .events = POLLIN}};
  struct signalfd_siginfo ignored;
  close(CONTROL);
  while (reap_dead()) {
    if (poll(fds, 3, -1) <= 0) continue;
    if (fds[0].revents != 0 && read(signals, &ignored, sizeof ignored) < 0) continue;
    if (fds[1].revents != 0) discard(OUT);
    if (fds[2].revents != 0) discard(ERR);
  }
  _exit(0);
}

/* Wait, with some processes left, until they are gone, a kill is announced or the serve lets go. */
static void stand_by(void) {
  int signals = csn_guest_child_signals();
  struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = CONTROL, .events = POLLIN}};
  struct signalfd_siginfo ignored;
  while (reap_dead()) {
    if (poll(fds, 2, -1) <= 0) continue;
    if (fds[0].revents != 0 && read(signals, &ignored, sizeof ignored) < 0) continue;
    if (fds[1].revents == 0) continue;
    if (kill_is_under_way())
      reap_all();
    else
      take_care(signals);
  }
}

/* The command has ended: say so, and see to what it left. */
static void finish(int status) {
  struct csn_report message = {.kind = CSN_REPORT_ENDED, .status = status};
  bool killing = false;
  if (reap_dead()) {
    killing = kill_is_under_way();
    message.left = killing ? CSN_LEFT_UNCOUNTED : count_left();
  }
  report(&message);
  if (message.left == 0) return;
  if (killing)
    reap_all();
  else
    stand_by();
  report(&(struct csn_report){.kind = CSN_REPORT_EMPTY});
}

_Noreturn void csn_supervisor_main(const struct csn_supervisor *supervisor) {
  struct csn_report failed = {.kind = CSN_REPORT_FAILED};
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  arrange(supervisor);

  pid_t command = csn_launch(&supervisor->launch, NULL, &failed.failure);
  if (command < 0) {
    report(&failed);
    _exit(0);
  }
  close(0);   /* or the serve would not see that the command closed its stdin */
  finish(await(command, supervisor->oom_score));
  _exit(0);
}
