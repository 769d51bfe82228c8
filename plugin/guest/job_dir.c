/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job's folder and files: see job_dir.h.
 */
#include "guest/job_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_DIGITS 9
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void csn_job_name(uint32_t number, char name[CSN_JOB_NAME_SIZE]) {
  snprintf(name, CSN_JOB_NAME_SIZE, CSN_JOB_PREFIX "%u", (unsigned)number);
}

uint32_t csn_job_number(const char *name) {
  size_t prefix = sizeof CSN_JOB_PREFIX - 1;
  uint32_t number = 0;
  if (strncmp(name, CSN_JOB_PREFIX, prefix) != 0 || name[prefix] == '0') return 0;
  for (size_t i = prefix; name[i] != '\0'; i++) {
    if (name[i] < '0' || name[i] > '9' || i >= prefix + NUMBER_DIGITS) return 0;
    number = number * 10 + (uint32_t)(name[i] - '0');
  }
  return number;
}

static int close_keeping_errno(int fd) {
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

/* The folder of all jobs, and the one of this job in it. */
static int open_dir(uint32_t number, bool make) {
  char name[CSN_JOB_NAME_SIZE];
  if (make) {
    csn_guest_make_dir();
    mkdir(CSN_JOB_DIR, 0700);
  }
  int jobs = open(CSN_JOB_DIR, OPEN_DIR);
  if (jobs < 0) return -1;
  csn_job_name(number, name);
  if (make && mkdirat(jobs, name, 0700) < 0) return close_keeping_errno(jobs);
  int dir = openat(jobs, name, OPEN_DIR);
  close_keeping_errno(jobs);
  return dir;
}

int csn_job_dir_make(uint32_t number) { return open_dir(number, true); }

int csn_job_file_make(int dir, const char *name) {
  return openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int csn_job_file_open(uint32_t number, const char *name, uint64_t *size) {
  struct stat file;
  *size = 0;
  int dir = open_dir(number, false);
  if (dir < 0) return -1;
  int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  close_keeping_errno(dir);
  if (fd < 0) return -1;
  if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode)) return close_keeping_errno(fd);
  *size = (uint64_t)file.st_size;
  return fd;
}

void csn_job_dir_remove(uint32_t number) {
  static const char *const names[] = {CSN_JOB_OUT, CSN_JOB_ERR, "command.sh"};
  char path[sizeof CSN_JOB_DIR + CSN_JOB_NAME_SIZE + 1], name[CSN_JOB_NAME_SIZE];
  int dir = open_dir(number, false);
  if (dir < 0) return;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unlinkat(dir, names[i], 0);
  close(dir);
  csn_job_name(number, name);
  snprintf(path, sizeof path, CSN_JOB_DIR "/%s", name);
  rmdir(path);
}
