/* SPDX-License-Identifier: Apache-2.0 */
/* Removing old helpers from the volume that holds them: a file in a volume can only be removed from
 * inside a container, so one of our own is run for it, once. */
#ifndef CSN_CHANNEL_SWEEP_H
#define CSN_CHANNEL_SWEEP_H

#include "channel/delivery.h"
#include "util/buffer.h"

#define CSN_SWEEP_TEXT_MAX ((size_t)64 << 10)

struct csn_sweep {
  const char *image;       /* what the container is made of; of it nothing runs */
  const char *const *keep; /* names of files; NULL-ended. This plugin's own is kept always */
  int64_t older_than_s;
  int dry_run;
  int needs_nproc; /* as csn_dialect has it */
};

/* A line for each file that went, or would go; those that could not be removed are in `failed`.
 * None where there is no volume, or this plugin's helper is not in it. */
int csn_sweep_helpers(const struct csn_delivery *delivery, struct csn_engine *engine,
                      const struct csn_sweep *sweep, const struct csn_control *control,
                      struct csn_buffer *removed, struct csn_buffer *failed,
                      struct csn_error *err);

#endif
