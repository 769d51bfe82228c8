/* SPDX-License-Identifier: Apache-2.0 */
/* What a new sandbox stands on: its user, and what is behind its mounts. Who the user is may
 * follow from the workspace that is there; the workspace that is not there is made the user's. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/volumes.h"
#include "session/carrier.h"
#include "session/host_dir.h"
#include "session/internal.h"
#include "session/passwd.h"
#include "session/path_rules.h"
#include "session/policy_mounts.h"
#include "util/alloc.h"
#include "util/json.h"

struct placing {
  struct csn_sessions *all;
  struct csn_session *s;
  struct csn_sandbox_settings e;
  const struct csn_image *image;
  const struct csn_control *control;
  struct csn_policy_facts *facts;
  struct csn_error *err;
};

/* ---- directories that no sandbox gets -------------------------------------------------------- */

#define SOCKET_SCHEME "unix://"

/* The engine says once where it keeps its data. */
static int find_data_root(const struct placing *p, const char **root) {
  struct csn_sessions *all = p->all;
  pthread_mutex_lock(&all->mutex);
  *root = all->data_root;
  pthread_mutex_unlock(&all->mutex);
  if (*root) return 0;
  struct csn_engine_info info CSN_CLEANUP_ENGINE_INFO = {0};
  int rc = csn_engine_info(all->engine, p->control, &info, p->err);
  if (rc) return rc;
  char *said = csn_strdup(csn_json_string(info.info, "DockerRootDir", "/var/lib/docker"));
  if (!said) return csn_fail_nomem(p->err);
  pthread_mutex_lock(&all->mutex);
  if (!all->data_root) all->data_root = CSN_STEAL(said);
  *root = all->data_root;
  pthread_mutex_unlock(&all->mutex);
  csn_free(said);
  return 0;
}

/* As it is written, and where it leads. */
static const char *find_hit(const char *path, const char *forbidden) {
  char real[PATH_MAX];
  const char *list[] = {forbidden, realpath(forbidden, real) ? real : NULL, NULL};
  return csn_path_find_forbidden(path, list) ? forbidden : NULL;
}

static int check_allowed(const struct placing *p, const struct csn_mount *m, const char *path) {
  const char *endpoint = csn_engine_endpoint(p->all->engine), *data_root, *hit = NULL;
  if (strncmp(endpoint, SOCKET_SCHEME, sizeof SOCKET_SCHEME - 1) != 0)
    return csn_fail(p->err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s: a bind needs an engine on this machine, by a unix socket; this one is %s",
                    m->where, endpoint);
  int rc = find_data_root(p, &data_root);
  if (rc) return rc;
  for (const char *const *f = csn_path_forbidden; !hit && *f; f++) hit = find_hit(path, *f);
  if (!hit) hit = find_hit(path, endpoint + sizeof SOCKET_SCHEME - 1);
  if (!hit) hit = find_hit(path, data_root);
  if (!hit) return 0;
  return csn_fail(p->err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY,
                  "%s: %.200s is %.200s, which is never given to a sandbox, because of %s",
                  m->where, m->source, path, hit);
}

/* The engine is told where it really is. */
static int settle_bind(const struct placing *p, struct csn_mount *m,
                       const struct csn_host_place *at) {
  int rc = check_allowed(p, m, at->path);
  char *source = rc ? NULL : csn_strdup(at->path);
  if (rc) return rc;
  if (!source) return csn_fail_nomem(p->err);
  csn_free(m->source);
  m->source = source;
  return 0;
}

/* ---- binds ----------------------------------------------------------------------------------- */

/* 0; 1: it is not there yet, and its own. */
static int find_bind(const struct placing *p, const struct csn_mount *m,
                     struct csn_host_place *at) {
  int rc = csn_host_find(m->where, m->root, m->source, at, p->err);
  if (rc < 0) return rc;
  int bad = check_allowed(p, m, at->path);
  if (bad || rc == 0 || m->is_own) return bad ? bad : rc;
  return csn_fail(p->err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "%s.source: there is no %.200s on this machine; make it, or have it made with "
                  "\"own\": true",
                  m->where, m->source);
}

