/* SPDX-License-Identifier: Apache-2.0 */
/* Why a container ended, when it is gone already and only the engine's events still know. */
#ifndef CSN_ENGINE_EVENTS_H
#define CSN_ENGINE_EVENTS_H

#include <stdint.h>

#include "engine/engine.h"

struct csn_death {
  int seen;      /* the engine told of its end; nothing else is filled in otherwise */
  int exit_code; /* 137: killed */
  int oom;       /* the kernel killed a process in it for its memory limit; Podman never says */
};

/* `since` is in seconds since 1970, not later than its start; 0: as far back as the engine
 * remembers. Waits up to 2 s for the end to be told, since a stream's end can overtake it: so do
 * not ask for a container that runs. container is the full id. (10 s) */
int csn_events_death(struct csn_engine *engine, const char *container, int64_t since,
                     const struct csn_control *control, struct csn_death *out,
                     struct csn_error *err);

#endif
