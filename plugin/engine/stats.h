/* SPDX-License-Identifier: Apache-2.0 */
/* What a container uses right now, as the engine counts it. */
#ifndef CSN_ENGINE_STATS_H
#define CSN_ENGINE_STATS_H

#include "engine/engine.h"

struct csn_stats {
  uint64_t memory;       /* bytes, without what the kernel would give up at once */
  uint64_t memory_limit; /* bytes */
  uint64_t cpu_ms;       /* of processor time, since its start */
  uint64_t processes;    /* threads counted */
};

/* One sample, which takes the engine some milliseconds. (10 s) */
int csn_stats_get(struct csn_engine *engine, const char *container,
                  const struct csn_control *control, struct csn_stats *out, struct csn_error *err);

#endif