static int make_below(const struct placing *p, const struct csn_mount *m) {
  const cJSON *dir;
  cJSON_ArrayForEach(dir, m->dirs) {
    const struct csn_host_owner owner = {p->facts->uid, p->facts->gid,
                                         (mode_t)strtoul(dir->valuestring, NULL, 8), 1};
    struct csn_host_place at;
    char *path CSN_CLEANUP_FREE = csn_asprintf("%s/%s", m->source, dir->string);
    if (!path) return csn_fail_nomem(p->err);
    int rc = csn_host_make("sandbox.workspace.dirs", m->source, path, &owner, &at, p->err);
    if (rc) return rc;
  }
  return 0;
}

static int is_owners(const struct placing *p) {
  return strcmp(p->e.user, "owner-of-workspace") == 0;
}

static int follow_owner(const struct placing *p, const struct csn_host_place *at) {
  if (!is_owners(p) && strcmp(p->e.user, "auto") != 0) return 0;
  return csn_session_take_owner(&p->e, at->path, at->st.st_uid, at->st.st_gid, p->facts, p->err);
}

/* Another process may be first to make a workspace: then that is whose it is. */
static int make_bind(const struct placing *p, struct csn_mount *m) {
  const struct csn_host_owner owner = {p->facts->uid, p->facts->gid, CSN_WORKSPACE_MODE, 0};
  struct csn_host_place at;
  int rc = find_bind(p, m, &at);
  if (rc == 1) rc = csn_host_make(m->where, m->root, m->source, &owner, &at, p->err);
  if (rc == 0 && m->is_workspace) rc = follow_owner(p, &at);
  if (rc == 0) rc = settle_bind(p, m, &at);
  return rc ? rc : make_below(p, m);
}

/* Who the workspace's directory says the user is. 1: it does not say. */
static int ask_bind(const struct placing *p, const struct csn_mount *m) {
  struct csn_host_place at;
  if (!is_owners(p) && strcmp(p->e.user, "auto") != 0) return 1;
  int rc = find_bind(p, m, &at);
  /* One that is still to be made is made for the owner of the directory that it will lie in. */
  if (rc < 0 || (rc == 1 && !is_owners(p))) return rc;
  return follow_owner(p, &at);
}

/* ---- volumes --------------------------------------------------------------------------------- */

static int is_mine(const struct placing *p, const struct csn_volume *volume) {
  return strcmp(csn_json_string(volume->labels, CSN_LABEL_INSTANCE, ""), p->all->instance) == 0 &&
         strcmp(csn_json_string(volume->labels, CSN_LABEL_SESSION, ""), p->s->key) == 0;
}

static int refuse_volume(const struct placing *p, const char *name) {
  return csn_fail(p->err, CAISSON_E_CONFIG, CAISSON_REASON_SESSION_CONFLICT,
                  "sandbox.workspace: the volume \"%s\" exists on the engine but is not this "
                  "session's; remove it, or choose another sandbox.workspace.name",
                  name);
}

static uint32_t number_of(const struct csn_volume *volume, const char *label) {
  uint32_t number = 0;
  const char *text = csn_json_string(volume->labels, label, "");
  return csn_passwd_number(text, strlen(text), &number) == 0 ? number : 0;
}

#define NOT_THERE 2

/* As ask_bind(), or NOT_THERE. A volume says by its labels whom it was made for. */
static int ask_volume(const struct placing *p, const struct csn_mount *m) {
  struct csn_volume volume CSN_CLEANUP_VOLUME = {0};
  int rc = csn_volume_inspect(p->all->engine, m->source, p->control, &volume, p->err);
  if (rc) return csn_engine_is_missing(p->err) ? NOT_THERE : rc;
  if (!is_mine(p, &volume)) return refuse_volume(p, m->source);
  if (strcmp(p->e.user, "auto") != 0) return 1;
  return csn_session_take_owner(&p->e, m->source, number_of(&volume, CSN_LABEL_UID),
                                number_of(&volume, CSN_LABEL_GID), p->facts, p->err);
}

