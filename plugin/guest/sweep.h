/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kill that converges, as process 1 does it: find who is meant, kill them, and freeze
 * everything else while it must. Only process 1 runs these; it is single and cannot be killed or
 * stopped from inside, so it is the one lock of the sandbox. Nothing is ever left frozen.
 */
#ifndef CSN_GUEST_SWEEP_H
#define CSN_GUEST_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CSN_SWEEP_TEXT_MAX 200

struct csn_sweep_result {
  uint32_t found;                  /* live ones when the sweep began */
  char text[CSN_SWEEP_TEXT_MAX];   /* the first few of them: "pid 12 (cc1) state D, ..." */
};

/* Open what sweeping needs. 0 or -1. */
int csn_sweep_open(void);

/* Send SIGKILL to every descendant of `root`, which is `owner` or a child of it, including those
 * that are born meanwhile; to that end freeze everything for a moment if need be, or from the
 * start if `freeze` says so. Whether they are dead yet is for their reaper, the subreaper
 * `root`, to say: its "no children" is the proof, and until it comes the caller sweeps again,
 * freezing. 0, or -1 when /proc could not be read. */
int csn_sweep_tree(pid_t root, pid_t owner, bool freeze, struct csn_sweep_result *result);

/* Kill all but process 1, the `spared`, and helpers that are just arriving from outside. Waits,
 * up to 2 s, until they are dead; result->found is how many are not. When /proc cannot be read,
 * nobody is spared. Reaps process 1's children: `reaped` is told about each. The spared are left
 * frozen, so that they can be told before they see anything: csn_sweep_thaw must follow. */
void csn_sweep_all(const pid_t *spared, size_t count, void (*reaped)(pid_t pid, int status),
                   struct csn_sweep_result *result);

void csn_sweep_thaw(void);

/* Whether /proc shows a process as non-dumpable: the files in its directory (not the directory
 * itself) belong to root and not to its user. Where process 1 cannot even see itself so, the
 * runtime does not enforce it, or root is the user. */
int csn_sweep_is_undumpable(pid_t pid);

#endif
