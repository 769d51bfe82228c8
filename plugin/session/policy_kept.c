/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a session's options are nobody's business who lists containers: its environment, and
 * that of its service. */
#include "session/policy.h"
#include "util/json.h"

static int has_members(const cJSON *object) { return cJSON_IsObject(object) && object->child; }

int csn_policy_kept(const cJSON *shape, cJSON **out) {
  const cJSON *env = csn_json_get(shape, "env");
  const cJSON *service_env = csn_json_get(csn_json_get(shape, "service"), "env");
  *out = NULL;
  if (!has_members(env) && !has_members(service_env)) return 0;
  cJSON *kept = cJSON_CreateObject();
  int bad = !kept;
  if (has_members(env)) bad |= csn_json_add(kept, "env", cJSON_Duplicate(env, 1));
  if (has_members(service_env))
    bad |= csn_json_add(kept, "service_env", cJSON_Duplicate(service_env, 1));
  if (!bad) {
    *out = kept;
    return 0;
  }
  cJSON_Delete(kept);
  return CAISSON_E_NOMEM;
}

int csn_policy_label_has_kept(const char *label, int *has) {
  cJSON *spec;
  int rc = csn_policy_read_spec(label, &spec);
  *has = csn_json_bool(spec, "kept", 0);
  cJSON_Delete(spec);
  return rc;
}

static int put_back(cJSON *object, const cJSON *env) {
  if (!cJSON_IsObject(object) || !cJSON_IsObject(env)) return 0;
  cJSON_DeleteItemFromObjectCaseSensitive(object, "env");
  return csn_json_add(object, "env", cJSON_Duplicate(env, 1));
}

int csn_policy_add_kept(cJSON *shape, const cJSON *kept) {
  cJSON *service = cJSON_GetObjectItemCaseSensitive(shape, "service");
  int bad = put_back(shape, csn_json_get(kept, "env")) |
            put_back(service, csn_json_get(kept, "service_env"));
  return bad ? CAISSON_E_NOMEM : 0;
}
