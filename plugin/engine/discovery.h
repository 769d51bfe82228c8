/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine it is to be: the first of a table of ways that has one to name. README.md has the
 * order and what each way looks at. */
#ifndef CSN_ENGINE_DISCOVERY_H
#define CSN_ENGINE_DISCOVERY_H

#include <cjson/cJSON.h>

#include "transport/tls.h"
#include "util/control.h"
#include "util/error.h"
#include "util/log.h"

/* What the operator configured; NULL: not given. */
struct csn_engine_wanted {
  const char *endpoint;
  const char *context;   /* a Docker context, by name */
  const struct csn_tls *tls;
  int refuses_vulnerable;    /* an engine with a known hole is not used (advisories.h) */
  const struct csn_log *log; /* outlives the engine */
};

#define CSN_ENGINE_WHY_MAX 192

struct csn_engine_found {
  char *endpoint;
  struct csn_tls tls;
  int has_tls;
  const char *source;           /* "configuration", "DOCKER_HOST", "context" or "socket" */
  char why[CSN_ENGINE_WHY_MAX]; /* the same for people */
};

/* Looks at files, and at local sockets for at most CSN_DISCOVERY_NS altogether. 0;
 * CAISSON_E_CONFIG where what is named cannot be used; CAISSON_E_ENGINE where nothing is named and
 * none of the usual sockets answers (engine.unreachable, or engine.permission where one may not be
 * used), with all that was looked at; CAISSON_E_CANCELLED, _DEADLINE or _NOMEM. */
int csn_discovery_find(const struct csn_engine_wanted *wanted, const struct csn_control *control,
                       struct csn_engine_found *found, struct csn_error *err);
#define CSN_DISCOVERY_NS (1500 * CSN_MS)
void csn_engine_found_free(struct csn_engine_found *found);

/* Appends to the array what else there is besides the one chosen: {"endpoint", "source", "name",
 * "state"}. Asks nothing of anybody. 0 or CAISSON_E_NOMEM. */
int csn_discovery_others(const char *chosen, cJSON *array);

#endif
