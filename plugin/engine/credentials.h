/* SPDX-License-Identifier: Apache-2.0 */
/* The credentials for a registry, from the user's Docker client configuration and its credential
 * helpers (docker-credential-NAME, github.com/docker/docker-credential-helpers). They go to the
 * engine with a request and nowhere else: into no log, error or document. */
#ifndef CSN_ENGINE_CREDENTIALS_H
#define CSN_ENGINE_CREDENTIALS_H

#include <cjson/cJSON.h>

#include "util/control.h"
#include "util/error.h"

/* *out is for csn_docker_auth_encode(), to csn_docker_auth_delete(); NULL: none, so anonymous. 0,
 * what the control says, CAISSON_E_NOMEM, or CAISSON_E_CONFIG (config.invalid,
 * image.credentials). */
int csn_credentials_find(const char *registry, const struct csn_control *control, cJSON **out,
                         struct csn_error *err);

#endif
