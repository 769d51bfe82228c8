/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for every process of the helper: see basics.h.
 */
#include "guest/basics.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void csn_guest_harden(void) {
  const struct rlimit no_core = {0, 0};
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  setrlimit(RLIMIT_CORE, &no_core);
  umask(022);
}

/* The ambient ones go with the permitted ones. */
void csn_guest_drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
  syscall(SYS_capset, &header, none);
}

/* By the system call itself: the C library leaves out two signals that it keeps for its threads,
 * and whoever started us may have had them ignored. */
static void reset_signal(int number) {
  static const struct {
    uint64_t handler, flags, restorer, mask;
  } by_default;
  syscall(SYS_rt_sigaction, number, &by_default, NULL, sizeof by_default.mask);
}

void csn_guest_block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  for (int number = 1; number < NSIG; number++) reset_signal(number);
}

int csn_guest_child_signals(void) {
  const struct sigaction quiet = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
  sigset_t child;
  sigaction(SIGCHLD, &quiet, NULL);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

void csn_guest_unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

void csn_guest_make_dir(void) { mkdir(CSN_GUEST_DIR, 0700); }

void csn_guest_release(void *bytes, size_t size) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)bytes;
  uintptr_t end = (first + size) & ~(page - 1);
  first = (first + page - 1) & ~(page - 1);
  if (end > first) madvise((void *)first, end - first, MADV_DONTNEED);
}

void csn_guest_close_from(int first) {
  if (syscall(SYS_close_range, (unsigned)first, (unsigned)INT_MAX, 0u) == 0) return;
  /* A kernel without it (older gVisor). We never hold many. */
  for (int fd = first; fd < 256; fd++) close(fd);
}

int csn_guest_write_all(int fd, const void *bytes, size_t size) {
  const char *at = bytes;
  while (size > 0) {
    ssize_t wrote = write(fd, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return -1;
    at += wrote;
    size -= (size_t)wrote;
  }
  return 0;
}
