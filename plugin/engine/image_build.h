/* SPDX-License-Identifier: Apache-2.0 */
/* An image from a folder with a Dockerfile, by the builder that every engine has. */
#ifndef CSN_ENGINE_IMAGE_BUILD_H
#define CSN_ENGINE_IMAGE_BUILD_H

#include <cjson/cJSON.h>

#include "engine/build_context.h"
#include "engine/engine.h"
#include "engine/image_watch.h"

/* The label by which an image that was built here says what it was made of. */
#define CSN_LABEL_CONTEXT "caisson.context"

/* What the operator has set; strings are borrowed. */
struct csn_build_spec {
  const char *name;       /* of the image */
  const char *context;    /* the folder, absolute */
  const char *dockerfile; /* relative to it */
  const char *target;     /* a stage, or NULL: the last */
  const char *platform;   /* or NULL */
  const char *network;    /* of its steps, or NULL: the engine's default */
  const cJSON *args;      /* {NAME: value}, or NULL */
  int pull;               /* look for newer base images */
};

/* A folder that was read, and what the image will say that it was made of. */
struct csn_build {
  const struct csn_build_spec *spec;
  struct csn_context context;
  struct csn_sha256 begin;
  unsigned char digest[CSN_SHA256_SIZE];
  char label[CSN_SHA256_HEX];
};

/* Reads the folder, all of it. As csn_context_open(). */
int csn_build_prepare(const struct csn_build_spec *spec, const struct csn_control *control,
                      struct csn_build *out, struct csn_error *err);
void csn_build_free(struct csn_build *build);

/* Builds and names it. It takes as long as it takes; when the control says stop, the engine stops
 * too. As every operation; CAISSON_E_CONFIG with image.build for a step that failed, with the step
 * and its last lines; image.* for a base image. */
int csn_build_run(struct csn_engine *engine, const struct csn_build *build,
                  const struct csn_image_watch *watch, const struct csn_control *control,
                  struct csn_error *err);

#endif
