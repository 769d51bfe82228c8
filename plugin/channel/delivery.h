/* SPDX-License-Identifier: Apache-2.0 */
/* How the helper's file gets onto an engine: into a volume that every sandbox mounts read-only. */
#ifndef CSN_CHANNEL_DELIVERY_H
#define CSN_CHANNEL_DELIVERY_H

#include "engine/body.h"
#include "engine/engine.h"
#include "util/control.h"
#include "util/error.h"

#define CSN_DELIVERY_VOLUME "caisson-guest"
#define CSN_DELIVERY_MOUNT "/.caisson"

/* What was found out about one engine. All zero at first; any thread. */
struct csn_delivery {
  _Atomic int is_readable; /* it executes no file that cannot be read (gVisor): another is used */
  _Atomic int guest;       /* which of the helpers its machine runs, from 1; 0: not chosen yet */
  _Atomic int is_asking;   /* somebody is finding that out */
};

/* Chooses the helper for the engine's architecture, if that was not done yet. engine.platform, with
 * those that there are, when there is none for it. Everything below wants it chosen. */
int csn_delivery_choose(struct csn_delivery *delivery, struct csn_engine *engine,
                        const struct csn_control *control, struct csn_error *err);

/* A sandbox runs there whose process 1 is this file: if it is one of this plugin's, nothing need be
 * asked to choose. */
void csn_delivery_recognise(struct csn_delivery *delivery, const char *path);

/* Where a sandbox finds this plugin's helper: "/.caisson/guest-<16 hex of its SHA-256>", with
 * "-readable" behind it for such a runtime. "" before it is chosen. */
const char *csn_delivery_path(const struct csn_delivery *delivery);

/* Is this how a start or an exec fails when the file is not in the volume? */
int csn_delivery_is_missing(const struct csn_delivery *delivery, const struct csn_error *err);

/* Is this how one fails when the runtime would have to read the file? If so, that is remembered:
 * trying again takes the other file. */
int csn_delivery_learns(struct csn_delivery *delivery, const struct csn_error *err);

/* Puts the file there, by way of a container of `image` that is made, never started, and
 * removed. */
int csn_delivery_deliver(const struct csn_delivery *delivery, struct csn_engine *engine,
                         const char *image, const struct csn_control *control,
                         struct csn_error *err);

/* Adds the volume to the mounts of a create body. */
void csn_delivery_add_mount(struct csn_body *b, cJSON *mounts, int is_read_only);

/* Puts another file beside it, whole or not at all; `name` is one that nobody else uses. */
int csn_delivery_put(const struct csn_delivery *delivery, struct csn_engine *engine,
                     const char *image, const char *name, const void *bytes, size_t n,
                     unsigned mode, const struct csn_control *control, struct csn_error *err);

#endif
