/* SPDX-License-Identifier: Apache-2.0 */
/* See process.h. */
#include "support/process.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int count_entries(const char *path) {
  int n = 0;
  DIR *dir = opendir(path);
  const struct dirent *entry;
  while (dir && (entry = readdir(dir)))
    if (entry->d_name[0] != '.') n++;
  if (dir) closedir(dir);
  return n;
}

int process_fds(void) {
  return count_entries("/proc/self/fd") - 1; /* without the directory's own */
}

#ifdef __SANITIZE_THREAD__
static void *end_at_once(void *arg) {
  return arg;
}

/* ThreadSanitizer's own thread comes with a program's first one and stays: here, before any are counted. */
__attribute__((constructor)) static void start_sanitizers_own(void) {
  pthread_t first;
  if (pthread_create(&first, NULL, end_at_once, NULL) == 0) pthread_join(first, NULL);
}
#endif

int process_threads(void) {
  return count_entries("/proc/self/task");
}

long process_kb(const char *name) {
  char line[256];
  long kb = -1;
  FILE *f = fopen("/proc/self/status", "re");
  while (f && kb < 0 && fgets(line, sizeof line, f))
    if (strncmp(line, name, strlen(name)) == 0) sscanf(line + strlen(name), ": %ld", &kb);
  if (f) fclose(f);
  return kb;
}

void process_reset_peak(void) {
  malloc_trim(0);
  FILE *f = fopen("/proc/self/clear_refs", "we");
  if (!f) return;
  fputs("5", f);
  fclose(f);
}

bool process_is_sanitized(void) {
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return false;
#endif
}
