/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include "engine/ask.h"
#include "engine/internal.h"
#include "engine/refusal.h"
#include "util/alloc.h"
#include "util/json.h"

#define PING_SECONDS 5

/* ---- which engine ---------------------------------------------------------------------------- */

/* The lock is held and nothing was found yet. */
static int find(struct csn_engine *e, const struct csn_engine_wanted *wanted,
                const struct csn_control *control, struct csn_error *err) {
  struct csn_transport *transport = NULL;
  int rc = csn_discovery_find(wanted, control, &e->found, err);
  if (rc) return rc;
  rc = csn_transport_new(e->found.endpoint, e->found.has_tls ? &e->found.tls : NULL, &transport,
                         err);
  if (rc) {
    if (rc == CAISSON_E_CONFIG) csn_error_wrap(err, "%s", e->found.why);
    csn_engine_found_free(&e->found);
    return rc;
  }
  atomic_store(&e->transport, transport);
  return 0;
}

int csn_engine_discover(const struct csn_engine_wanted *wanted, int lazy,
                        const struct csn_control *control, struct csn_engine **engine,
                        struct csn_error *err) {
  struct csn_engine *e = csn_calloc(1, sizeof *e);
  if (!e) return csn_fail_nomem(err);
  pthread_mutex_init(&e->finding, NULL);
  e->log = wanted->log;
  e->refuses_vulnerable = wanted->refuses_vulnerable;
  int rc = find(e, wanted, control, err);
  if (rc && !(lazy && rc == CAISSON_E_ENGINE)) {
    csn_engine_free(e);
    return rc;
  }
  *engine = e;
  return 0;
}

int csn_engine_new(const char *endpoint, struct csn_engine **engine, struct csn_error *err) {
  const struct csn_engine_wanted wanted = {.endpoint = endpoint};
  static const struct csn_control none = CSN_CONTROL_NONE;
  return csn_engine_discover(&wanted, 0, &none, engine, err);
}

int csn_engine_transport(struct csn_engine *engine, const struct csn_control *control,
                         struct csn_transport **transport, struct csn_error *err) {
  static const struct csn_engine_wanted nothing; /* or it would have been found, or refused */
  *transport = atomic_load(&engine->transport);
  if (*transport) return 0;
  pthread_mutex_lock(&engine->finding);
  int rc = atomic_load(&engine->transport) ? 0 : find(engine, &nothing, control, err);
  pthread_mutex_unlock(&engine->finding);
  *transport = atomic_load(&engine->transport);
  return rc;
}

void csn_engine_free(struct csn_engine *engine) {
  if (!engine) return;
  csn_transport_free(atomic_load(&engine->transport));
  csn_engine_found_free(&engine->found);
  pthread_mutex_destroy(&engine->finding);
  csn_free(engine);
}

const struct csn_engine_found *csn_engine_found(const struct csn_engine *engine) {
  return atomic_load(&engine->transport) ? &engine->found : NULL;
}

const char *csn_engine_endpoint(const struct csn_engine *engine) {
  return atomic_load(&engine->transport) ? engine->found.endpoint : "unix:///var/run/docker.sock";
}

int csn_engine_patience(const struct csn_engine *engine) {
  const struct csn_transport *transport = atomic_load(&engine->transport);
  return transport ? csn_transport_patience(transport) : 0;
}

void csn_engine_forget(struct csn_engine *engine) {
  atomic_store(&engine->api, 0);
}

/* ---- the version ----------------------------------------------------------------------------- */

/* The minor of "1.41", or -1. */
static int parse_version(const char *text) {
  if (!text || strncmp(text, "1.", 2) != 0) return -1;
  size_t n = strspn(text + 2, "0123456789");
  if (n == 0 || n > 3 || text[2 + n]) return -1;
  int minor = 0;
  for (size_t i = 0; i < n; i++) minor = minor * 10 + (text[2 + i] - '0');
  return minor;
}

