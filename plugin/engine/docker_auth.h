/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at a registry, by the Docker client's configuration. Pure but for the memory: it
 * reads a document and makes the header that an engine passes on. */
#ifndef CSN_ENGINE_DOCKER_AUTH_H
#define CSN_ENGINE_DOCKER_AUTH_H

#include <cjson/cJSON.h>

#include "util/error.h"

/* What the configuration calls a registry: Docker Hub has a key of its own. */
const char *csn_docker_auth_key(const char *registry);

/* The program that keeps the credentials of this registry, "docker-credential-NAME" without its
 * prefix, or NULL: by credHelpers, else by credsStore. */
const char *csn_docker_auth_helper(const cJSON *config, const char *registry);

/* What auths itself has of this registry: a new object {"username", "password", "serveraddress"} or
 * {"identitytoken", ...}, or *out NULL where there is nothing. 0, CAISSON_E_CONFIG for an entry
 * that makes no sense, without any of its content, or CAISSON_E_NOMEM. */
int csn_docker_auth_inline(const cJSON *config, const char *registry, cJSON **out,
                           struct csn_error *err);

/* The same object of what a helper says: {"Username", "Secret"}; NULL if it makes no sense. */
cJSON *csn_docker_auth_of_helper(const cJSON *answer, const char *registry);

/* base64url of the document, for X-Registry-Auth; to csn_docker_auth_wipe(). NULL: no memory. */
char *csn_docker_auth_encode(const cJSON *document);

/* Frees a text, or deletes a document, and leaves no secret in memory. NULL is allowed. */
void csn_docker_auth_wipe(char *text);
void csn_docker_auth_delete(cJSON *document);

#endif
