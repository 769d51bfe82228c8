/* SPDX-License-Identifier: Apache-2.0 */
#include "session/carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive.h"
#include "engine/tar.h"
#include "session/passwd.h"
#include "session/policy_mounts.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/random.h"

#define PASSWD_MAX ((size_t)1 << 20)
#define DIRS_TAR_MAX ((size_t)4 << 20)
#define REMOVE_NS (10 * CSN_SECOND)

static cJSON *carrier_body(const char *instance, const char *image, const char *volume) {
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject();
  csn_body_text(&b, body, "Image", image);
  /* Podman looks the image's own user up before it reads or writes anything, and may not find it. */
  csn_body_text(&b, body, "User", "0:0");
  csn_body_item(&b, csn_body_array(&b, body, "Entrypoint"), "/.caisson/never-started");
  csn_body_text(&b, csn_body_object(&b, body, "Labels"), CSN_LABEL_CARRIER, instance);
  cJSON *host = csn_body_object(&b, body, "HostConfig");
  csn_body_text(&b, host, "NetworkMode", "none");
  if (volume) {
    cJSON *mount = csn_body_entry(&b, csn_body_array(&b, host, "Mounts"));
    csn_body_text(&b, mount, "Type", "volume");
    csn_body_text(&b, mount, "Source", volume);
    csn_body_text(&b, mount, "Target", CSN_WORKSPACE);
    csn_body_flag(&b, csn_body_object(&b, mount, "VolumeOptions"), "NoCopy", 1);
  }
  if (!b.failed) return body;
  cJSON_Delete(body);
  return NULL;
}

static int make_carrier(struct csn_sessions *all, const char *image, const char *volume,
                        const struct csn_control *control, char id[CSN_CONTAINER_ID_SIZE],
                        struct csn_error *err) {
  char name[64] = "caisson-carrier.";
  int rc = csn_random_hex(name + strlen(name), 8, err);
  if (rc) return rc;
  cJSON *body CSN_CLEANUP_JSON = carrier_body(all->instance, image, volume);
  if (!body) return csn_fail_nomem(err);
  return csn_container_make(all->engine, name, body, control, id, err);
}

/* Whatever the call's own control says by now. */
static void remove_carrier(struct csn_sessions *all, const char *id) {
  struct csn_control control = CSN_CONTROL_NONE;
  control.deadline = csn_clock_after(REMOVE_NS);
  struct csn_error err;
  const unsigned flags = CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES;
  if (csn_container_remove(all->engine, id, flags, &control, &err) != 0)
    csn_log(all->log, CAISSON_LOG_WARNING, "could not remove a container that carried files: %s",
            err.message);
}

/* ---- users ----------------------------------------------------------------------------------- */

static int is_remembered(struct csn_sessions *all, const char *image_id, const char *user,
                         uint32_t *uid, uint32_t *gid) {
  pthread_mutex_lock(&all->mutex);
  int is_it = all->known_user.image_id && strcmp(all->known_user.image_id, image_id) == 0 &&
              strcmp(all->known_user.user, user) == 0;
  *uid = all->known_user.uid;
  *gid = all->known_user.gid;
  pthread_mutex_unlock(&all->mutex);
  return is_it;
}

static void remember(struct csn_sessions *all, const char *image_id, const char *user, uint32_t uid,
                     uint32_t gid) {
  char *id = csn_strdup(image_id), *name = csn_strdup(user);
  if (id && name) {
    pthread_mutex_lock(&all->mutex);
    struct csn_known_user old = all->known_user;
    all->known_user = (struct csn_known_user){id, name, uid, gid};
    pthread_mutex_unlock(&all->mutex);
    id = old.image_id;
    name = old.user;
  }
  csn_free(id);
  csn_free(name);
}

static int read_passwd(struct csn_sessions *all, const char *image,
                       const struct csn_control *control, struct csn_buffer *text,
                       struct csn_error *err) {
  char id[CSN_CONTAINER_ID_SIZE];
  int rc = make_carrier(all, image, NULL, control, id, err);
  if (rc) return rc;
  rc = csn_archive_get_file(all->engine, id, "/etc/passwd", control, text, err);
  remove_carrier(all, id);
  return rc;
}

int csn_carrier_find_user(struct csn_sessions *all, const char *image, const char *image_id,
                          const char *user, const struct csn_control *control, uint32_t *uid,
                          uint32_t *gid, struct csn_error *err) {
  struct csn_buffer text CSN_CLEANUP_BUFFER = CSN_BUFFER(PASSWD_MAX);
  if (is_remembered(all, image_id, user, uid, gid)) return 0;
  int rc = read_passwd(all, image, control, &text, err);
  if (rc && !csn_engine_is_missing(err))
    return csn_is_stop(rc) ? rc : csn_error_wrap(err, "look up sandbox.user");
  if (!csn_passwd_find(csn_buffer_text(&text), text.size, user, uid, gid))
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "sandbox.user: the image \"%.200s\" knows no user \"%.64s\" in its "
                    "/etc/passwd; name another, or give UID:GID",
                    image, user);
  remember(all, image_id, user, *uid, *gid);
  return 0;
}

