/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes and processes: see spawn.h. The direct way is the usual one: a fork and two more switches
 * between processes would double what a short command costs on top of its own start.
 */
#include "guest/spawn.h"

#include "guest/files/op.h"
#include "guest/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a command may be ahead of us: fewer turns of both, so twice the throughput of small writes.
 * Where the kernel grants no such pipe, it stays as it is. */
#define WIDE_PIPE CSN_OP_SMALL_PIPE

#define REPORT_PIPE 65536   /* bytes: more than a small operation ever reports */

struct ends {
  int control[2], in[2], out[2], err[2];   /* pipes: [0] is read */
};

static void close_one(int fd) {
  if (fd >= 0) close(fd);
}

static void close_theirs(const struct ends *ends) {
  close_one(ends->control[1]);
  close_one(ends->in[0]);
  close_one(ends->out[1]);
  close_one(ends->err[1]);
}

static void close_ours(const struct ends *ends) {
  close_one(ends->control[0]);
  close_one(ends->in[1]);
  close_one(ends->out[0]);
  close_one(ends->err[0]);
}

/* Non-blocking at our end only: the flag belongs to each end, and the command's must block. */
static int open_pipe(int ends[2], int ours) {
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  return fcntl(ends[ours], F_SETFL, (ours == 0 ? O_RDONLY : O_WRONLY) | O_NONBLOCK);
}

static int open_pipes(struct ends *ends, bool with_stdin) {
  *ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
  if (with_stdin && open_pipe(ends->in, 1) < 0) return -1;
  if (with_stdin) fcntl(ends->in[1], F_SETPIPE_SZ, WIDE_PIPE);
  if (open_pipe(ends->out, 0) < 0 || open_pipe(ends->err, 0) < 0) return -1;
  fcntl(ends->out[0], F_SETPIPE_SZ, WIDE_PIPE);
  return 0;
}

static int fail(const struct ends *ends, struct csn_launch_failure *failure) {
  if (failure->stage == 0) *failure = (struct csn_launch_failure){CSN_LAUNCH_FORK, errno};
  close_theirs(ends);
  close_ours(ends);
  return -1;
}

int csn_spawn_direct(const struct csn_launch *launch, bool with_stdin, int devnull,
                     struct csn_spawned *spawned, struct csn_launch_failure *failure) {
  struct ends ends;
  *failure = (struct csn_launch_failure){0, 0};
  if (open_pipes(&ends, with_stdin) < 0) return fail(&ends, failure);
  const int streams[3] = {with_stdin ? ends.in[0] : devnull, ends.out[1], ends.err[1]};
  pid_t pid = csn_launch(launch, streams, failure);
  if (pid < 0) return fail(&ends, failure);
  /* Or we would not see that the command closed its stdin. */
  close_one(ends.in[0]);
  *spawned = (struct csn_spawned){pid, -1, ends.in[1], ends.out[0], ends.err[0],
                                  {ends.out[1], ends.err[1]}};
  return 0;
}

/* What does not fit into the pipe is refused, not waited for: nobody reads it before we go on. */
static bool can_hold(int fd, int size) {
  return fcntl(fd, F_GETPIPE_SZ) >= size && fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK) == 0;
}

int csn_spawn_nothing(const struct csn_launch *launch, int devnull, struct csn_spawned *spawned) {
  struct ends ends;
  struct csn_launch_failure ignored = {CSN_LAUNCH_FORK, 0};
  if (open_pipes(&ends, false) < 0 || !can_hold(ends.out[1], CSN_OP_SMALL_PIPE) ||
      !can_hold(ends.err[1], REPORT_PIPE))
    return fail(&ends, &ignored);
  const int streams[3] = {devnull, ends.out[1], ends.err[1]};
  int code = csn_op_run_small(launch->operation, launch->cwd, launch->operands, streams);
  *spawned = (struct csn_spawned){0, -1, -1, ends.out[0], ends.err[0], {ends.out[1], ends.err[1]}};
  return code;
}

static _Noreturn void become_supervisor(const struct csn_launch *launch, const struct ends *ends,
                                        int devnull, int oom_score) {
  const struct csn_supervisor supervisor = {
    .launch = *launch,
    .control = ends->control[1],
    .in = ends->in[0] >= 0 ? ends->in[0] : devnull,
    .out = {ends->out[0], ends->out[1]},
    .err = {ends->err[0], ends->err[1]},
    .oom_score = oom_score,
  };
  csn_supervisor_main(&supervisor);
}

int csn_spawn_supervised(const struct csn_launch *launch, bool with_stdin, int devnull,
                         int oom_score, struct csn_spawned *spawned,
                         struct csn_launch_failure *failure) {
  struct ends ends;
  *failure = (struct csn_launch_failure){0, 0};
  if (open_pipes(&ends, with_stdin) < 0 ||
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.control) < 0)
    return fail(&ends, failure);
  pid_t pid = _Fork();
  if (pid == 0) become_supervisor(launch, &ends, devnull, oom_score);
  if (pid < 0) return fail(&ends, failure);
  close_theirs(&ends);
  *spawned = (struct csn_spawned){pid, ends.control[0], ends.in[1], ends.out[0], ends.err[0],
                                  {-1, -1}};
  return 0;
}

void csn_spawned_close(struct csn_spawned *spawned) {
  close_one(spawned->control);
  close_one(spawned->in);
  close_one(spawned->out);
  close_one(spawned->err);
  close_one(spawned->writes[0]);
  close_one(spawned->writes[1]);
  *spawned = CSN_SPAWNED_NONE;
}
