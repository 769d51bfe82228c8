/* SPDX-License-Identifier: Apache-2.0 */
/* What sandbox.seccomp "strict" refuses beyond the default. With an argument it runs under the
 * default and tries what every kernel has: that must not be refused, so that the two are seen to
 * differ. */
#include "attempt.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_default; /* the profile that is expected */

/* Refused with that error by the strict profile, and not so by the default one. */
static void expect(const char *what, int error, long result) {
  bool is_so = result < 0 && errno == error;
  contained(is_so != is_default, "%s: %s", what, result < 0 ? strerror(errno) : "it worked");
}

#define STRICT(what, error, ...) (errno = 0, expect((what), (error), (long)(__VA_ARGS__)))
/* Made with arguments that are wrong: who is let through is told so, and nothing happens. */
#define GONE(name, ...) STRICT(#name, ENOSYS, syscall(SYS_##name, __VA_ARGS__))

static void try_calls(void) {
  GONE(io_setup, -1, NULL);
  GONE(io_submit, 0, -1, NULL);
  GONE(io_getevents, 0, 0, 0, NULL, NULL);
  GONE(io_pgetevents, 0, 0, 0, NULL, NULL, NULL);
  GONE(io_cancel, 0, NULL, NULL);
  GONE(io_destroy, 0);
  GONE(msgget, -1, 0);
  GONE(msgsnd, -1, NULL, 0, 0);
  GONE(msgrcv, -1, NULL, 0, 0, 0);
  GONE(msgctl, -1, -1, NULL);
  GONE(semget, -1, 0, 0);
  GONE(semop, -1, NULL, 0);
  GONE(semtimedop, -1, NULL, 0, NULL);
  GONE(semctl, -1, 0, -1, 0);
  GONE(shmget, -1, 0, 0);
  GONE(shmat, -1, NULL, 0);
  GONE(shmdt, (void *)1);
  GONE(shmctl, -1, -1, NULL);
  GONE(mq_open, NULL, 0, 0, NULL);
  GONE(mq_unlink, NULL);
  GONE(mq_timedsend, -1, NULL, 0, 0, NULL);
  GONE(mq_timedreceive, -1, NULL, 0, NULL, NULL);
  GONE(mq_notify, -1, NULL);
  GONE(mq_getsetattr, -1, NULL, NULL);
  GONE(vmsplice, -1, NULL, 0, 0);
  GONE(tee, -1, -1, 1, 0);
  GONE(mincore, (void *)1, 0, NULL);
  GONE(remap_file_pages, NULL, 0, 0, 0, 0);
  GONE(syncfs, -1);
  GONE(sync, 0);
  GONE(futex_waitv, NULL, 0, -1, NULL, 0);
#ifdef SYS_process_mrelease
  GONE(process_mrelease, -1, -1);
#endif
}

static void try_sockets(void) {
  STRICT("generic netlink", EPERM, socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
  STRICT("netfilter's netlink", EPERM, socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
  STRICT("the kernel's events", EPERM, socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
  STRICT("an MPTCP socket", EPERM, socket(AF_INET, SOCK_STREAM, 262));
  STRICT("an SCTP socket", EPERM, socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP));
  STRICT("a DCCP socket", EPERM, socket(AF_INET6, SOCK_DCCP, IPPROTO_DCCP));
  STRICT("a ping socket", EPERM, socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  STRICT("a UDP-Lite socket", EPERM, socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE));
}

static void try_others(void) {
  STRICT("a socket's node", EPERM, mknod("/tmp/node", S_IFSOCK | 0600, 0));
  STRICT("a file by mknod", EPERM, mknodat(AT_FDCWD, "/tmp/node2", S_IFREG | 0600, 0));
  STRICT("another's limits", EPERM, prlimit(getppid(), RLIMIT_CORE, NULL, &(struct rlimit){0}));
  STRICT("the limits of process 1", EPERM, prlimit(1, RLIMIT_CORE, NULL, &(struct rlimit){0}));
  STRICT("another's priority", EPERM, setpriority(PRIO_PROCESS, (id_t)getpid(), 10));
  STRICT("a process group's priority", EPERM, setpriority(PRIO_PGRP, 0, 10));
  STRICT("another's policy", EPERM,
         sched_setscheduler(getpid(), SCHED_OTHER, &(struct sched_param){0}));
  STRICT("another's scheduling attributes", EPERM, syscall(SYS_sched_setattr, getpid(), NULL, 0));
  STRICT("another's parameters", EPERM, syscall(SYS_sched_setparam, getpid(), NULL));
  STRICT("another's I/O priority", EPERM, syscall(SYS_ioprio_set, 1, getpid(), 2 << 13));
  STRICT("an older kernel's name", EPERM, syscall(SYS_personality, 0x0020000ul));
}

/* The calls of 32-bit programs come by another door. */
static void try_compat(void) {
#ifdef __x86_64__
  pid_t pid = fork();
  if (pid == 0) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(20) : "memory", "r8", "r9", "r10", "r11");
    _exit(result == getpid() ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
  contained(is_killed != is_default, "a 32-bit system call: status %d", status);
#endif
}

int main(int argc, char **argv) {
  (void)argv;
  is_default = argc > 1;
  if (!is_default) try_calls();
  if (!is_default) try_sockets();
  try_others();
  try_compat();
  printf("done\n");
  return 0;
}
