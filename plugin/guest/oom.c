/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the cgroup's OOM counter: see oom.h.
 */
#include "guest/oom.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCORE_ABOVE_OURS 300
#define SCORE_MAX 1000

int csn_oom_open(void) {
  static const char *const files[] = {"/sys/fs/cgroup/memory.events",
                                      "/sys/fs/cgroup/memory/memory.oom_control"};
  for (unsigned i = 0; i < 2; i++) {
    int fd = open(files[i], O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
  }
  return -1;
}

uint64_t csn_oom_count(int fd) {
  static const char key[] = "oom_kill ";
  char text[1024];
  ssize_t size = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, 0);
  if (size <= 0) return 0;
  text[size] = '\0';
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, key, sizeof key - 1) == 0) return strtoull(line + sizeof key - 1, NULL, 10);
  }
  return 0;
}

int csn_oom_command_score(void) {
  char text[16] = "";
  int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (size <= 0) return 0;
  int score = atoi(text) + SCORE_ABOVE_OURS;
  return score < SCORE_MAX ? score : SCORE_MAX;
}
