/* SPDX-License-Identifier: Apache-2.0 */
/* See refuse.h. */
#include "support/refuse.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void refuse(unsigned first, unsigned second, unsigned error) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    BAIL_OUT("seccomp: %s", strerror(errno));
}

void refuse_threads(void) {
  refuse(SYS_clone, SYS_clone3, EAGAIN);
}

void refuse_eventfds(void) {
  refuse(SYS_eventfd2, SYS_eventfd2, EPERM);
}

int refuse_in_child(int (*function)(void)) {
  int *answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (answer == MAP_FAILED) BAIL_OUT("mmap");
  *answer = -1;
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    *answer = function();
    raise(SIGKILL);
  }
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
  int result = *answer;
  munmap(answer, sizeof *answer);
  return result;
}
