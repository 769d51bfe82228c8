/* SPDX-License-Identifier: Apache-2.0 */
/* Images: what one is made of. */
#ifndef CSN_ENGINE_IMAGES_H
#define CSN_ENGINE_IMAGES_H

#include "engine/engine.h"

struct csn_image {
  const char *id;       /* "sha256:..." */
  const char *os;       /* "linux" */
  const char *arch;     /* "amd64" */
  const char *user;     /* that its processes run as; "" is root */
  const cJSON *env;     /* array of "NAME=value", or NULL */
  const cJSON *volumes; /* object whose keys are paths, or NULL */
  const cJSON *labels;  /* object of strings, or NULL */
  cJSON *raw;
};

/* image.missing, with how to get it, when the engine does not have it. (10 s) */
int csn_image_inspect(struct csn_engine *engine, const char *name,
                      const struct csn_control *control, struct csn_image *out,
                      struct csn_error *err);
void csn_image_free(struct csn_image *image);
#define CSN_CLEANUP_IMAGE __attribute__((cleanup(csn_image_free)))

#endif
