/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox that was found was to be: its create body made again, of the operator's settings
 * or, where it runs under older ones, of those that its label names. What the policy never allows
 * no label can allow: the body is the policy's own work. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/attest_wanted.h"
#include "session/network_plan.h"
#include "session/passwd.h"
#include "session/policy_mounts.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"

#define GUEST_PREFIX CSN_DELIVERY_MOUNT "/guest-"
#define SPEC_MAX ((size_t)1 << 20)

struct wanting {
  struct csn_sessions *all;
  const struct csn_session *s;
  const struct csn_container *found;
  struct csn_sandbox_settings settings; /* the operator's, or the label's */
  struct csn_sandbox_settings e;        /* with its options over them */
  const cJSON *shape;
  struct csn_policy_facts facts;
  char guest[64], network[CSN_CONTAINER_ID_SIZE];
};

/* ---- settings, from a label ------------------------------------------------------------------ */

static void take_number(const cJSON *base, const char *name, uint64_t *value) {
  int64_t number = csn_json_int(base, name, -1);
  if (number > 0) *value = (uint64_t)number;
}

static void take_small(const cJSON *base, const char *name, uint32_t *value) {
  int64_t number = csn_json_int(base, name, -1);
  if (number > 0 && number <= UINT32_MAX) *value = (uint32_t)number;
}

static void take_uids(const cJSON *base, struct csn_sandbox_settings *s) {
  uint32_t first, last;
  const char *range = csn_json_string(base, "uid_range", "");
  if (sscanf(range, "%9" SCNu32 "-%9" SCNu32, &first, &last) != 2 || first == 0 || first > last)
    return;
  s->uid_first = first;
  s->uid_last = last;
}

/* As base_of() in policy_spec.c wrote them; what is not there is as it is where nobody sets it. */
static void take_settings(const cJSON *base, struct csn_sandbox_settings *s) {
  s->image = csn_json_string(base, "image", s->image);
  s->user = csn_json_string(base, "user", s->user);
  s->hostname = csn_json_string(base, "hostname", s->hostname);
  s->runtime = csn_json_string(base, "runtime", "");
  if (!*s->runtime) s->runtime = NULL;
  take_uids(base, s);
  take_number(base, "memory", &s->memory);
  take_small(base, "pids", &s->pids);
  take_small(base, "nofile", &s->nofile);
  take_number(base, "workspace", &s->workspace_size);
  take_number(base, "tmp", &s->tmp_size);
  take_number(base, "shm", &s->shm_size);
  s->cpus = csn_json_number(base, "cpus", s->cpus);
  s->has_writable_root = !csn_json_bool(base, "read_only", 1);
  s->apparmor = csn_json_string(base, "apparmor", NULL);
  s->cap_add = csn_json_get(base, "cap_add");
  s->dns = csn_json_get(base, "dns");
  s->extra_hosts = csn_json_get(base, "extra_hosts");
  s->tmpfs = csn_json_get(base, "tmpfs");
  s->mounts = csn_json_get(base, "mounts");
  s->network = csn_json_get(base, "network");
  s->ports = csn_json_get(base, "ports");
  s->workspace = csn_json_get(base, "workspace_mount");
  s->seccomp = csn_seccomp_of(csn_json_string(base, "seccomp", NULL));
  s->env = s->labels = NULL; /* count only where the very body is known */
}

/* Anybody on the engine can have written it, so it holds no more than a session could ask for. */
static int check_settings(const struct csn_sessions *all, const cJSON *base,
                          struct csn_error *err) {
  static const struct {
    const char *member, *option;
  } documents[] = {
      {"cap_add", NULL}, {"dns", NULL},   {"extra_hosts", NULL}, {"tmpfs", NULL}, {"mounts", NULL},
      {"network", NULL}, {"ports", NULL}, {"workspace_mount", "workspace"}};
  const cJSON *schemas = csn_json_get(all->settings->options_schema, "properties");
  for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
    const cJSON *value = csn_json_get(base, documents[i].member);
    const char *option = documents[i].option ? documents[i].option : documents[i].member;
    int rc = value ? csn_schema_check(csn_json_get(schemas, option), value, option,
                                      CAISSON_E_CONFIG, CAISSON_REASON_ATTESTATION, err)
                   : 0;
    if (rc) return csn_error_wrap(err, "%s", documents[i].member);
  }
  return 0;
}

/* ---- facts, as far as they are to be as they are --------------------------------------------- */

/* "/.caisson/guest-<16 hex>", perhaps "-readable": some version's helper. */
static void choose_guest(struct wanting *w) {
  const char *path = csn_json_string(w->found->raw, "Path", "");
  size_t n = sizeof GUEST_PREFIX - 1;
  int fits = strncmp(path, GUEST_PREFIX, n) == 0 && strspn(path + n, "0123456789abcdef") == 16 &&
             (!path[n + 16] || strcmp(path + n + 16, "-readable") == 0);
  snprintf(w->guest, sizeof w->guest, "%s", fits ? path : csn_delivery_path(&w->all->delivery));
  w->facts.guest_path = w->guest;
}

/* The network was given by its id, of which only the name is configured. */
static void choose_network(struct wanting *w) {
  const char *name = csn_network_name(w->e.network);
  const cJSON *one = csn_json_get(
      csn_json_get(csn_json_get(w->found->raw, "NetworkSettings"), "Networks"), name ? name : "");
  const char *mode =
      csn_json_string(csn_json_get(w->found->raw, "HostConfig"), "NetworkMode", "");
  int is_it = one && strcmp(csn_json_string(one, "NetworkID", "?"), mode) == 0;
  snprintf(w->network, sizeof w->network, "%s", is_it ? mode : name ? name : "");
  w->facts.network = name ? w->network : NULL;
}

