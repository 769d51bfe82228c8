/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/instance.h"

#include <time.h>

#include "engine/engine.h"
#include "entry/async.h"
#include "entry/audit.h"
#include "entry/call.h"
#include "tools/manifest.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/own_cjson.h"
#include "util/thread.h"

/* For the engine to answer create(). */
#define CREATE_NS (2 * CSN_SECOND)

static void free_instance(struct csn_handle *handle) {
  struct csn_instance *i = (struct csn_instance *)handle;
  csn_workers_free(i->workers);
  csn_sessions_free(i->sessions);
  csn_engine_free(i->engine);
  csn_catalog_free(i->catalog);
  csn_config_free(&i->config);
  cJSON_Delete(i->manifest);
  csn_free(i->describe_json);
  pthread_cond_destroy(&i->ended);
  pthread_mutex_destroy(&i->mutex);
  csn_free(i);
}

/* ---- create ---------------------------------------------------------------------------------- */

/* An extension counts only if the host knew of the function in it. */
static void find_extensions(struct csn_instance *i, const caisson_host *host) {
  if (!CAISSON_HAS(host, get_extension) || !host->get_extension) return;
  const caisson_session_options *o = host->get_extension(host->ctx, CAISSON_EXT_SESSION_OPTIONS);
  const caisson_gate *g = host->get_extension(host->ctx, CAISSON_EXT_GATE);
  if (o && CAISSON_HAS(o, options) && o->options) i->session_options = o;
  if (g && CAISSON_HAS(g, allow) && g->allow) i->gate = g;
}

static void find_log(struct csn_instance *i, const caisson_host *host) {
  if (!CAISSON_HAS(host, log)) return;
  i->log.sink = host->log;
  i->log.ctx = host->ctx;
}

static int build(struct csn_instance *i, const char *json, size_t n, struct csn_error *err) {
  static const struct csn_control none = CSN_CONTROL_NONE;
  int rc = csn_own_cjson_find(err);
  if (rc == 0) rc = csn_manifest_parse(&i->manifest, err);
  if (rc == 0)
    rc = csn_config_read(csn_manifest_config_schema(i->manifest), json, n, &i->config, err);
  i->config.sandbox.options_schema = csn_manifest_options_schema(i->manifest);
  i->log.audit.is_on = rc == 0 && i->config.audits;
  i->log.audit.has_arguments = i->config.audits_arguments;
  i->log.audit.instance = i->config.instance;
  if (rc == 0)
    rc = csn_catalog_new(i->manifest, i->config.instance, i->config.document, &i->config.tools,
                         &i->catalog, err);
  i->config.engine.log = &i->log;
  if (rc == 0)
    rc = csn_engine_discover(&i->config.engine, i->config.lazy, &none, &i->engine, err);
  if (rc == 0)
    rc = csn_sessions_new(i->config.instance, &i->config.sandbox, i->engine, &i->log, &i->sessions,
                          err);
  if (rc) return rc;
  rc = csn_workers_new(&i->workers, err);
  if (rc) return rc;
  i->describe_json = csn_json_print(csn_catalog_document(i->catalog));
  return i->describe_json ? 0 : csn_fail_nomem(err);
}

static int check_engine(struct csn_instance *i, struct csn_error *err) {
  struct csn_control control = CSN_CONTROL_NONE;
  if (i->config.lazy) return 0;
  int64_t limit = CREATE_NS + csn_engine_patience(i->engine) * CSN_SECOND;
  control.deadline = csn_clock_after(limit);
  int rc = csn_engine_ping(i->engine, &control, err);
  if (rc != CAISSON_E_DEADLINE) return rc;
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE,
                  "the container engine at %s did not answer within %d s; is it running? With "
                  "\"engine\": {\"lazy\": true} the first call asks it instead",
                  csn_engine_endpoint(i->engine), (int)(limit / CSN_SECOND));
}

