/* SPDX-License-Identifier: Apache-2.0 */
/* Named volumes. */
#ifndef CSN_ENGINE_VOLUMES_H
#define CSN_ENGINE_VOLUMES_H

#include "engine/engine.h"

/* 0 too when it exists already, whatever its labels. The name needs two characters or more
 * (Podman). labels is an object of strings or NULL. (20 s) */
int csn_volume_create(struct csn_engine *engine, const char *name, const cJSON *labels,
                      const struct csn_control *control, struct csn_error *err);

struct csn_volume {
  const char *name;
  const char *driver;
  const char *mountpoint; /* on the engine's machine; "" where it does not say */
  const cJSON *labels; /* may be NULL */
  cJSON *raw;
};
/* (10 s) */
int csn_volume_inspect(struct csn_engine *engine, const char *name,
                       const struct csn_control *control, struct csn_volume *out,
                       struct csn_error *err);
void csn_volume_free(struct csn_volume *volume);
#define CSN_CLEANUP_VOLUME __attribute__((cleanup(csn_volume_free)))
/* 0 too when there is none; engine.conflict while a container has it. (20 s) */
int csn_volume_remove(struct csn_engine *engine, const char *name,
                      const struct csn_control *control, struct csn_error *err);

#endif
