/* SPDX-License-Identifier: Apache-2.0 */
/* See environment.h. */
#include "tools/environment.h"

#include <string.h>

#include "util/alloc.h"
#include "util/json.h"

/* The root is read-only, so everything that programs keep for themselves goes to the workspace. */
static const struct {
  const char *name, *value;
} defaults[] = {
    {"HOME", CSN_WORKSPACE},
    {"USER", "sandbox"},
    {"LOGNAME", "sandbox"},
    {"LANG", "C.UTF-8"},
    {"SHELL", "/bin/sh"}, /* else bash looks the user up: a quarter of its start */
    {"TERM", "dumb"}, /* no colours, no cursor movement */
    {"XDG_CACHE_HOME", CSN_WORKSPACE "/.cache"},
    {"XDG_CONFIG_HOME", CSN_WORKSPACE "/.config"},
    {"XDG_DATA_HOME", CSN_WORKSPACE "/.local/share"},
    {"XDG_STATE_HOME", CSN_WORKSPACE "/.local/state"},
    {"PIP_CACHE_DIR", CSN_WORKSPACE "/.cache/pip"},
    {"PAGER", "cat"}, /* nobody can press a key */
};

void csn_environment_free(struct csn_environment *env) {
  for (size_t i = 0; i < env->count; i++) csn_free(env->entries[i]);
  csn_free(env->entries);
  *env = (struct csn_environment)CSN_ENVIRONMENT_EMPTY;
}

static char **find(const struct csn_environment *env, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < env->count; i++)
    if (strncmp(env->entries[i], name, n) == 0 && env->entries[i][n] == '=')
      return &env->entries[i];
  return NULL;
}

static int grow(struct csn_environment *env) {
  if (env->count + 1 < env->capacity) return 0;
  size_t capacity = env->capacity ? env->capacity * 2 : 16;
  char **entries = csn_realloc(env->entries, capacity * sizeof *entries);
  if (!entries) return CAISSON_E_NOMEM;
  env->entries = entries;
  env->capacity = capacity;
  return 0;
}

int csn_environment_set(struct csn_environment *env, const char *name, const char *value,
                        struct csn_error *err) {
  CSN_CLEANUP_FREE char *entry = csn_asprintf("%s=%s", name, value);
  char **old = find(env, name);
  if (!entry || (!old && grow(env))) return csn_fail_nomem(err);
  if (old) {
    csn_free(*old);
    *old = CSN_STEAL(entry);
    return 0;
  }
  env->entries[env->count++] = CSN_STEAL(entry);
  env->entries[env->count] = NULL;
  return 0;
}

int csn_environment_set_all(struct csn_environment *env, const cJSON *object,
                            struct csn_error *err) {
  const cJSON *m = NULL;
  while ((m = csn_json_next_string(object, m))) {
    int rc = csn_environment_set(env, m->string, m->valuestring, err);
    if (rc) return rc;
  }
  return 0;
}

int csn_environment_set_defaults(struct csn_environment *env, const cJSON *taken,
                                 struct csn_error *err) {
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
    if (csn_json_get(taken, defaults[i].name)) continue;
    int rc = csn_environment_set(env, defaults[i].name, defaults[i].value, err);
    if (rc) return rc;
  }
  return 0;
}

const char *csn_environment_get(const struct csn_environment *env, const char *name) {
  char **entry = find(env, name);
  return entry ? *entry + strlen(name) + 1 : NULL;
}
