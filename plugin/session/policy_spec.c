/* SPDX-License-Identifier: Apache-2.0 */
/* The label `caisson.spec`: what a sandbox was made of, and how that is held against what is
 * wanted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "session/policy.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/sha256.h"

const char *const csn_policy_shaping_options[] = {
    "image",  "env",      "limits",  "workdir",     "user",  "hostname",  "runtime", "read_only",
    "labels", "apparmor", "cap_add", "extra_hosts", "dns",   "workspace", "tmpfs",   "mounts",
    "service", "network", "ports",   "seccomp",     NULL};

cJSON *csn_policy_shape(const cJSON *options) {
  cJSON *shape = cJSON_CreateObject();
  if (!shape) return NULL;
  for (const char *const *name = csn_policy_shaping_options; *name; name++) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(options, *name);
    cJSON *copy = value ? cJSON_Duplicate(value, 1) : NULL;
    if (value && !(copy && cJSON_AddItemToObject(shape, *name, copy))) {
      cJSON_Delete(copy);
      cJSON_Delete(shape);
      return NULL;
    }
  }
  return shape;
}

static int add_copy(cJSON *b, const char *name, const cJSON *value) {
  if (!value || !value->child) return 1;
  return csn_json_add(b, name, cJSON_Duplicate(value, 1)) == 0;
}

/* Of the workspace what its mount is made of: another quota is no other sandbox. */
static int add_workspace(cJSON *b, const struct csn_sandbox_settings *s) {
  static const char *const members[] = {"type", "path", "name", "dirs", "relabel"};
  if (csn_policy_workspace_is_tmpfs(s)) return 1;
  cJSON *w = csn_json_add_object(b, "workspace_mount");
  int bad = w == NULL;
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    const cJSON *value = csn_json_get(s->workspace, members[i]);
    if (value) bad |= csn_json_add(w, members[i], cJSON_Duplicate(value, 1));
  }
  return !bad;
}

/* Settings that came later are there only where they differ from what held before there were
 * any, so that sandboxes of older versions are still adopted. */
static int add_later(cJSON *b, const struct csn_sandbox_settings *s) {
  return (!s->has_writable_root || cJSON_AddBoolToObject(b, "read_only", 0)) &&
         (s->seccomp == CSN_SECCOMP_DEFAULT ||
          cJSON_AddStringToObject(b, "seccomp", csn_seccomp_name(s->seccomp))) &&
         (!s->apparmor || cJSON_AddStringToObject(b, "apparmor", s->apparmor)) &&
         add_copy(b, "cap_add", s->cap_add) && add_copy(b, "labels", s->labels) &&
         add_copy(b, "dns", s->dns) && add_copy(b, "extra_hosts", s->extra_hosts) &&
         add_copy(b, "tmpfs", s->tmpfs) && add_copy(b, "mounts", s->mounts) &&
         (!s->service || csn_json_add(b, "service", cJSON_Duplicate(s->service, 1)) == 0) &&
         (!cJSON_IsObject(s->network) || add_copy(b, "network", s->network)) &&
         add_copy(b, "ports", s->ports) && add_workspace(b, s);
}

/* Only where they are set: what was made before they could be is as it would be without them. How
 * an image is built stands as a hash, since its arguments are nobody's business who lists
 * containers. */
static int add_image(cJSON *base, const struct csn_sandbox_settings *s) {
  char hash[CSN_SHA256_HEX];
  if (s->platform && csn_json_add_string(base, "platform", s->platform)) return 0;
  if (!s->build) return 1;
  char *text CSN_CLEANUP_FREE = csn_json_print(s->build);
  if (!text) return 0;
  csn_sha256_hex(text, strlen(text), hash);
  return csn_json_add_string(base, "build", hash) == 0;
}

