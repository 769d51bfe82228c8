/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scan, kill, and freeze who is too quick for that: see sweep.h.
 *
 * A tree that does not fork right now is dead after one listing and one signal each, and nobody
 * else in the sandbox notices. If a second listing shows somebody new, everything is frozen first.
 * Then it is exact under Linux: kill(-1) and fork exclude each other, and a fork in progress passes
 * the SIGSTOP on to the child, so after the freeze nothing new runs a single instruction; a child
 * that was just being attached while we listed is seen by the next listing, which starts when its
 * parent has its SIGKILL and can attach no more. So it ends, when a listing shows nobody new.
 */
#include "guest/sweep.h"

#include "guest/basics.h"
#include "guest/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSES_MAX 64
#define DEATHS_WAIT_NS (2000 * CSN_MS_IN_NS)

static int proc_fd = -1;
/* read in turns, so that a listing can refer to the one before */
static struct csn_scan tables[2];

int csn_sweep_open(void) {
  proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return proc_fd < 0 ? -1 : 0;
}

static void describe(struct csn_sweep_result *result, const struct csn_scan_process *row) {
  size_t used = strlen(result->text);
  char line[64];
  int size = snprintf(line, sizeof line, "%spid %d (%s) state %c", used > 0 ? ", " : "",
                      (int)row->pid, row->name, row->state);
  if (size > 0 && (size_t)size < sizeof line && used + (size_t)size < sizeof result->text)
    memcpy(result->text + used, line, (size_t)size + 1);
}

static void note(struct csn_sweep_result *result, const struct csn_scan_process *row) {
  if (csn_scan_is_zombie(row)) return;
  result->found++;
  describe(result, row);
}

/* Zombies are sent it as well: one may be a leader whose other threads still run. */
static size_t kill_marked(struct csn_scan *scan, struct csn_sweep_result *result) {
  size_t killed = 0;
  for (size_t i = 0; i < scan->count; i++) {
    struct csn_scan_process *row = &scan->rows[i];
    if (row->marked != CSN_SCAN_DESCENDANT || row->killed) continue;
    kill(row->pid, SIGKILL);
    row->killed = true;
    killed++;
    note(result, row);
  }
  return killed;
}

static int kill_descendants(pid_t root, pid_t owner, bool *frozen,
                            struct csn_sweep_result *result) {
  struct csn_scan *before = NULL;
  for (int pass = 0; pass < PASSES_MAX; pass++) {
    struct csn_scan *scan = &tables[pass & 1];
    if (csn_scan_read(scan, proc_fd, before) < 0) return -1;
    const struct csn_scan_process *top = csn_scan_find(scan, root);
    if (top == NULL || (root != owner && top->parent != owner)) return 0;
    csn_scan_mark(scan, root);
    size_t news = kill_marked(scan, result) + (*frozen ? 0 : scan->vanished);
    if (news == 0) return 0;
    if (pass > 0 && !*frozen) {
      kill(-1, SIGSTOP);
      *frozen = true;
    }
    before = scan;
  }
  return -1;
}

int csn_sweep_tree(pid_t root, pid_t owner, bool freeze, struct csn_sweep_result *result) {
  memset(result, 0, sizeof *result);
  if (freeze) kill(-1, SIGSTOP);
  int rc = kill_descendants(root, owner, &freeze, result);
  if (freeze) csn_sweep_thaw();
  return rc;
}

int csn_sweep_is_undumpable(pid_t pid) {
  char path[32];
  struct stat file;
  snprintf(path, sizeof path, "%d/status", (int)pid);
  return fstatat(proc_fd, path, &file, 0) == 0 && file.st_uid != getuid();
}

static bool is_spared(const struct csn_scan_process *row, const pid_t *spared, size_t count) {
  if (row->pid == 1) return true;
  for (size_t i = 0; i < count; i++) {
    if (spared[i] == row->pid) return true;
  }
  /* Its parent is outside: a serve that the engine is just starting. Nobody inside can pose as
   * one. */
  return row->parent == 0 && (csn_sweep_is_undumpable(row->pid) || !csn_sweep_is_undumpable(1));
}

/* One listing: kill who is not spared. The number of those that are still alive, or -1. */
static int kill_strangers(const pid_t *spared, size_t count, struct csn_sweep_result *result) {
  struct csn_scan *scan = &tables[0];
  memset(result, 0, sizeof *result);
  if (csn_scan_read(scan, proc_fd, NULL) < 0) return -1;
  for (size_t i = 0; i < scan->count; i++) {
    const struct csn_scan_process *row = &scan->rows[i];
    if (is_spared(row, spared, count)) continue;
    kill(row->pid, SIGKILL);
    note(result, row);
  }
  return (int)result->found;
}

static void reap(void (*reaped)(pid_t pid, int status)) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) reaped(pid, status);
}

void csn_sweep_all(const pid_t *spared, size_t count, void (*reaped)(pid_t pid, int status),
                   struct csn_sweep_result *result) {
  const struct timespec pause = {0, 500000};
  uint64_t end = csn_guest_now() + DEATHS_WAIT_NS;
  int alive;
  kill(-1, SIGSTOP);
  while ((alive = kill_strangers(spared, count, result)) > 0 && csn_guest_now() < end) {
    nanosleep(&pause, NULL);
    reap(reaped);
  }
  if (alive < 0) kill(-1, SIGKILL);
}

void csn_sweep_thaw(void) { kill(-1, SIGCONT); }