/* ---- volumes --------------------------------------------------------------------------------- */

struct listing {
  const char *base; /* what the volume's root is called */
  struct csn_tar_dir *dirs;
  size_t count, capacity;
};

static void free_listing(struct listing *l) {
  for (size_t i = 0; i < l->count; i++) {
    char *path = (char *)(uintptr_t)l->dirs[i].path;
    csn_free(path);
  }
  csn_free(l->dirs);
}

static int list_one(struct listing *l, const char *below, size_t n, unsigned mode) {
  if (l->count == l->capacity) {
    size_t capacity = l->capacity ? 2 * l->capacity : 16;
    struct csn_tar_dir *dirs = csn_realloc(l->dirs, capacity * sizeof *dirs);
    if (!dirs) return CAISSON_E_NOMEM;
    l->dirs = dirs;
    l->capacity = capacity;
  }
  char *path = csn_asprintf("%s%s%.*s", l->base, n ? "/" : "", (int)n, below);
  if (!path) return CAISSON_E_NOMEM;
  l->dirs[l->count++] = (struct csn_tar_dir){path, mode};
  return 0;
}

/* Those above a directory, then itself. One that has a mode of its own has it
 * here too, since of two entries the later one counts. */
static int list_with_parents(struct listing *l, const cJSON *dir, const cJSON *dirs) {
  for (const char *slash = strchr(dir->string, '/'); slash; slash = strchr(slash + 1, '/')) {
    size_t n = (size_t)(slash - dir->string);
    char *parent CSN_CLEANUP_FREE = csn_strndup(dir->string, n);
    if (!parent) return CAISSON_E_NOMEM;
    const char *mode = csn_json_string(dirs, parent, "0755");
    if (list_one(l, dir->string, n, (unsigned)strtoul(mode, NULL, 8))) return CAISSON_E_NOMEM;
  }
  return list_one(l, dir->string, strlen(dir->string),
                  (unsigned)strtoul(dir->valuestring, NULL, 8));
}

static int list_dirs(struct listing *l, const cJSON *dirs) {
  const cJSON *dir;
  int rc = list_one(l, "", 0, CSN_WORKSPACE_MODE);
  cJSON_ArrayForEach(dir, dirs) {
    if (rc == 0) rc = list_with_parents(l, dir, dirs);
  }
  return rc;
}

/* Two ways to say the same. */
static const struct {
  const char *directory, *base;
} ways[] = {
    {"/", &CSN_WORKSPACE[1]}, /* Docker sets nothing of the directory itself that it unpacks in */
    {CSN_WORKSPACE, "."},     /* Podman looks only at that one's path for volumes */
};

static int put_dirs(struct csn_sessions *all, const char *id, size_t way, const cJSON *dirs,
                    uint32_t uid, uint32_t gid, const struct csn_control *control,
                    struct csn_error *err) {
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER(DIRS_TAR_MAX);
  __attribute__((cleanup(free_listing))) struct listing l = {.base = ways[way].base};
  if (list_dirs(&l, dirs)) return csn_fail_nomem(err);
  int rc = csn_tar_dirs(l.dirs, l.count, uid, gid, &tar, err);
  return rc ? rc : csn_archive_put(all->engine, id, ways[way].directory, tar.data, tar.size,
                                   control, err);
}

/* Until it is seen to have taken effect. */
static int own_by(struct csn_sessions *all, const char *id, const cJSON *dirs, uint32_t uid,
                  uint32_t gid, const struct csn_control *control, struct csn_error *err) {
  for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
    struct csn_path_stat stat;
    int rc = put_dirs(all, id, way, dirs, uid, gid, control, err);
    if (rc == 0) rc = csn_archive_stat(all->engine, id, CSN_WORKSPACE, control, &stat, err);
    if (rc || stat.mode == CSN_WORKSPACE_MODE) return rc;
  }
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED,
                  "the engine took its directories and did not put them into the volume");
}

int csn_carrier_own_volume(struct csn_sessions *all, const char *image, const char *volume,
                           const cJSON *dirs, uint32_t uid, uint32_t gid,
                           const struct csn_control *control, struct csn_error *err) {
  char id[CSN_CONTAINER_ID_SIZE];
  int rc = make_carrier(all, image, volume, control, id, err);
  if (rc) return rc;
  rc = own_by(all, id, dirs, uid, gid, control, err);
  remove_carrier(all, id);
  return rc;
}
