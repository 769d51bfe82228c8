/* SPDX-License-Identifier: Apache-2.0 */
/* How the helper's file gets onto an engine: into a volume that every sandbox mounts read-only. */
#ifndef CSN_CHANNEL_DELIVERY_H
#define CSN_CHANNEL_DELIVERY_H

#include "engine/engine.h"
#include "util/control.h"
#include "util/error.h"

#define CSN_DELIVERY_VOLUME "caisson-guest"
#define CSN_DELIVERY_MOUNT "/.caisson"

/* Where a sandbox finds this plugin's helper: "/.caisson/guest-<16 hex of its SHA-256>". */
const char *csn_delivery_path(void);

/* Is this how a start or an exec fails when the file is not in the volume? */
int csn_delivery_is_missing(const struct csn_error *err);

/* Puts the file there, by way of a container of `image` that is made, never started, and removed. */
int csn_delivery_deliver(struct csn_engine *engine, const char *image,
                         const struct csn_control *control, struct csn_error *err);

/* 1 if the container (which has the volume mounted) finds the file, 0 if not, or negative. */
int csn_delivery_look(struct csn_engine *engine, const char *container,
                      const struct csn_control *control, struct csn_error *err);

#endif
