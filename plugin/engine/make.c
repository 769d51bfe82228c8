/* SPDX-License-Identifier: Apache-2.0 */
/* A container that is made whole or not at all. A create that is cut short may leave one that
 * nobody knows of, and it takes some ten milliseconds: so a stop waits a moment for it, but not for
 * an engine that stalls. */
#include <string.h>

#include "engine/containers.h"
#include "util/json.h"

#define GRACE_NS (250 * CSN_MS)
#define REMOVE_NS (5 * CSN_SECOND)

struct patience {
  const struct csn_control *control;
  int64_t until; /* 0: nobody has said stop */
  int code;
  struct csn_error err;
};

static int is_over(void *ctx) {
  struct patience *p = ctx;
  if (!p->code && (p->code = csn_control_check(p->control, &p->err)) != 0)
    p->until = csn_clock_after(GRACE_NS);
  return p->code && csn_clock_now() >= p->until;
}

/* What cannot be removed now was never started: session.reap finds it. */
static void take_back(struct csn_engine *engine, const char *container) {
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_error ignored;
  control.deadline = csn_clock_after(REMOVE_NS);
  (void)csn_container_remove(engine, container, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, &control,
                             &ignored);
}

/* Beside its own it has those of its image. */
static int has_labels(const struct csn_container *found, const cJSON *labels) {
  const cJSON *label = NULL;
  while ((label = csn_json_next_string(labels, label))) {
    const char *value = csn_container_label(found, label->string);
    if (!value || strcmp(value, label->valuestring) != 0) return 0;
  }
  return 1;
}

/* Whether the one of that name is ours, and not another process's, its labels say. */
static void take_back_maybe(struct csn_engine *engine, const char *name, const cJSON *body) {
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_error ignored;
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  control.deadline = csn_clock_after(GRACE_NS);
  if (csn_container_inspect(engine, name, &control, &found, &ignored) != 0) return;
  if (has_labels(&found, csn_json_get(body, "Labels"))) take_back(engine, found.id);
}

/* No answer, or none that makes sense: so what was asked may have been done. */
static int is_unclear(const struct csn_error *err) {
  return strcmp(err->reason, CAISSON_REASON_ENGINE_UNREACHABLE) == 0 ||
         strcmp(err->reason, CAISSON_REASON_ENGINE_PROTOCOL) == 0;
}

int csn_container_make(struct csn_engine *engine, const char *name, const cJSON *body,
                       const struct csn_control *control, char id[CSN_CONTAINER_ID_SIZE],
                       struct csn_error *err) {
  struct patience patience = {.control = control};
  const struct csn_control patient = {CSN_NEVER, -1, is_over, &patience};
  int rc = csn_container_create(engine, name, body, &patient, id, err);
  if (patience.code && rc == 0) take_back(engine, id);
  if (rc && (patience.code || is_unclear(err))) take_back_maybe(engine, name, body);
  if (!patience.code) return rc;
  *err = patience.err;
  return patience.code;
}