static int negotiate(const struct csn_engine *engine, const struct csn_http_response *response,
                     int *spoken, struct csn_error *err) {
  const char *endpoint = csn_engine_endpoint(engine);
  if (response->status != 200)
    return csn_refusal(response->status, csn_buffer_text(&response->body), response->body.size,
                       err);
  int minor = parse_version(csn_http_head_get(&response->head, "Api-Version"));
  if (minor < 0)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                    "what answers at %s does not say which version of the Docker Engine API it "
                    "speaks; is it an engine?",
                    endpoint);
  if (minor < CSN_ENGINE_API_MIN)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_VERSION,
                    "the engine at %s speaks version 1.%d of the API, and 1.%d is needed; upgrade "
                    "it (Docker 19.03 or later)",
                    endpoint, minor, CSN_ENGINE_API_MIN);
  *spoken = minor < CSN_ENGINE_API_MAX ? minor : CSN_ENGINE_API_MAX;
  return 0;
}

static int ping(struct csn_engine *engine, const struct csn_control *control, int *minor,
                struct csn_error *err) {
  struct csn_http_response response CSN_CLEANUP_HTTP_RESPONSE = {0};
  static const struct csn_ask question = {
      .method = "GET", .path = "/_ping", .seconds = PING_SECONDS};
  int rc = csn_ask_unversioned(engine, &question, control, &response, err);
  if (rc == 0) rc = negotiate(engine, &response, minor, err);
  if (rc == 0) rc = csn_engine_hold(engine, control, err);
  if (rc == 0) atomic_store(&engine->api, *minor);
  if (rc == CAISSON_E_ENGINE) csn_engine_forget(engine);
  return rc;
}

int csn_engine_ping(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_error *err) {
  int minor;
  return ping(engine, control, &minor, err);
}

int csn_engine_api(struct csn_engine *engine, const struct csn_control *control, int *minor,
                   struct csn_error *err) {
  *minor = atomic_load(&engine->api);
  return *minor ? 0 : ping(engine, control, minor, err);
}

/* ---- what it says of itself ------------------------------------------------------------------ */

static int is_rootless(const cJSON *info) {
  const cJSON *options = csn_json_get(info, "SecurityOptions"), *option;
  cJSON_ArrayForEach(option, options) {
    if (cJSON_IsString(option) && strcmp(option->valuestring, "name=rootless") == 0) return 1;
  }
  return 0;
}

static const char *engine_name(const cJSON *version) {
  const cJSON *components = csn_json_get(version, "Components");
  const char *name = csn_json_string(cJSON_GetArrayItem(components, 0), "Name", "");
  if (strstr(name, "Podman")) return "Podman";
  return strcmp(name, "Engine") == 0 ? "Docker" : "Engine";
}

static int get(struct csn_engine *engine, const char *path, const struct csn_control *control,
               cJSON **answer, struct csn_error *err) {
  struct csn_ask ask = {.method = "GET", .path = path, .seconds = 10};
  int rc = csn_ask_json(engine, &ask, control, 0, answer, err);
  return csn_ask_context(rc, err, "ask the engine for", path + 1);
}

int csn_engine_info(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_engine_info *info, struct csn_error *err) {
  memset(info, 0, sizeof *info);
  int rc = get(engine, "/version", control, &info->version_json, err);
  if (rc == 0) rc = get(engine, "/info", control, &info->info, err);
  if (rc == 0) rc = csn_engine_api(engine, control, &info->api_minor, err);
  if (rc) {
    csn_engine_info_free(info);
    return rc;
  }
  info->name = engine_name(info->version_json);
  info->version = csn_json_string(info->version_json, "Version", "");
  info->os = csn_json_string(info->version_json, "Os", "");
  info->arch = csn_json_string(info->version_json, "Arch", "");
  info->kernel = csn_json_string(info->version_json, "KernelVersion", "");
  info->storage_driver = csn_json_string(info->info, "Driver", "");
  info->cgroup_version = csn_json_string(info->info, "CgroupVersion", "");
  info->default_runtime = csn_json_string(info->info, "DefaultRuntime", "");
  info->rootless = is_rootless(info->info);
  return 0;
}

void csn_engine_info_free(struct csn_engine_info *info) {
  cJSON_Delete(info->info);
  cJSON_Delete(info->version_json);
  memset(info, 0, sizeof *info);
}
