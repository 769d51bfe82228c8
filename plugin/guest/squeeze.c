/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own limits and priority, then and now: see squeeze.h.
 */
#include "guest/squeeze.h"

#include <sched.h>
#include <string.h>

static const char *const limit_names[RLIM_NLIMITS] = {
  [RLIMIT_CPU] = "RLIMIT_CPU",         [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
  [RLIMIT_DATA] = "RLIMIT_DATA",       [RLIMIT_STACK] = "RLIMIT_STACK",
  [RLIMIT_CORE] = "RLIMIT_CORE",       [RLIMIT_RSS] = "RLIMIT_RSS",
  [RLIMIT_NPROC] = "RLIMIT_NPROC",     [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
  [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK", [RLIMIT_AS] = "RLIMIT_AS",
  [RLIMIT_LOCKS] = "RLIMIT_LOCKS",     [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
  [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
  [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",   [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};

void csn_squeeze_remember(struct csn_squeeze *squeeze) {
  memset(squeeze, 0, sizeof *squeeze);
  for (unsigned i = 0; i < RLIM_NLIMITS; i++)
    getrlimit((__rlimit_resource_t)i, &squeeze->limits[i]);
  squeeze->nice = getpriority(PRIO_PROCESS, 0);
  squeeze->policy = sched_getscheduler(0);
}

bool csn_squeeze_happened(const struct csn_squeeze *squeeze, const char **what) {
  struct csn_squeeze now;
  csn_squeeze_remember(&now);
  for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
    *what = limit_names[i];
    if (now.limits[i].rlim_cur != squeeze->limits[i].rlim_cur ||
        now.limits[i].rlim_max != squeeze->limits[i].rlim_max)
      return true;
  }
  *what = now.nice != squeeze->nice ? "nice" : "scheduling policy";
  return now.nice != squeeze->nice || now.policy != squeeze->policy;
}
