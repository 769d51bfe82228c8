/* SPDX-License-Identifier: Apache-2.0 */
/* What engine/ itself knows of an engine. */
#ifndef CSN_ENGINE_INTERNAL_H
#define CSN_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "transport/http.h"
#include "util/log.h"

struct csn_engine {
  _Atomic(struct csn_transport *) transport; /* NULL until an engine was found */
  pthread_mutex_t finding;
  struct csn_engine_found found; /* set before transport, and not changed after */
  atomic_int api;                /* minor of the negotiated version; 0 while it is not known */
  const struct csn_log *log;     /* NULL: nowhere */
  int refuses_vulnerable;
  atomic_int has_warned;
};

/* How to reach it; where none was found yet it is looked for again. As csn_discovery_find(). */
int csn_engine_transport(struct csn_engine *engine, const struct csn_control *control,
                         struct csn_transport **transport, struct csn_error *err);

/* The next question negotiates the version again: the engine may have been restarted as another. */
void csn_engine_forget(struct csn_engine *engine);

/* Logs, once, which known holes an engine with this GET /version has. */
void csn_engine_warn(struct csn_engine *engine, const cJSON *version);
/* 0, or policy.refused if it has any and the operator wants none. Asks it only in that case. */
int csn_engine_hold(struct csn_engine *engine, const struct csn_control *control,
                    struct csn_error *err);

#endif
