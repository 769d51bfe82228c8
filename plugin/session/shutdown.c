/* SPDX-License-Identifier: Apache-2.0 */
/* Ending many sessions at once, with a grace for calls in flight. */
#include <string.h>

#include "session/internal.h"
#include "session/network.h"
#include "util/alloc.h"
#include "util/json.h"

#define LOOK_EVERY (200 * CSN_MS)

/* Was it made here, and does nobody else use it? Its lock is held. */
static int is_mine_alone(struct csn_sessions *all, struct csn_session *s,
                         const struct csn_control *control) {
  if (!s->created_here || !s->container[0] || csn_session_leases(all, s) > 0) return 0;
  struct csn_channel_hello hello;
  int ready = 0;
  csn_session_ask(all, s, s->container, control, &hello, NULL, &ready);
  return ready && hello.channels_others + 1 <= csn_session_count_idle(all, s);
}

static int shutdown_one(struct csn_sessions *all, struct csn_session *s,
                        const struct csn_control *control, int *removed, struct csn_error *err) {
  int rc = csn_session_lock(all, s, control, err);
  if (rc) return rc;
  if (is_mine_alone(all, s, control)) rc = csn_session_remove_locked(all, s, control, removed, err);
  csn_session_unlock(all, s);
  return rc;
}

static int shutdown_mine(struct csn_sessions *all, const struct csn_control *control, cJSON *keys,
                         struct csn_error *err) {
  struct csn_session **list CSN_CLEANUP_FREE = csn_session_all(all);
  if (!list) return csn_fail_nomem(err);
  int rc = 0;
  for (struct csn_session **at = list; *at; at++) {
    int removed = 0;
    if (rc == 0) rc = shutdown_one(all, *at, control, &removed, err);
    if (removed && csn_json_append_string(keys, (*at)->key)) rc = csn_fail_nomem(err);
    csn_session_put(all, *at);
  }
  return rc;
}

static int remove_session(struct csn_sessions *all, const char *key,
                          const struct csn_control *control, int *removed, struct csn_error *err) {
  struct csn_session *s;
  int rc = csn_session_get(all, key, &s, err);
  if (rc) return rc;
  rc = csn_session_lock(all, s, control, err);
  if (rc == 0) {
    rc = csn_session_remove_locked(all, s, control, removed, err);
    csn_session_unlock(all, s);
  }
  csn_session_put(all, s);
  return rc;
}

static int remove_found(struct csn_sessions *all, const struct csn_container *found,
                        const char *key, const struct csn_control *control, int *removed,
                        struct csn_error *err) {
  int rc = *key ? remove_session(all, key, control, removed, err) : 0;
  if (rc || *removed) return rc;
  /* It has no key, or lost its name when an engine failed to remove it. */
  rc = csn_container_remove(all->engine, found->id, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, control,
                            err);
  *removed = rc == 0;
  if (*removed) csn_session_audit(all, NULL, "sandbox.removed", found->id, NULL);
  return rc;
}

static int shutdown_instance(struct csn_sessions *all, const struct csn_control *control,
                             cJSON *keys, struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_session_containers(all, control, &list, err);
  for (size_t i = 0; rc == 0 && i < list.count; i++) {
    char key[CSN_KEY_MAX + 1];
    int removed = 0;
    csn_session_key_of(all, &list.items[i], control, key);
    rc = remove_found(all, &list.items[i], key, control, &removed, err);
    if (!removed || csn_session_is_nobodys(all, &list.items[i])) continue;
    if (csn_json_append_string(keys, key)) rc = csn_fail_nomem(err);
  }
  return rc ? rc : csn_network_remove_all(all, control, err);
}

/* ---- the grace ------------------------------------------------------------------------------- */

static int has_calls_here(struct csn_sessions *all, enum csn_shutdown_scope scope, int *calls,
                          struct csn_error *err) {
  struct csn_session **list CSN_CLEANUP_FREE = csn_session_all(all);
  *calls = 0;
  if (!list) return csn_fail_nomem(err);
  for (struct csn_session **at = list; *at; at++) {
    if (scope == CSN_SHUTDOWN_INSTANCE || (*at)->created_here)
      *calls |= csn_session_leases(all, *at) > 0;
    csn_session_put(all, *at);
  }
  return 0;
}

/* Calls of any process. Background jobs end with their sandbox and are not waited for. */
static int has_calls(struct csn_sessions *all, const struct csn_container *c,
                     const struct csn_control *control) {
  char key[CSN_KEY_MAX + 1];
  struct csn_session *s;
  struct csn_error err;
  struct csn_channel_hello hello;
  struct csn_session_look look = {.wants_jobs = 1};
  int ready = 0;
  csn_session_key_of(all, c, control, key);
  if (csn_session_get(all, key, &s, &err) != 0) return 0; /* without a key: a call's own */
  csn_session_ask(all, s, c->id, control, &hello, &look, &ready);
  csn_session_put(all, s);
  uint32_t running = 0;
  const cJSON *job;
  cJSON_ArrayForEach(job, look.jobs)
    running += strcmp(csn_json_string(job, "status", ""), "running") == 0;
  cJSON_Delete(look.jobs);
  return ready && hello.busy_others > running;
}

static int has_calls_elsewhere(struct csn_sessions *all, const struct csn_control *control,
                               int *calls, struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_session_containers(all, control, &list, err);
  *calls = 0;
  for (size_t i = 0; rc == 0 && !*calls && i < list.count; i++) {
    const struct csn_container *c = &list.items[i];
    if (c->state == CSN_CONTAINER_RUNNING && !csn_session_is_nobodys(all, c))
      *calls = has_calls(all, c, control);
  }
  return rc;
}

/* Until no call is in flight in what would be removed, or the grace is over. */
static int await_calls(struct csn_sessions *all, enum csn_shutdown_scope scope, int64_t end,
                       const struct csn_control *control, struct csn_error *err) {
  while (csn_clock_now() < end) {
    int calls = 0;
    int rc = has_calls_here(all, scope, &calls, err);
    if (rc == 0 && !calls && scope == CSN_SHUTDOWN_INSTANCE)
      rc = has_calls_elsewhere(all, control, &calls, err);
    if (rc || !calls) return rc;
    int64_t next = csn_clock_after(LOOK_EVERY);
    rc = csn_control_poll(control, NULL, 0, next < end ? next : end, err);
    if (rc < 0) return rc;
  }
  return 0;
}

int csn_session_op_shutdown(struct csn_sessions *all, enum csn_shutdown_scope scope,
                            uint64_t grace_ms, const struct csn_control *control, cJSON **out,
                            struct csn_error *err) {
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *keys = csn_json_add_array(answer, "removed");
  if (!keys) return csn_fail_nomem(err);
  int rc = await_calls(all, scope, csn_clock_after((int64_t)grace_ms * CSN_MS), control, err);
  if (rc) return rc;
  rc = scope == CSN_SHUTDOWN_MINE ? shutdown_mine(all, control, keys, err)
                                  : shutdown_instance(all, control, keys, err);
  if (rc) return rc;
  *out = CSN_STEAL(answer);
  return 0;
}
