/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that descends from the calling process, as /proc shows it: counted, or made the kernel's
 * first choice when memory is short. For whoever is a command's subreaper: a serve or a supervisor.
 */
#ifndef CSN_GUEST_BROOD_H
#define CSN_GUEST_BROOD_H

#include <stdint.h>
#include <sys/types.h>

/* How many descendants are alive (zombies are not). 0 also when /proc cannot be read. */
uint32_t csn_brood_count(void);

/* Set oom_score_adj of every descendant. It cannot be inherited from us: our own /proc entries
 * belong to root, since we are non-dumpable; a command's belong to its user once its exec is
 * over. */
void csn_brood_raise_oom_score(int score);

/* A command that lasts this long gets its score raised; by then its exec is certainly over, and a
 * short one does not pay for it. */
#define CSN_BROOD_SETTLED_NS 5000000ull

#endif
