/* SPDX-License-Identifier: Apache-2.0 */
/* What is cancelled and what prints, inside the sandbox: a static program, so that any image does
 * and nothing but the processes themselves costs time. Modes that do not end say "ready" first.
 *
 *   tree N    N times 8 processes, all in sessions of their own, deaf to every signal that can be
 *             ignored; 7 of each 8 are orphans by a double fork, and every second one stops itself
 *   chains N  N processes, each of which forks and exits, for ever
 *   bomb      forks for ever in every process
 *   write N   N MiB to stdout, in pieces of 64 KiB */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BRANCH 8
#define PIECE (64 << 10)

static void say_ready(void) {
  if (write(1, "ready\n", 6) != 6) _exit(1);
}

static _Noreturn void sleep_for_ever(void) {
  for (;;) pause();
}

static void go_deaf(void) {
  static const int signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                                SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* no zombies: they count against the limit on processes */
}

static void announce(int fd) {
  if (write(fd, "", 1) != 1) _exit(1);
}

/* The limit on processes counts those that are just ending, too: try until there is room. */
static pid_t fork_surely(void) {
  pid_t pid;
  while ((pid = fork()) < 0) usleep(1000);
  return pid;
}

static void leaf(int fd, int stops) {
  if (fork_surely() != 0) return;
  setsid();
  if (fork_surely() != 0) _exit(0);
  announce(fd);
  if (stops) raise(SIGSTOP);
  sleep_for_ever();
}

static void branch(int fd) {
  if (fork_surely() != 0) return;
  setsid();
  for (int i = 1; i < BRANCH; i++) leaf(fd, i & 1);
  announce(fd);
  sleep_for_ever();
}

static void tree(int branches) {
  int pipes[2];
  char byte;
  if (pipe(pipes) < 0) _exit(1);
  go_deaf();
  for (int i = 0; i < branches; i++) branch(pipes[1]);
  for (int i = 0; i < branches * BRANCH; i++)
    if (read(pipes[0], &byte, 1) != 1) _exit(1);
  say_ready();
  sleep_for_ever();
}

static void chain(void) {
  if (fork_surely() != 0) return;
  for (;;)
    if (fork() > 0) _exit(0);
}

static void chains(int count) {
  go_deaf();
  for (int i = 0; i < count; i++) chain();
  say_ready();
  sleep_for_ever();
}

static void bomb(int unused) {
  (void)unused;
  say_ready();
  for (;;)
    if (fork() < 0) continue;
}

static void write_mib(int count) {
  static char piece[PIECE];
  memset(piece, 'x', sizeof piece);
  for (long left = (long)count << 20; left > 0;) {
    ssize_t n = write(1, piece, left < PIECE ? (size_t)left : sizeof piece);
    if (n <= 0) _exit(1);
    left -= n;
  }
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(int count);
  } modes[] = {{"tree", tree}, {"chains", chains}, {"bomb", bomb}, {"write", write_mib}};
  for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
    if (strcmp(argv[1], modes[i].name) == 0) {
      modes[i].run(argc > 2 ? atoi(argv[2]) : 0);
      return 0;
    }
  return 2;
}