static cJSON *volume_labels(const struct placing *p, const struct csn_mount *m) {
  cJSON *labels = cJSON_CreateObject();
  char uid[16], gid[16];
  snprintf(uid, sizeof uid, "%u", p->facts->uid);
  snprintf(gid, sizeof gid, "%u", p->facts->gid);
  int bad = csn_json_add_string(labels, CSN_LABEL_INSTANCE, p->all->instance) |
            csn_json_add_string(labels, CSN_LABEL_UID, uid) |
            csn_json_add_string(labels, CSN_LABEL_GID, gid);
  if (m->is_workspace) bad |= csn_json_add_string(labels, CSN_LABEL_SESSION, p->s->key);
  if (!bad) return labels;
  cJSON_Delete(labels);
  return NULL;
}

/* Two processes may make it at the same time: whom it belongs to then, its labels say to both. */
static int make_volume(const struct placing *p, const struct csn_mount *m) {
  cJSON *labels CSN_CLEANUP_JSON = volume_labels(p, m);
  if (!labels) return csn_fail_nomem(p->err);
  int rc = csn_volume_create(p->all->engine, m->source, labels, p->control, p->err);
  if (rc == 0 && m->is_workspace) rc = ask_volume(p, m);
  if (rc < 0) return rc;
  rc = csn_carrier_own_volume(p->all, p->e.image, m->source, m->dirs, p->facts->uid, p->facts->gid,
                              p->control, p->err);
  if (rc == 0) return 0;
  /* One that is nobody's yet is made anew next time. */
  struct csn_control none = CSN_CONTROL_NONE, control = csn_control_within(&none, 10 * CSN_SECOND);
  struct csn_error ignored;
  (void)csn_volume_remove(p->all->engine, m->source, &control, &ignored);
  return csn_is_stop(rc) ? rc : csn_error_wrap(p->err, "make the volume the sandbox's");
}

/* One that was made for a session's workspace is nobody else's, whoever names it. */
static int check_volume(const struct placing *p, const struct csn_mount *m,
                        const struct csn_volume *volume) {
  const char *instance = csn_json_string(volume->labels, CSN_LABEL_INSTANCE, NULL);
  const char *session = csn_json_string(volume->labels, CSN_LABEL_SESSION, NULL);
  if (m->is_workspace || !instance || !session || is_mine(p, volume)) return 0;
  return csn_fail(p->err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY,
                  "%s.source: the volume \"%.100s\" is the workspace of another session; name "
                  "another volume",
                  m->where, m->source);
}

/* One that is not to be its own is the engine's to make, with the container. A workspace that
 * another process is just making is made by both, for the same user, so that neither starts before
 * it is. */
