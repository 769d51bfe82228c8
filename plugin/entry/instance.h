/* SPDX-License-Identifier: Apache-2.0 */
/* An instance: one configuration at work. It holds everything that calls share. */
#ifndef CSN_ENTRY_INSTANCE_H
#define CSN_ENTRY_INSTANCE_H

#include <pthread.h>

#include "entry/config.h"
#include "entry/registry.h"
#include "entry/workers.h"
#include "session/session.h"
#include "tools/catalog.h"
#include "util/log.h"

struct csn_instance {
  struct csn_handle handle;
  const caisson_host *host;
  struct csn_log log;
  const caisson_session_options *session_options; /* NULL: the host does not offer it */
  const caisson_gate *gate;                       /* likewise */
  cJSON *manifest;
  struct csn_config config;
  struct csn_engine *engine;
  struct csn_sessions *sessions;
  struct csn_catalog *catalog;
  struct csn_workers *workers;
  char *describe_json;
  pthread_mutex_t mutex;
  pthread_cond_t ended; /* a run has ended */
  unsigned running;     /* calls inside call_run, or started and not ended */
  unsigned queues;      /* that are open, of caisson.async/1 */
  int draining;
};

int csn_instance_create(const caisson_host *host, const char *config_json, size_t n, uint64_t *id,
                        struct csn_error *err);
/* With a reference, to be given back by csn_registry_put(&i->handle); NULL: no such id. */
struct csn_instance *csn_instance_get(uint64_t id);

int csn_instance_is_draining(struct csn_instance *i);
/* A run begins, unless draining has (0: csn_instance_refuse() has the words), and ends. */
int csn_instance_enter(struct csn_instance *i);
int csn_instance_refuse(struct csn_error *err);
void csn_instance_leave(struct csn_instance *i);

int csn_instance_drain(struct csn_instance *i, uint64_t grace_ms);
/* Makes the id unknown, drains, closes every queue and call, and returns when nobody but the caller
 * holds it. CAISSON_E_NOT_FOUND where another thread does that: two would wait for each other. */
int csn_instance_destroy(struct csn_instance *i);

#endif
