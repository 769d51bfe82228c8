/* SPDX-License-Identifier: Apache-2.0 */
/* The registries that a Dockerfile's FROM lines name: to whom credentials may go. Pure. */
#ifndef CSN_ENGINE_BUILD_BASES_H
#define CSN_ENGINE_BUILD_BASES_H

#include <cjson/cJSON.h>

#include "util/error.h"

#define CSN_BUILD_BASES_MAX 16 /* more are not looked at */

/* A new array of the registries' names, each once. A FROM that an ARG completes, one of "scratch"
 * and one of an earlier stage is none of them. 0 or CAISSON_E_NOMEM. */
int csn_build_bases(const char *dockerfile, size_t n, cJSON **out, struct csn_error *err);

#endif
