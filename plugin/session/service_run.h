/* SPDX-License-Identifier: Apache-2.0 */
/* What a service runs: its program and arguments, environment and directory, from the settings, the
 * container and, where they say so, the image. */
#ifndef CSN_SESSION_SERVICE_RUN_H
#define CSN_SESSION_SERVICE_RUN_H

#include <cjson/cJSON.h>

#include "session/session.h"

struct csn_session;

struct csn_service_run {
  const char *programs[2];
  const char **argv; /* NULL-ended */
  const char **env;  /* likewise */
  const char *cwd;
  cJSON *strings;    /* that the above point into */
};
void csn_service_run_free(struct csn_service_run *run);
#define CSN_CLEANUP_SERVICE_RUN __attribute__((cleanup(csn_service_run_free)))

/* Does it run the image's own Entrypoint and Cmd? */
int csn_service_is_images(const cJSON *service);

/* The session's service; `options` are this call's, of which the secrets count, or NULL. */
int csn_service_run_make(struct csn_sessions *all, const struct csn_session *s,
                         const cJSON *options, const struct csn_control *control,
                         struct csn_service_run *run, struct csn_error *err);

/* The same of what the engine says: an image's Config (or NULL) and the container's environment.
 * Pure. */
int csn_service_run_from(const cJSON *service, const cJSON *image_config,
                         const cJSON *container_env, const char *workdir, const cJSON *secrets,
                         struct csn_service_run *run, struct csn_error *err);

#endif