/* In a fixed order, so that equal settings print alike. */
static cJSON *base_of(const struct csn_sandbox_settings *s) {
  cJSON *b = cJSON_CreateObject();
  char uids[32];
  snprintf(uids, sizeof uids, "%" PRIu32 "-%" PRIu32, s->uid_first, s->uid_last);
  int ok = b && cJSON_AddStringToObject(b, "image", s->image) &&
           cJSON_AddStringToObject(b, "user", s->user) &&
           cJSON_AddStringToObject(b, "uid_range", uids) &&
           cJSON_AddStringToObject(b, "hostname", s->hostname) &&
           cJSON_AddStringToObject(b, "runtime", s->runtime ? s->runtime : "") &&
           cJSON_AddStringToObject(b, "workdir", s->workdir) &&
           cJSON_AddNumberToObject(b, "memory", (double)s->memory) &&
           cJSON_AddNumberToObject(b, "cpus", s->cpus) &&
           cJSON_AddNumberToObject(b, "pids", s->pids) &&
           cJSON_AddNumberToObject(b, "nofile", s->nofile) &&
           cJSON_AddNumberToObject(b, "workspace", (double)s->workspace_size) &&
           cJSON_AddNumberToObject(b, "tmp", (double)s->tmp_size) &&
           cJSON_AddNumberToObject(b, "shm", (double)s->shm_size) &&
           cJSON_AddNumberToObject(b, "idle_ttl_ms", (double)s->idle_ttl_ms) &&
           cJSON_AddNumberToObject(b, "max_lifetime_ms", (double)s->max_lifetime_ms);
  ok = ok && add_later(b, s) && add_image(b, s);
  cJSON *env = ok && s->env ? cJSON_Duplicate(s->env, 1) : cJSON_CreateObject();
  if (ok && env && cJSON_AddItemToObject(b, "env", env)) return b;
  cJSON_Delete(env);
  cJSON_Delete(b);
  return NULL;
}

/* The options as the label has them: without what is kept elsewhere, of which *has_kept says
 * whether there is any. NULL: no memory. */
static cJSON *options_shown(const cJSON *shape, int *has_kept) {
  cJSON *kept CSN_CLEANUP_JSON = NULL;
  cJSON *options = shape ? cJSON_Duplicate(shape, 1) : cJSON_CreateObject();
  cJSON *service = cJSON_GetObjectItemCaseSensitive(options, "service");
  if (csn_policy_kept(shape, &kept)) {
    cJSON_Delete(options);
    return NULL;
  }
  if (csn_json_get(kept, "env")) cJSON_DeleteItemFromObjectCaseSensitive(options, "env");
  if (csn_json_get(kept, "service_env")) cJSON_DeleteItemFromObjectCaseSensitive(service, "env");
  *has_kept = kept != NULL;
  return options;
}

char *csn_policy_spec(const struct csn_sandbox_settings *s, const cJSON *shape) {
  int has_kept = 0;
  cJSON *spec = cJSON_CreateObject();
  cJSON *base = base_of(s);
  cJSON *options = options_shown(shape, &has_kept);
  char *text = NULL;
  if (spec && base && options && cJSON_AddNumberToObject(spec, "v", 1) &&
      (!has_kept || cJSON_AddBoolToObject(spec, "kept", 1)) &&
      cJSON_AddItemToObject(spec, "base", base)) {
    base = NULL;
    if (cJSON_AddItemToObject(spec, "options", options)) {
      options = NULL;
      char *printed = cJSON_PrintUnformatted(spec);
      text = printed ? csn_strdup(printed) : NULL;
      cJSON_free(printed);
    }
  }
  cJSON_Delete(base);
  cJSON_Delete(options);
  cJSON_Delete(spec);
  return text;
}

int csn_policy_read_spec(const char *label, cJSON **spec) {
  struct csn_json_flaw flaw;
  *spec = label ? cJSON_Parse(label) : NULL;
  return label && !*spec && csn_json_scan(label, strlen(label), &flaw) == 0 ? CAISSON_E_NOMEM : 0;
}

enum csn_spec_difference csn_policy_compare(const char *label,
                                            const struct csn_sandbox_settings *s,
                                            const cJSON *shape) {
  int has_kept = 0;
  cJSON *spec = NULL, *base = base_of(s), *wanted = shape ? options_shown(shape, &has_kept) : NULL;
  enum csn_spec_difference d = CSN_SPEC_SAME;
  if (!base || (shape && !wanted) || csn_policy_read_spec(label, &spec))
    d = CSN_SPEC_NO_MEMORY;
  else if (!cJSON_Compare(csn_json_get(spec, "base"), base, 1))
    d = CSN_SPEC_BASE_DIFFERS;
  else if (shape && !cJSON_Compare(csn_json_get(spec, "options"), wanted, 1))
    d = CSN_SPEC_OPTIONS_DIFFER;
  cJSON_Delete(wanted);
  cJSON_Delete(base);
  cJSON_Delete(spec);
  return d;
}

int csn_policy_options_of(const char *label, cJSON **out) {
  cJSON *spec;
  int rc = csn_policy_read_spec(label, &spec);
  *out = cJSON_DetachItemFromObjectCaseSensitive(spec, "options");
  cJSON_Delete(spec);
  return rc;
}