static int settle_volume(const struct placing *p, struct csn_mount *m) {
  struct csn_volume volume CSN_CLEANUP_VOLUME = {0};
  if (m->is_new) return make_volume(p, m);
  int rc = csn_volume_inspect(p->all->engine, m->source, p->control, &volume, p->err);
  if (rc && csn_engine_is_missing(p->err)) return m->is_own ? make_volume(p, m) : 0;
  if (rc == 0) rc = check_volume(p, m, &volume);
  if (rc) return rc;
  const char *instance = csn_json_string(volume.labels, CSN_LABEL_INSTANCE, "");
  if (strcmp(instance, p->all->instance) != 0) return 0;
  m->maker_uid = number_of(&volume, CSN_LABEL_UID);
  m->maker_gid = number_of(&volume, CSN_LABEL_GID);
  return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int find_user(const struct placing *p, struct csn_mount *workspace) {
  int rc = 1;
  if (workspace->kind == CSN_MOUNT_BIND) rc = ask_bind(p, workspace);
  if (workspace->kind == CSN_MOUNT_VOLUME) rc = ask_volume(p, workspace);
  workspace->is_new = rc == NOT_THERE;
  if (rc <= 0) return rc;
  /* A start that is tried again finds what the first one made. */
  p->facts->uid = p->s->uid;
  rc = csn_session_pick_user(p->all, &p->e, p->image, p->control, p->facts, p->err);
  if (rc == 0) p->s->uid = p->facts->uid;
  return rc;
}

static int settle_mounts(const struct placing *p, struct csn_mount_list *mounts) {
  for (size_t i = 0; i < mounts->count; i++) {
    struct csn_mount *m = &mounts->items[i];
    int rc = 0;
    if (m->kind == CSN_MOUNT_BIND) rc = make_bind(p, m);
    if (m->kind == CSN_MOUNT_VOLUME) rc = settle_volume(p, m);
    if (rc) return rc;
  }
  return 0;
}

/* A sandbox of a call's own has nothing that outlives it. */
static struct csn_sandbox_settings settings_of(const struct csn_sessions *all,
                                               const struct csn_session *s, const cJSON *shape) {
  struct csn_sandbox_settings e = csn_policy_effective(all->settings, shape);
  if (!s->ephemeral) return e;
  e.workspace = NULL;
  if (strcmp(e.user, "owner-of-workspace") == 0) e.user = "auto";
  return e;
}

int csn_session_place(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                      const struct csn_image *image, const struct csn_control *control,
                      struct csn_policy_facts *facts, struct csn_mount_list *mounts,
                      struct csn_error *err) {
  char part[CSN_COMPONENT_SIZE];
  struct placing p = {all, s, settings_of(all, s, shape), image, control, facts, err};
  csn_name_component(s->ephemeral ? s->name : s->key, part);
  int rc = csn_policy_check(&p.e, err);
  if (rc == 0) rc = csn_mounts_read(&p.e, all->instance, part, mounts, err);
  if (rc == 0) rc = find_user(&p, &mounts->items[0]);
  return rc ? rc : settle_mounts(&p, mounts);
}

int csn_session_discard_all(struct csn_sessions *all, struct csn_session *s,
                            const struct csn_control *control, struct csn_error *err) {
  char part[CSN_COMPONENT_SIZE];
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  const struct csn_sandbox_settings e = settings_of(all, s, s->shape);
  csn_name_component(s->name, part);
  int rc = csn_mounts_read(&e, all->instance, part, &mounts, err);
  if (rc == CAISSON_E_CONFIG) return 0; /* so it was never made */
  for (size_t i = 0; rc == 0 && i < mounts.count; i++) {
    const struct csn_mount *m = &mounts.items[i];
    if (m->kind == CSN_MOUNT_VOLUME && strstr(m->source, part))
      rc = csn_volume_remove(all->engine, m->source, control, err);
  }
  return rc;
}

int csn_session_discard(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                        const struct csn_control *control, struct csn_error *err) {
  char part[CSN_COMPONENT_SIZE];
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  struct csn_volume volume CSN_CLEANUP_VOLUME = {0};
  const struct placing p = {.all = all, .s = s, .e = settings_of(all, s, shape), .err = err};
  if (csn_json_bool(p.e.workspace, "keep", 1)) return 0;
  csn_name_component(s->key, part);
  int rc = csn_mounts_read(&p.e, all->instance, part, &mounts, err);
  if (rc || mounts.items[0].kind != CSN_MOUNT_VOLUME) return rc;
  rc = csn_volume_inspect(all->engine, mounts.items[0].source, control, &volume, err);
  if (rc) return csn_engine_is_missing(err) ? 0 : rc;
  return is_mine(&p, &volume) ? csn_volume_remove(all->engine, volume.name, control, err) : 0;
}
