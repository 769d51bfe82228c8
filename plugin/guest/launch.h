/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a serve or a supervisor to a running command: vfork, find the program, exec. It does not
 * wait.
 */
#ifndef CSN_GUEST_LAUNCH_H
#define CSN_GUEST_LAUNCH_H

#include "guest/job_given.h"

#include <stddef.h>
#include <sys/types.h>

/* Where a start failed. */
enum csn_launch_stage {
  CSN_LAUNCH_FORK = 1,       /* errno says why */
  CSN_LAUNCH_CWD = 2,
  CSN_LAUNCH_NOT_FOUND = 3,  /* none of the programs is there */
  CSN_LAUNCH_EXEC = 4        /* one is there, but exec refuses it */
};

struct csn_launch {
  const char *const *programs;   /* candidates, tried in this order */
  size_t program_count;
  const char **argv;             /* [0] is filled in with the candidate's name */
  const char *const *envp;
  const char *path;              /* PATH of envp, or NULL */
  const char *cwd;
  const char *operation;         /* NULL, or one of files/op.h's in place of a program, */
  const char *const *operands;   /* for which cwd is where relative paths begin */
  const struct csn_job_given *job;   /* for an operation on jobs, whose socket is CSN_SPAWN_HUB */
};

struct csn_launch_failure {
  int stage;    /* enum csn_launch_stage */
  int number;   /* errno */
};

/* Start the command or the operation: in a session of its own, a command nice +10, all signals let
 * through, with `streams` as its 0, 1 and 2 (NULL: they are in place already). Returns its pid, or
 * -1 with *failure filled in and nothing left to wait for. */
pid_t csn_launch(const struct csn_launch *launch, const int *streams,
                 struct csn_launch_failure *failure);

#endif
