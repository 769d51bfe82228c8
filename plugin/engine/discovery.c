/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/docker_config.h"
#include "engine/docker_context.h"
#include "engine/usual_sockets.h"
#include "util/alloc.h"
#include "util/json.h"

void csn_engine_found_free(struct csn_engine_found *found) {
  csn_free(found->endpoint);
  csn_tls_free(&found->tls);
  memset(found, 0, sizeof *found);
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* Where a way has found one; 1 or CAISSON_E_NOMEM. */
static int take(struct csn_engine_found *found, const char *endpoint, struct csn_error *err) {
  found->endpoint = csn_strdup(endpoint);
  return found->endpoint ? 1 : csn_fail_nomem(err);
}

/* ---- one way each: 1 if it has an engine to name, 0 if not, or negative ---------------------- */

static int by_configuration(const struct csn_engine_wanted *wanted,
                            const struct csn_control *control, struct csn_engine_found *found,
                            struct csn_error *err) {
  (void)control;
  if (wanted->context) {
    snprintf(found->why, sizeof found->why, "engine.context in the configuration: %.100s",
             wanted->context);
    return csn_docker_context_load(wanted->context, "engine.context in the configuration", found,
                                   err);
  }
  if (!wanted->endpoint) return 0;
  snprintf(found->why, sizeof found->why, "engine.endpoint in the configuration");
  found->has_tls = wanted->tls != NULL;
  int rc = wanted->tls ? csn_tls_copy(wanted->tls, &found->tls, err) : 0;
  return rc ? rc : take(found, wanted->endpoint, err);
}

/* Docker's own: DOCKER_TLS_VERIFY asks for TLS. Clients disagree about DOCKER_CERT_PATH without it
 * (no TLS at all, or TLS with anybody); here it is TLS with whom ca.pem vouches for. */
static int by_environment(const struct csn_engine_wanted *wanted,
                          const struct csn_control *control, struct csn_engine_found *found,
                          struct csn_error *err) {
  const char *host = variable("DOCKER_HOST"), *folder = variable("DOCKER_CERT_PATH");
  (void)wanted, (void)control;
  if (!host) return 0;
  snprintf(found->why, sizeof found->why, "DOCKER_HOST in the environment");
  int is_tcp = strncmp(host, "tcp://", 6) == 0 || strncmp(host, "https://", 8) == 0;
  if (!is_tcp || (!folder && !variable("DOCKER_TLS_VERIFY"))) return take(found, host, err);
  char *usual CSN_CLEANUP_FREE = folder ? csn_strdup(folder) : csn_docker_config_dir();
  if (!usual) return csn_fail_nomem(err);
  int rc = csn_docker_tls_folder(usual, "DOCKER_CERT_PATH", 1, found, err);
  return rc ? rc : take(found, host, err);
}

/* Whose name, and who gave it; NULL: there is none. */
static int current_context(char **name, const char **origin, struct csn_error *err) {
  cJSON *config CSN_CLEANUP_JSON = NULL;
  const char *given = variable("DOCKER_CONTEXT");
  *origin = "DOCKER_CONTEXT";
  *name = NULL;
  if (!given) {
    int rc = csn_docker_config_load(&config, err);
    if (rc) return rc;
    given = csn_json_string(config, "currentContext", "");
    *origin = "currentContext in docker's config.json";
  }
  if (!*given || strcmp(given, "default") == 0) return 0;
  *name = csn_strdup(given);
  return *name ? 0 : csn_fail_nomem(err);
}

static int by_context(const struct csn_engine_wanted *wanted, const struct csn_control *control,
                      struct csn_engine_found *found, struct csn_error *err) {
  const char *origin;
  char *name CSN_CLEANUP_FREE = NULL;
  (void)wanted, (void)control;
  int rc = current_context(&name, &origin, err);
  if (rc || !name) return rc;
  snprintf(found->why, sizeof found->why, "the Docker context \"%.80s\" (%s)", name, origin);
  return csn_docker_context_load(name, origin, found, err);
}

static int by_socket(const struct csn_engine_wanted *wanted, const struct csn_control *control,
                     struct csn_engine_found *found, struct csn_error *err) {
  char *path CSN_CLEANUP_FREE = NULL;
  (void)wanted;
  int rc = csn_usual_sockets_find(control, &path, found->why, sizeof found->why, err);
  if (rc) return rc;
  found->endpoint = csn_asprintf("unix://%s", path);
  return found->endpoint ? 1 : csn_fail_nomem(err);
}

/* ---- all ways -------------------------------------------------------------------------------- */

typedef int way_fn(const struct csn_engine_wanted *wanted, const struct csn_control *control,
                   struct csn_engine_found *found, struct csn_error *err);

static const struct {
  const char *source;
  way_fn *find;
} ways[] = {
    {"configuration", by_configuration},
    {"DOCKER_HOST", by_environment},
    {"context", by_context},
    {"socket", by_socket},
};

int csn_discovery_find(const struct csn_engine_wanted *wanted, const struct csn_control *control,
                       struct csn_engine_found *found, struct csn_error *err) {
  struct csn_control own = csn_control_within(control, CSN_DISCOVERY_NS);
  memset(found, 0, sizeof *found);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    int rc = ways[i].find(wanted, &own, found, err);
    if (rc < 0) csn_engine_found_free(found);
    if (rc < 0) return rc;
    found->source = ways[i].source;
    if (rc > 0) return 0;
  }
  return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, "no way to find an engine");
}

/* ---- what else there is ---------------------------------------------------------------------- */

static int add_other(cJSON *array, const char *endpoint, const char *source, const char *name,
                     const char *state) {
  cJSON *other = cJSON_CreateObject();
  int rc = csn_json_add_string(other, "endpoint", endpoint);
  rc |= csn_json_add_string(other, "source", source);
  rc |= csn_json_add_string(other, "name", name);
  rc |= csn_json_add_string(other, "state", state);
  if (rc == 0) return csn_json_append(array, other);
  cJSON_Delete(other);
  return rc;
}

struct others {
  const char *chosen;
  cJSON *array;
};

static int add_socket(void *ctx, const char *path, const char *name, const char *state) {
  struct others *others = ctx;
  char *endpoint CSN_CLEANUP_FREE = csn_asprintf("unix://%s", path);
  if (!endpoint) return CAISSON_E_NOMEM;
  if (strcmp(endpoint, others->chosen) == 0) return 0;
  return add_other(others->array, endpoint, "socket", name, state);
}

int csn_discovery_others(const char *chosen, cJSON *array) {
  struct others others = {chosen, array};
  struct csn_engine_found found = {0};
  struct csn_error ignored;
  char *name CSN_CLEANUP_FREE = NULL;
  const char *host = variable("DOCKER_HOST"), *origin;
  int rc = host && strcmp(host, chosen) != 0
               ? add_other(array, host, "DOCKER_HOST", "DOCKER_HOST", "not tried")
               : 0;
  if (rc == 0 && current_context(&name, &origin, &ignored) == 0 && name &&
      csn_docker_context_load(name, origin, &found, &ignored) > 0 &&
      strcmp(found.endpoint, chosen) != 0)
    rc = add_other(array, found.endpoint, "context", name, "not tried");
  csn_engine_found_free(&found);
  return rc ? rc : csn_usual_sockets_each(add_socket, &others);
}
