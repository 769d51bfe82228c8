/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many processes the kernel has killed in this sandbox for want of memory, where that can be
 * read.
 */
#ifndef CSN_GUEST_OOM_H
#define CSN_GUEST_OOM_H

#include <stdint.h>

/* Open the counter of whichever cgroup version there is. A descriptor, or -1 where there is
 * none. */
int csn_oom_open(void);

/* Read it; 0 where there is none. */
uint64_t csn_oom_count(int fd);

/* What a command's oom_score_adj should be: ours and 300 more; 0 where ours cannot be read. */
int csn_oom_command_score(void);

#endif
