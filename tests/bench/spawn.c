/* SPDX-License-Identifier: Apache-2.0 */
/* What a host program does without Caisson: spawn, read the pipe to its end, wait. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

static pid_t start(const char *const argv[], int in, int out) {
  posix_spawn_file_actions_t actions;
  pid_t pid;
  posix_spawn_file_actions_init(&actions);
  if (in >= 0) posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  int rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (rc) bench_die("cannot start %s: %s", argv[0], strerror(rc));
  return pid;
}

double bench_run_spawn(void *argv) {
  return bench_spawn(argv);
}

double bench_spawn_read(const char *const argv[], char *out, size_t capacity) {
  char rest[4096];
  int pipes[2], status;
  size_t have = 0;
  double before = bench_now();
  if (pipe2(pipes, O_CLOEXEC) < 0) bench_die("no pipe: %s", strerror(errno));
  pid_t pid = start(argv, -1, pipes[1]);
  close(pipes[1]);
  for (;;) {
    int keeps = have + 1 < capacity;
    ssize_t n = keeps ? read(pipes[0], out + have, capacity - 1 - have)
                      : read(pipes[0], rest, sizeof rest);
    if (n <= 0) break;
    if (keeps) have += (size_t)n;
  }
  close(pipes[0]);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  double after = bench_now();
  if (status != 0) bench_die("%s ended with wait status %d", argv[0], status);
  if (capacity) out[have] = '\0';
  return after - before;
}

double bench_spawn(const char *const argv[]) {
  return bench_spawn_read(argv, NULL, 0);
}

int bench_has_program(const char *name) {
  char file[4096];
  const char *entry = getenv("PATH");
  while (entry && *entry) {
    size_t n = strcspn(entry, ":");
    (void)snprintf(file, sizeof file, "%.*s/%s", (int)n, entry, name);
    if (access(file, X_OK) == 0) return 1;
    entry += n + (entry[n] == ':');
  }
  return 0;
}

/* ---- a worker -------------------------------------------------------------------------------- */

/* One line of its answers; 0 at its end. */
static int read_line(const struct bench_worker *worker, char *line, size_t capacity) {
  size_t n = 0;
  while (n + 1 < capacity && read(worker->from, line + n, 1) == 1)
    if (line[n++] == '\n') {
      line[n] = '\0';
      return 1;
    }
  return 0;
}

void bench_program_start(struct bench_worker *worker, const char *const argv[]) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
    bench_die("no pipe: %s", strerror(errno));
  worker->pid = start(argv, in[0], out[1]);
  close(in[0]);
  close(out[1]);
  worker->to = in[1];
  worker->from = out[0];
}

int bench_worker_start(struct bench_worker *worker, const char *const argv[]) {
  char line[64];
  bench_program_start(worker, argv);
  if (read_line(worker, line, sizeof line)) return 0;
  bench_worker_stop(worker);
  return -1;
}

double bench_worker_sample(void *ctx) {
  const struct bench_worker *worker = ctx;
  char line[64];
  if (write(worker->to, "\n", 1) != 1 || !read_line(worker, line, sizeof line))
    bench_die("the worker ended");
  return strtod(line, NULL);
}

void bench_worker_stop(struct bench_worker *worker) {
  close(worker->to);
  close(worker->from);
  while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR) continue;
}
