/* SPDX-License-Identifier: Apache-2.0 */
/* The user's Docker client configuration: config.json in DOCKER_CONFIG, else in ~/.docker, as
 * https://docs.docker.com/reference/cli/docker/#configuration-files describes it. */
#ifndef CSN_ENGINE_DOCKER_CONFIG_H
#define CSN_ENGINE_DOCKER_CONFIG_H

#include <cjson/cJSON.h>

#include "util/error.h"

/* Its directory, to csn_free; NULL where there is neither DOCKER_CONFIG nor HOME, or no memory. */
char *csn_docker_config_dir(void);

/* The document, to cJSON_Delete: an empty object where there is no file. 0, CAISSON_E_CONFIG for
 * one that cannot be read or is not a JSON object, by its path, or CAISSON_E_NOMEM. */
int csn_docker_config_load(cJSON **out, struct csn_error *err);

#endif
