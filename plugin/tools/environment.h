/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that a command gets beside its container's own: our defaults, then what the host
 * gives for the call, then what the model asks for, then secrets; the later wins. Pure. */
#ifndef CSN_TOOLS_ENVIRONMENT_H
#define CSN_TOOLS_ENVIRONMENT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "util/error.h"

/* The directory that every sandbox can write. */
#define CSN_WORKSPACE "/workspace"

struct csn_environment {
  char **entries; /* NAME=value, NULL-ended; NULL while empty */
  size_t count, capacity;
};

#define CSN_ENVIRONMENT_EMPTY {NULL, 0, 0}
void csn_environment_free(struct csn_environment *env);
#define CSN_CLEANUP_ENVIRONMENT __attribute__((cleanup(csn_environment_free)))

/* HOME and the caches in the workspace, LANG, TERM, ... PATH is not among them: it is the image's,
 * and the session layer has one for images without. What `taken` ({NAME: value} or NULL: what the
 * sandbox's own settings give it) names stays what the container has. */
int csn_environment_set_defaults(struct csn_environment *env, const cJSON *taken,
                                 struct csn_error *err);
/* Sets or replaces. */
int csn_environment_set(struct csn_environment *env, const char *name, const char *value,
                        struct csn_error *err);
/* Each string of {NAME: value}; NULL is {}. */
int csn_environment_set_all(struct csn_environment *env, const cJSON *object,
                            struct csn_error *err);
const char *csn_environment_get(const struct csn_environment *env, const char *name); /* or NULL */

#endif
