/* SPDX-License-Identifier: Apache-2.0 */
/* Docker contexts: engines that the user's docker client knows by name. Their files lie beside
 * config.json, in folders that are called after the SHA-256 of the name:
 * contexts/meta/<digest>/meta.json and contexts/tls/<digest>/docker/{ca,cert,key}.pem. */
#ifndef CSN_ENGINE_DOCKER_CONTEXT_H
#define CSN_ENGINE_DOCKER_CONTEXT_H

#include "engine/discovery.h"

/* Sets found's endpoint and TLS. 1; CAISSON_E_CONFIG where there is no such context or it cannot be
 * used, by its name and `origin`, whoever named it; or CAISSON_E_NOMEM. */
int csn_docker_context_load(const char *name, const char *origin, struct csn_engine_found *found,
                            struct csn_error *err);

/* Takes ca.pem, cert.pem and key.pem out of a folder, as far as they are there. 0 or
 * CAISSON_E_NOMEM; with must_have CAISSON_E_CONFIG where there is no ca.pem. */
int csn_docker_tls_folder(const char *folder, const char *origin, int must_have,
                          struct csn_engine_found *found, struct csn_error *err);

#endif
