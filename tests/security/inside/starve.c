/* SPDX-License-Identifier: Apache-2.0 */
/* starve KIND: takes what everybody in a sandbox shares, says "ready" when it has it, and goes on
 * until it is killed. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOME 200

static void be_ready(void) {
  if (write(1, "ready\n", 6) != 6) _exit(1);
}

_Noreturn static void spin(void) {
  for (volatile unsigned long i = 0;; i++) {}
}

/* Every CPU, as often as processes can be had. */
static void loops(void) {
  for (int i = 0; i < SOME; i++)
    if (fork() == 0) spin();
  be_ready();
  spin();
}

static void *spin_in_thread(void *unused) {
  (void)unused;
  spin();
}

static void threads(void) {
  pthread_t thread;
  while (pthread_create(&thread, NULL, spin_in_thread, NULL) == 0) {}
  be_ready();
  spin();
}

/* Threads that come and go as fast as they can, with a process here and there. */
static void *come_and_go(void *unused) {
  (void)unused;
  for (;;) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid(pid, NULL, 0);
  }
}

static void storm(void) {
  pthread_t thread;
  for (int i = 0; i < SOME; i++)
    (void)!pthread_create(&thread, NULL, come_and_go, NULL);
  be_ready();
  come_and_go(NULL);
}

/* Nobody waits for them; as many as the limit lets be, and new ones for those that are taken away.
 */
static void zombies(void) {
  for (int i = 0; i < 100000; i++) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (i == SOME) be_ready();
    if (pid < 0) sched_yield();
  }
  for (;;)
    pause();
}

static void orphans(void) {
  for (int i = 0; i < 20000; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      (void)!fork();
      _exit(0);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
    if (i == SOME) be_ready();
  }
  for (;;)
    pause();
}

/* Hard to kill: sessions of their own, deaf to signals, stopped, and each forks when it is woken.
 */
static void stopped(void) {
  for (int i = 0; i < SOME; i++)
    if (fork() == 0) {
      for (int s = 1; s < 65; s++)
        (void)signal(s, SIG_IGN);
      setsid();
      if (fork() > 0) _exit(0);
      for (;;) {
        kill(getpid(), SIGSTOP);
        if (fork() == 0) setsid();
      }
    }
  be_ready();
  for (;;)
    pause();
}

/* Both streams, as fast as it goes. */
static void output(void) {
  static char bytes[65536];
  memset(bytes, 'x', sizeof bytes);
  be_ready();
  if (fork() == 0)
    while (write(2, bytes, sizeof bytes) > 0) {}
  while (write(1, bytes, sizeof bytes) > 0) {}
}

/* What a user has so many of: descriptors, inotify instances, pages of pipes, datagrams in flight.
 */
static void descriptors(void) {
  int both[2], size = 1 << 20;
  for (int i = 0; i < 16; i++)
    if (fork() == 0) {
      while (inotify_init1(IN_CLOEXEC) >= 0) {}
      while (pipe(both) == 0)
        fcntl(both[0], F_SETPIPE_SZ, size);
      while (socketpair(AF_UNIX, SOCK_DGRAM, 0, both) == 0) {}
      while (open("/dev/null", O_RDONLY) >= 0) {}
      for (;;)
        pause();
    }
  sleep(1);
  be_ready();
  for (;;)
    pause();
}

_Noreturn static void wait_here(void) {
  for (;;)
    pause();
}

/* No process can be had any more, and all that are there sleep. */
static void crowd(void) {
  pid_t pid;
  while ((pid = fork()) >= 0)
    if (pid == 0) wait_here();
  be_ready();
  wait_here();
}

static const struct {
  const char *name;
  void (*run)(void);
} kinds[] = {{"loops", loops},     {"threads", threads},         {"storm", storm},
             {"zombies", zombies}, {"orphans", orphans},         {"stopped", stopped},
             {"output", output},   {"descriptors", descriptors}, {"crowd", crowd}};

int main(int argc, char **argv) {
  for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].name, argv[1]) == 0) kinds[i].run();
  return 64;
}