int csn_instance_create(const caisson_host *host, const char *config_json, size_t n, uint64_t *id,
                        struct csn_error *err) {
  struct csn_instance *i = csn_calloc(1, sizeof *i);
  if (!i) return csn_fail_nomem(err);
  i->host = host;
  csn_thread_init_condition(&i->ended);
  pthread_mutex_init(&i->mutex, NULL);
  find_log(i, host);
  find_extensions(i, host);
  int rc = build(i, config_json, n, err);
  if (rc == 0) rc = check_engine(i, err);
  if (rc) {
    free_instance(&i->handle);
    return rc;
  }
  csn_registry_add(&i->handle, CSN_HANDLE_INSTANCE, free_instance);
  *id = i->handle.id;
  csn_log(&i->log, CAISSON_LOG_INFO, "instance \"%s\" ready: engine %s, image %s",
          i->config.instance, csn_engine_endpoint(i->engine), i->config.sandbox.image);
  csn_audit_instance(i, "instance.created");
  if (!i->config.lazy) csn_sessions_warm_up(i->sessions);
  csn_registry_put(&i->handle);
  return 0;
}

struct csn_instance *csn_instance_get(uint64_t id) {
  return (struct csn_instance *)csn_registry_get(CSN_HANDLE_INSTANCE, id);
}

/* ---- runs ------------------------------------------------------------------------------------ */

int csn_instance_is_draining(struct csn_instance *i) {
  pthread_mutex_lock(&i->mutex);
  int draining = i->draining;
  pthread_mutex_unlock(&i->mutex);
  return draining;
}

int csn_instance_enter(struct csn_instance *i) {
  pthread_mutex_lock(&i->mutex);
  int draining = i->draining;
  if (!draining) i->running++;
  pthread_mutex_unlock(&i->mutex);
  return !draining;
}

int csn_instance_refuse(struct csn_error *err) {
  return csn_fail(err, CAISSON_E_DRAINING, CAISSON_REASON_DRAINING,
                  "the sandbox service is going down and takes no new calls; try again later");
}

void csn_instance_leave(struct csn_instance *i) {
  pthread_mutex_lock(&i->mutex);
  i->running--;
  pthread_cond_broadcast(&i->ended);
  pthread_mutex_unlock(&i->mutex);
}

/* Waits until no run is left or the time has come; 1 if none is left. */
static int wait_for_runs(struct csn_instance *i, int64_t end) {
  struct timespec t = {.tv_sec = end / CSN_SECOND, .tv_nsec = end % CSN_SECOND};
  pthread_mutex_lock(&i->mutex);
  i->draining = 1;
  int late = 0;
  while (i->running > 0 && !late) {
    if (end == CSN_NEVER)
      pthread_cond_wait(&i->ended, &i->mutex);
    else
      late = pthread_cond_timedwait(&i->ended, &i->mutex, &t) != 0;
  }
  int none = i->running == 0;
  pthread_mutex_unlock(&i->mutex);
  return none;
}

int csn_instance_drain(struct csn_instance *i, uint64_t grace_ms) {
  int64_t grace = grace_ms > INT64_MAX / CSN_MS ? CSN_NEVER : (int64_t)grace_ms * CSN_MS;
  int late = !wait_for_runs(i, csn_clock_after(grace));
  if (late) {
    csn_calls_cancel(i->handle.id);
    wait_for_runs(i, CSN_NEVER);
  }
  csn_sessions_wind_down(i->sessions);
  return late ? CAISSON_E_DEADLINE : CAISSON_OK;
}

int csn_instance_destroy(struct csn_instance *i) {
  if (!csn_registry_forget(&i->handle)) return CAISSON_E_NOT_FOUND;
  csn_instance_drain(i, 0);
  /* Then nothing runs any more, and nobody is about to open or start what would be left over. */
  csn_registry_await_last(&i->handle);
  csn_async_close_queues(i->handle.id);
  csn_calls_close(i->handle.id);
  csn_audit_instance(i, "instance.destroyed");
  return CAISSON_OK;
}
