/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of the sandbox's processes, read from /proc, and who descends from whom in it. It kills
 * nobody and knows nothing of calls.
 */
#ifndef CSN_GUEST_SCAN_H
#define CSN_GUEST_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CSN_SCAN_MAX 16384   /* processes; more is a scan that fails */

enum csn_scan_mark { CSN_SCAN_UNKNOWN = 0, CSN_SCAN_DESCENDANT = 1, CSN_SCAN_STRANGER = 2 };

struct csn_scan_process {
  pid_t pid, parent;
  char state;          /* as in /proc/PID/stat: R S D Z T t X */
  uint8_t marked;      /* enum csn_scan_mark, set by csn_scan_mark */
  bool killed;         /* the caller's */
  char name[17];
};

/* Rows ascend by pid, as /proc lists them. */
struct csn_scan {
  size_t count;
  size_t vanished;   /* listed, but gone before they could be read */
  struct csn_scan_process rows[CSN_SCAN_MAX];
};

/* Read all processes into `scan`. Rows of `before` (which may be NULL) that are marked killed are
 * taken over as they are instead of being read again. 0, or -1 when /proc cannot be read or holds
 * more than the table. A process that vanishes meanwhile is left out. */
int csn_scan_read(struct csn_scan *scan, int proc_fd, struct csn_scan *before);

/* Mark the descendants of `root`; root itself is none, and need not be in the table. */
void csn_scan_mark(struct csn_scan *scan, pid_t root);

struct csn_scan_process *csn_scan_find(struct csn_scan *scan, pid_t pid);

/* Dead but for the parent's wait. (A leader whose other threads live also shows as one.) */
static inline bool csn_scan_is_zombie(const struct csn_scan_process *row) {
  return row->state == 'Z' || row->state == 'X';
}

/* Take one line of /proc/PID/stat apart. The name may hold any character, parentheses and newlines
 * included, so what follows is found from the last parenthesis. False: not such a line. */
bool csn_scan_parse(const char *line, size_t size, struct csn_scan_process *row);

#endif
