/* SPDX-License-Identifier: Apache-2.0 */
/* Work that several callers need at once is done by one of them, once per process; the others wait
 * for it, each under its own control, and see how far it has come. When the one who does it is
 * told to stop, another takes over. No thread is started: all of it happens on the callers' own. */
#ifndef CSN_SESSION_FLIGHT_H
#define CSN_SESSION_FLIGHT_H

#include "engine/image_watch.h"
#include "util/control.h"
#include "util/error.h"

/* The work. What it tells `watch` reaches all who wait. */
typedef int csn_flight_fn(void *ctx, const struct csn_image_watch *watch,
                          const struct csn_control *control, struct csn_error *err);

/* Does the work, or waits for whoever does that of the same key. Returns as the work did, wherever
 * it was done, or what this caller's control says. Of `watch` the log is told only what is done
 * here. */
int csn_flight_join(const char *key, csn_flight_fn *work, void *ctx,
                    const struct csn_image_watch *watch, const struct csn_control *control,
                    struct csn_error *err);

#endif
