/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noticing that somebody inside changed one of our processes: code of the same user may set our
 * resource limits, our nice value and our scheduling policy, and the kernel lets it. There is no
 * way to refuse that or to undo it, only to see it.
 */
#ifndef CSN_GUEST_SQUEEZE_H
#define CSN_GUEST_SQUEEZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

struct csn_squeeze {
  struct rlimit limits[RLIM_NLIMITS];
  int nice;
  int policy;
};

/* Remember this process's values as they are now. */
void csn_squeeze_remember(struct csn_squeeze *squeeze);

/* Whether one of them differs; `what` is then "RLIMIT_NOFILE", "nice", ... About 2 microseconds. */
bool csn_squeeze_happened(const struct csn_squeeze *squeeze, const char **what);

#endif
