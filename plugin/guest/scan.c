/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading /proc quickly: one getdents64 buffer, one openat and one read for each process, no
 * allocation. See scan.h.
 */
#include "guest/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {   /* linux_dirent64 */
  uint64_t inode;
  int64_t offset;
  uint16_t size;
  uint8_t kind;
  char name[];
};

static pid_t parse_pid(const char *name) {
  long pid = 0;
  for (; *name >= '0' && *name <= '9' && pid < 100000000; name++) pid = pid * 10 + (*name - '0');
  return *name == '\0' ? (pid_t)pid : 0;
}

bool csn_scan_parse(const char *line, size_t size, struct csn_scan_process *row) {
  const char *open = memchr(line, '(', size);
  const char *close = memrchr(line, ')', size);
  if (open == NULL || close == NULL || close < open) return false;
  if ((size_t)(line + size - close) < 6 || close[1] != ' ' || close[3] != ' ') return false;

  size_t length = (size_t)(close - open - 1);
  if (length > sizeof row->name - 1) length = sizeof row->name - 1;
  memcpy(row->name, open + 1, length);
  row->name[length] = '\0';
  row->state = close[2];

  long parent = 0;
  const char *at = close + 4;
  for (; at < line + size && *at >= '0' && *at <= '9' && parent < 100000000; at++)
    parent = parent * 10 + (*at - '0');
  row->parent = (pid_t)parent;
  return at > close + 4;
}

/* 1 read, 0 gone meanwhile, -1 failed. */
static int read_row(int proc_fd, const char *name, struct csn_scan_process *row) {
  char path[24], line[512];
  size_t length = strlen(name);
  if (length > sizeof path - sizeof "/stat") return 0;
  memcpy(path, name, length);
  memcpy(path + length, "/stat", sizeof "/stat");

  int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT || errno == ESRCH ? 0 : -1;
  ssize_t size;
  do
    size = read(fd, line, sizeof line);
  while (size < 0 && errno == EINTR);
  int why = errno;
  close(fd);
  if (size < 0) return why == ESRCH ? 0 : -1;
  return csn_scan_parse(line, (size_t)size, row) ? 1 : -1;
}

static int add_row(struct csn_scan *scan, int proc_fd, const char *name, pid_t pid,
                   struct csn_scan *before) {
  if (scan->count == CSN_SCAN_MAX) return -1;
  struct csn_scan_process *row = &scan->rows[scan->count];
  const struct csn_scan_process *known = before != NULL ? csn_scan_find(before, pid) : NULL;
  if (known != NULL && known->killed) {
    *row = *known;
    scan->count++;
    return 0;
  }
  memset(row, 0, sizeof *row);
  row->pid = pid;
  int got = read_row(proc_fd, name, row);
  if (got > 0) scan->count++;
  if (got == 0) scan->vanished++;
  return got < 0 ? -1 : 0;
}

int csn_scan_read(struct csn_scan *scan, int proc_fd, struct csn_scan *before) {
  _Alignas(8) char buffer[16384];
  scan->count = scan->vanished = 0;
  if (lseek(proc_fd, 0, SEEK_SET) < 0) return -1;
  for (;;) {
    long size = syscall(SYS_getdents64, proc_fd, buffer, sizeof buffer);
    if (size <= 0) return size < 0 || scan->count == 0 ? -1 : 0;
    for (long at = 0; at < size;) {
      const struct entry *entry = (const void *)(buffer + at);
      pid_t pid = parse_pid(entry->name);
      if (pid > 0 && add_row(scan, proc_fd, entry->name, pid, before) < 0) return -1;
      at += entry->size;
    }
  }
}

struct csn_scan_process *csn_scan_find(struct csn_scan *scan, pid_t pid) {
  size_t low = 0, high = scan->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (scan->rows[middle].pid < pid)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == scan->count || scan->rows[low].pid != pid) return NULL;
  return &scan->rows[low];
}

/* Whether row descends from root: walk up until someone is known, then mark the way. */
static void mark_line(struct csn_scan *scan, struct csn_scan_process *row, pid_t root) {
  uint8_t mark = CSN_SCAN_UNKNOWN;
  size_t steps = 0;
  for (struct csn_scan_process *up = row; mark == CSN_SCAN_UNKNOWN;) {
    if (up->marked != CSN_SCAN_UNKNOWN) {
      mark = up->marked;
    } else if (up->parent == root) {
      mark = CSN_SCAN_DESCENDANT;
    } else {
      up = csn_scan_find(scan, up->parent);
      /* A parent that is gone or a loop (the table is no snapshot): not one of them. */
      if (up == NULL || ++steps > scan->count) mark = CSN_SCAN_STRANGER;
    }
  }
  for (struct csn_scan_process *up = row; up != NULL && up->marked == CSN_SCAN_UNKNOWN;) {
    up->marked = mark;
    up = up->parent == root ? NULL : csn_scan_find(scan, up->parent);
  }
}

void csn_scan_mark(struct csn_scan *scan, pid_t root) {
  for (size_t i = 0; i < scan->count; i++) {
    struct csn_scan_process *row = &scan->rows[i];
    row->marked = row->pid == root ? CSN_SCAN_STRANGER
                  : row->killed    ? CSN_SCAN_DESCENDANT
                                   : CSN_SCAN_UNKNOWN;
  }
  for (size_t i = 0; i < scan->count; i++) {
    if (scan->rows[i].marked == CSN_SCAN_UNKNOWN) mark_line(scan, &scan->rows[i], root);
  }
}
