/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/docker_context.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/docker_config.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/json.h"
#include "util/sha256.h"

#define META_MAX ((size_t)1 << 20)
#define DEFAULT_HOST "unix:///var/run/docker.sock"

/* ---- TLS ------------------------------------------------------------------------------------- */

/* 0 with *path NULL where there is no such file. */
static int take_file(const char *folder, const char *name, char **path) {
  char *whole CSN_CLEANUP_FREE = csn_asprintf("%s/%s", folder, name);
  if (!whole) return CAISSON_E_NOMEM;
  if (access(whole, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) *path = CSN_STEAL(whole);
  return 0;
}

int csn_docker_tls_folder(const char *folder, const char *origin, int must_have,
                          struct csn_engine_found *found, struct csn_error *err) {
  struct csn_tls *tls = &found->tls;
  int rc = take_file(folder, "ca.pem", &tls->ca);
  rc |= take_file(folder, "cert.pem", &tls->cert);
  rc |= take_file(folder, "key.pem", &tls->key);
  tls->origin = csn_strdup(origin);
  if (rc || !tls->origin) return csn_fail_nomem(err);
  if (must_have && !tls->ca)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s: there is no ca.pem in %.300s, without which the engine at DOCKER_HOST "
                    "cannot be told from another",
                    origin, folder);
  found->has_tls = tls->ca || tls->cert || tls->key;
  return 0;
}

/* ---- meta.json ------------------------------------------------------------------------------- */

static int unusable(const char *name, const char *origin, const char *why, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "the Docker context \"%.100s\" (%s) %s; `docker context ls` shows those that "
                  "there are",
                  name, origin, why);
}

static int read_meta(const char *path, const char *name, const char *origin, cJSON **meta,
                     struct csn_error *err) {
  struct csn_buffer text CSN_CLEANUP_BUFFER = CSN_BUFFER(META_MAX);
  if (csn_file_read(path, &text) < 0)
    return errno == ENOENT || errno == ENOTDIR
               ? unusable(name, origin, "does not exist", err)
               : csn_fail_errno(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, errno,
                                "the Docker context \"%.100s\" (%s): %.300s cannot be read", name,
                                origin, path);
  int rc = csn_json_parse(csn_buffer_text(&text), text.size, META_MAX, path, CAISSON_E_CONFIG,
                          CAISSON_REASON_CONFIG, meta, err);
  if (rc || cJSON_IsObject(*meta)) return rc;
  return unusable(name, origin, "has a meta.json that is no object", err);
}

static int take_meta(const cJSON *meta, const char *name, const char *origin, const char *folder,
                     struct csn_engine_found *found, struct csn_error *err) {
  const cJSON *docker = csn_json_get(csn_json_get(meta, "Endpoints"), "docker");
  if (!cJSON_IsObject(docker)) return unusable(name, origin, "names no docker engine", err);
  const char *host = csn_json_string(docker, "Host", "");
  found->endpoint = csn_strdup(*host ? host : DEFAULT_HOST);
  char *label CSN_CLEANUP_FREE = csn_asprintf("the Docker context \"%.100s\"", name);
  if (!found->endpoint || !label) return csn_fail_nomem(err);
  if (strncmp(host, "tcp://", 6) != 0 && strncmp(host, "https://", 8) != 0) return 1;
  int rc = csn_docker_tls_folder(folder, label, 0, found, err);
  if (rc || !csn_json_bool(docker, "SkipTLSVerify", 0)) return rc ? rc : 1;
  found->has_tls = found->tls.insecure = 1;
  csn_free(found->tls.ca); /* which docker does not use then either */
  found->tls.ca = NULL;
  return 1;
}

static int load(const char *name, const char *origin, struct csn_engine_found *found,
                struct csn_error *err) {
  char digest[CSN_SHA256_HEX];
  cJSON *meta CSN_CLEANUP_JSON = NULL;
  char *dir CSN_CLEANUP_FREE = csn_docker_config_dir();
  if (!dir) return unusable(name, origin, "is not to be found without HOME or DOCKER_CONFIG", err);
  csn_sha256_hex(name, strlen(name), digest);
  char *path CSN_CLEANUP_FREE = csn_asprintf("%s/contexts/meta/%s/meta.json", dir, digest);
  char *folder CSN_CLEANUP_FREE = csn_asprintf("%s/contexts/tls/%s/docker", dir, digest);
  if (!path || !folder) return csn_fail_nomem(err);
  int rc = read_meta(path, name, origin, &meta, err);
  return rc ? rc : take_meta(meta, name, origin, folder, found, err);
}

int csn_docker_context_load(const char *name, const char *origin, struct csn_engine_found *found,
                            struct csn_error *err) {
  if (strcmp(name, "default") != 0) return load(name, origin, found, err);
  found->endpoint = csn_strdup(DEFAULT_HOST);
  return found->endpoint ? 1 : csn_fail_nomem(err);
}
