/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting and marking descendants: see brood.h.
 */
#include "guest/brood.h"

#include "guest/scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct csn_scan scan;

static void scan_descendants(void) {
  int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc_fd < 0 || csn_scan_read(&scan, proc_fd, NULL) < 0) scan.count = 0;
  if (proc_fd >= 0) close(proc_fd);
  csn_scan_mark(&scan, getpid());
}

uint32_t csn_brood_count(void) {
  uint32_t count = 0;
  scan_descendants();
  for (size_t i = 0; i < scan.count; i++) {
    if (scan.rows[i].marked == CSN_SCAN_DESCENDANT && !csn_scan_is_zombie(&scan.rows[i])) count++;
  }
  return count;
}

static void raise_one(pid_t pid, int score) {
  char path[40], number[12];
  snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  int size = snprintf(number, sizeof number, "%d", score);
  if (write(fd, number, (size_t)size) < 0) { /* It may be dead already. */ }
  close(fd);
}

void csn_brood_raise_oom_score(int score) {
  scan_descendants();
  for (size_t i = 0; i < scan.count; i++) {
    if (scan.rows[i].marked == CSN_SCAN_DESCENDANT) raise_one(scan.rows[i].pid, score);
  }
}
