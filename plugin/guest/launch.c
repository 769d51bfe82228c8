/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting one command: see launch.h. Everything in the child runs on the parent's memory while the
 * parent waits (vfork), so it calls nothing that could leave a trace there; the failure it writes
 * down is meant to be seen by the parent.
 */
#include "guest/launch.h"

#include "guest/basics.h"
#include "guest/files/op.h"
#include "guest/files/quota.h"
#include "guest/spawn.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICE 10
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* Try one file. Returns only if it cannot be run; the first that is there at all tells why. */
static void try_file(const struct csn_launch *launch, const char *file,
                     struct csn_launch_failure *failure) {
  if (access(file, X_OK) < 0) {
    if (access(file, F_OK) < 0) return;
    errno = EACCES;
  } else {
    execve(file, (char *const *)(uintptr_t)launch->argv, (char *const *)(uintptr_t)launch->envp);
  }
  if (failure->stage == CSN_LAUNCH_NOT_FOUND)
    *failure = (struct csn_launch_failure){CSN_LAUNCH_EXEC, errno};
}

/* Try a name in each directory of the path, as execvp does: an empty entry is the cwd. */
static void try_path(const struct csn_launch *launch, const char *name,
                     struct csn_launch_failure *failure) {
  char file[4096];
  size_t name_size = strlen(name) + 1, length;
  const char *entry = launch->path != NULL ? launch->path : DEFAULT_PATH;
  for (;; entry += length + 1) {
    length = strcspn(entry, ":");
    size_t dir = length > 0 ? length : 1;
    if (dir + 1 + name_size <= sizeof file) {
      memcpy(file, length > 0 ? entry : ".", dir);
      file[dir] = '/';
      memcpy(file + dir + 1, name, name_size);
      try_file(launch, file, failure);
    }
    if (entry[length] == '\0') return;
  }
}

/* Nothing runs in /proc, whatever symbolic links lead there. */
static int enter(const char *cwd) {
  struct statfs fs;
  if (chdir(cwd) < 0 || statfs(".", &fs) < 0) return -1;
  if (fs.f_type != PROC_SUPER_MAGIC) return 0;
  errno = EPERM;
  return -1;
}

static void try_all(const struct csn_launch *launch, struct csn_launch_failure *failure) {
  if (enter(launch->cwd) < 0) {
    *failure = (struct csn_launch_failure){CSN_LAUNCH_CWD, errno};
    return;
  }
  *failure = (struct csn_launch_failure){CSN_LAUNCH_NOT_FOUND, ENOENT};
  for (size_t i = 0; i < launch->program_count; i++) {
    const char *name = launch->programs[i];
    launch->argv[0] = name;
    if (strchr(name, '/') != NULL)
      try_file(launch, name, failure);
    else
      try_path(launch, name, failure);
  }
}

/* The failure is written to the parent's memory only when there is one: exec leaves it as it is. */
static _Noreturn void become_command(const struct csn_launch *launch, const int *streams,
                                     struct csn_launch_failure *parents) {
  struct csn_launch_failure failure;
  for (int i = 0; streams != NULL && i < 3; i++) dup2(streams[i], i);
  setsid();
  setpriority(PRIO_PROCESS, 0, NICE);
  csn_guest_unblock_signals();
  try_all(launch, &failure);
  *parents = failure;
  _exit(127);
}

/* An operation needs memory of its own, so it is forked. It stays what we are, non-dumpable, and
 * holds nothing of ours but its streams. */
static _Noreturn void become_operation(const struct csn_launch *launch, const int *streams) {
  static const int standard[3] = {0, 1, 2};
  for (int i = 0; streams != NULL && i < 3; i++) dup2(streams[i], i);
  csn_job_give(launch->job);
  if (launch->job != NULL) dup2(CSN_SPAWN_HUB, CSN_JOB_HUB);
  csn_guest_close_from(launch->job != NULL ? CSN_JOB_HUB + 1 : CSN_JOB_HUB);
  setsid();
  csn_guest_unblock_signals();
  _exit(csn_op_run(launch->operation, launch->cwd, launch->operands, standard));
}

static pid_t launch_operation(const struct csn_launch *launch, const int *streams,
                              struct csn_launch_failure *failure) {
  pid_t pid = _Fork();
  if (pid == 0) become_operation(launch, streams);
  if (pid < 0) *failure = (struct csn_launch_failure){CSN_LAUNCH_FORK, errno};
  return pid;
}

pid_t csn_launch(const struct csn_launch *launch, const int *streams,
                 struct csn_launch_failure *failure) {
  *failure = (struct csn_launch_failure){0, 0};
  if (launch->operation != NULL) return launch_operation(launch, streams, failure);
  csn_quota_forget();
  pid_t pid = vfork();
  if (pid == 0) become_command(launch, streams, failure);
  if (pid < 0) {
    *failure = (struct csn_launch_failure){CSN_LAUNCH_FORK, errno};
    return -1;
  }
  if (failure->stage == 0) return pid;
  while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) continue;
  return -1;
}