static int is_auto(const struct wanting *w) {
  return strcmp(w->e.user, "auto") == 0;
}

/* Whom it runs as, where that is one of those that its settings allow. Which one of a range, or
 * whom an image or a directory named, only its label says. Returns what was to be, where it is
 * not. */
static const char *choose_user(struct wanting *w, char words[64]) {
  const char *user = csn_json_string(csn_json_get(w->found->raw, "Config"), "User", "");
  const char *colon = strchr(user, ':'), *label = csn_container_label(w->found, CSN_LABEL_UID);
  struct csn_policy_facts *f = &w->facts;
  uint32_t said = 0;
  f->uid = f->gid = w->settings.uid_first;
  int known = colon && csn_passwd_number(user, (size_t)(colon - user), &f->uid) == 0 &&
              csn_passwd_number(colon + 1, strlen(colon + 1), &f->gid) == 0 && f->uid && f->gid;
  if (strchr(w->e.user, ':')) {
    snprintf(words, 64, "%.40s%s", w->e.user, known ? "" : ", never root");
    return strcmp(user, w->e.user) == 0 && known ? NULL : words;
  }
  snprintf(words, 64, "uid %" PRIu32 "-%" PRIu32, w->settings.uid_first, w->settings.uid_last);
  if (!is_auto(w)) snprintf(words, 64, "uid %.20s", label ? label : "of its label");
  if (!known) return words;
  if (is_auto(w))
    return f->uid >= w->settings.uid_first && f->uid <= w->settings.uid_last ? NULL : words;
  return label && csn_passwd_number(label, strlen(label), &said) == 0 && said == f->uid ? NULL
                                                                                        : words;
}

/* A bind was given by where it really is: links in its root are the operator's, and followed. */
static int resolve(const struct csn_mount_list *mounts, struct csn_error *err) {
  for (size_t i = 0; i < mounts->count; i++) {
    struct csn_mount *m = &mounts->items[i];
    char real[PATH_MAX];
    if (m->kind != CSN_MOUNT_BIND || !m->root) continue;
    if (!realpath(m->root, real)) {
      if (errno == ENOMEM) return csn_fail_nomem(err);
      continue;
    }
    char *path = csn_asprintf("%s%s", strcmp(real, "/") == 0 ? "" : real,
                              m->source + (strcmp(m->root, "/") == 0 ? 0 : strlen(m->root)));
    if (!path) return csn_fail_nomem(err);
    csn_free(m->source);
    m->source = path;
  }
  return 0;
}

/* ---- the body -------------------------------------------------------------------------------- */

static int make(struct wanting *w, cJSON **body, struct csn_error *err) {
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  char part[CSN_COMPONENT_SIZE], words[64];
  csn_name_component(w->s->ephemeral ? w->s->name : w->s->key, part);
  w->e = csn_policy_effective(&w->settings, w->shape);
  if (w->s->ephemeral) w->e.workspace = NULL;
  int rc = csn_mounts_read(&w->e, w->all->instance, part, &mounts, err);
  if (rc == 0) rc = resolve(&mounts, err);
  if (rc) return rc;
  choose_guest(w);
  choose_network(w);
  const char *user = choose_user(w, words);
  w->facts.mounts = &mounts;
  w->facts.routes = csn_container_label(w->found, CSN_LABEL_ROUTES);
  rc = csn_policy_body(&w->settings, w->shape, &w->facts, body, err);
  if (rc || !user) return rc;
  cJSON *text = cJSON_CreateString(user);
  if (text && cJSON_ReplaceItemInObjectCaseSensitive(*body, "User", text)) return 0;
  cJSON_Delete(text);
  return csn_fail_nomem(err);
}

/* Its plan of routes has to be there where its settings deny anything: what it has in detail
 * depends on the moment. */
static int check_plan(const struct wanting *w, struct csn_error *err) {
  cJSON *plan CSN_CLEANUP_JSON = NULL;
  if (!csn_network_name(w->e.network) || w->facts.routes) return 0;
  int rc = csn_network_plan(w->e.network, w->e.ports, w->e.dns, NULL, &plan, err);
  if (rc || !plan) return rc;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_ATTESTATION,
                  "the label " CSN_LABEL_ROUTES " is missing");
}

int csn_attest_body_of(struct csn_sessions *all, const struct csn_session *s,
                       const struct csn_container *found, cJSON **body, struct csn_error *err) {
  const char *label = csn_container_label(found, CSN_LABEL_SPEC);
  cJSON *spec CSN_CLEANUP_JSON = NULL, *shape CSN_CLEANUP_JSON = NULL;
  *body = NULL;
  if (label && strlen(label) < SPEC_MAX && csn_policy_read_spec(label, &spec))
    return csn_fail_nomem(err);
  int rc = csn_session_options_of(all, found, &shape, err);
  if (rc) return rc;
  const cJSON *base = csn_json_get(spec, "base");
  struct wanting w = {.all = all, .s = s, .found = found, .settings = *all->settings,
                      .shape = shape};
  enum csn_spec_difference difference = csn_policy_compare(label, all->settings, NULL);
  if (difference == CSN_SPEC_NO_MEMORY) return csn_fail_nomem(err);
  if (cJSON_IsObject(base) && difference != CSN_SPEC_SAME) {
    rc = check_settings(all, base, err);
    take_settings(base, &w.settings);
  }
  enum csn_seccomp profile = csn_policy_seccomp(&w.settings, shape);
  w.facts = (struct csn_policy_facts){.instance = all->instance,
                                      .key = s->key,
                                      .version = CSN_VERSION,
                                      .created = "",
                                      .seccomp_path = csn_dialect_seccomp(all, profile)};
  if (rc == 0) rc = make(&w, body, err);
  return rc ? rc : check_plan(&w, err);
}
