/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a container that runs: the options that it was made with, the environment of
 * its commands, its service. */
#include <stdio.h>

#include "session/internal.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"

int csn_session_options_of(const struct csn_sessions *all, const struct csn_container *found,
                           cJSON **out, struct csn_error *err) {
  cJSON *options CSN_CLEANUP_JSON = NULL;
  const cJSON *schema = all->settings->options_schema;
  if (csn_policy_options_of(csn_container_label(found, CSN_LABEL_SPEC), &options))
    return csn_fail_nomem(err);
  struct csn_error ignored;
  int rc = options && schema ? csn_schema_check(schema, options, "", CAISSON_E_CONFIG,
                                                CAISSON_REASON_OPTIONS, &ignored)
                             : 0;
  if (rc == CAISSON_E_NOMEM) return csn_fail_nomem(err);
  *out = rc ? NULL : CSN_STEAL(options);
  return 0;
}

/* The container's own environment, and the session's behind it, as if it had that too. */
static cJSON *whole_env(const struct csn_container *found, const cJSON *kept) {
  const cJSON *env = csn_json_get(csn_json_get(found->raw, "Config"), "Env"), *m = NULL;
  cJSON *lines = cJSON_IsArray(env) ? cJSON_Duplicate(env, 1) : cJSON_CreateArray();
  int bad = !lines;
  while (!bad && (m = csn_json_next_string(csn_json_get(kept, "env"), m))) {
    char *line CSN_CLEANUP_FREE = csn_asprintf("%s=%s", m->string, m->valuestring);
    bad = !line || csn_json_append_string(lines, line);
  }
  if (!bad) return lines;
  cJSON_Delete(lines);
  return NULL;
}

/* What it runs by itself, with the environment that is not in the label. */
static int whole_service(const char *spec, const cJSON *kept, cJSON **service) {
  const cJSON *env = csn_json_get(kept, "service_env");
  int rc = csn_policy_service_of(spec, service);
  if (rc || !env || !cJSON_IsObject(*service)) return rc;
  return csn_json_add(*service, "env", cJSON_Duplicate(env, 1));
}

int csn_session_settle(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_container *found, const cJSON *kept,
                       struct csn_error *err) {
  const char *spec = csn_container_label(found, CSN_LABEL_SPEC);
  cJSON *shape = NULL, *copy = whole_env(found, kept), *service = NULL;
  int rc = csn_session_options_of(all, found, &shape, err);
  if (rc) {
    cJSON_Delete(copy);
    return rc;
  }
  if (!shape) shape = cJSON_CreateObject();
  /* Without memory nothing is known of a sandbox: one taken for another would be replaced. */
  enum csn_spec_difference difference = csn_policy_compare(spec, all->settings, NULL);
  if (!shape || !copy || difference == CSN_SPEC_NO_MEMORY || whole_service(spec, kept, &service) ||
      csn_policy_add_kept(shape, kept)) {
    cJSON_Delete(shape);
    cJSON_Delete(copy);
    cJSON_Delete(service);
    return csn_fail_nomem(err);
  }
  cJSON_Delete(s->shape);
  cJSON_Delete(s->env);
  cJSON_Delete(s->service);
  s->shape = shape;
  s->env = copy;
  s->service = service;
  s->service_up = 0;
  atomic_store(&s->is_end_told, 0);
  s->attested = 0;
  s->older = difference != CSN_SPEC_SAME;
  pthread_mutex_lock(&all->mutex);
  snprintf(s->container, sizeof s->container, "%s", found->id);
  pthread_mutex_unlock(&all->mutex);
  return 0;
}
