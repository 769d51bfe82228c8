/* SPDX-License-Identifier: Apache-2.0 */
/* An image's name taken apart, as the Docker client does: [registry[:port]/]path[:tag][@digest].
 * Pure. */
#ifndef CSN_ENGINE_IMAGE_NAME_H
#define CSN_ENGINE_IMAGE_NAME_H

#include "util/error.h"

/* Docker Hub's registry, and what the Docker client's configuration calls it. */
#define CSN_DOCKER_HUB "docker.io"
#define CSN_DOCKER_HUB_KEY "https://index.docker.io/v1/"

struct csn_image_name {
  char *registry;   /* "docker.io", "127.0.0.1:5000" */
  char *repository; /* as given, without tag and digest */
  char *tag;        /* "latest" where there was none; of a name with a digest, the digest */
  int has_digest;
  int is_id;        /* "sha256:..." alone: no registry has that */
};

/* 0, or CAISSON_E_NOMEM: any text has such parts, and an engine or registry says if it dislikes
 * them. */
int csn_image_name_parse(const char *text, struct csn_image_name *out, struct csn_error *err);
void csn_image_name_free(struct csn_image_name *name);
#define CSN_CLEANUP_IMAGE_NAME __attribute__((cleanup(csn_image_name_free)))

#endif
