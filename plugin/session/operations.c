/* SPDX-License-Identifier: Apache-2.0 */
/* What a host can ask about its sessions and do with them. Each answer is a document that programs
 * read; the words for people are made above. */
#include <string.h>

#include "session/internal.h"
#include "session/service.h"
#include "util/alloc.h"
#include "util/buffer.h"
#include "util/json.h"

static int need_key(const char *key, struct csn_error *err) {
  if (*key) return 0;
  return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                  "this operation is about one session: give its key in the request's `session`");
}

static int used_here(struct csn_sessions *all, const char *key, const char *container) {
  struct csn_session *s = csn_session_find(all, key);
  if (!s) return 0;
  int used = csn_session_holds(all, s, container);
  csn_session_put(all, s);
  return used;
}

/* The members that list and inspect have in common. */
static int describe(struct csn_sessions *all, const struct csn_container *c, cJSON *out) {
  static const struct { const char *member, *label; } labels[] = {
      {"key", CSN_LABEL_SESSION}, {"created", CSN_LABEL_CREATED}, {"version", CSN_LABEL_VERSION}};
  int bad = 0;
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
    const char *value = csn_container_label(c, labels[i].label);
    bad |= csn_json_add_string(out, labels[i].member, value ? value : "");
  }
  const char *key = csn_container_label(c, CSN_LABEL_SESSION);
  bad |= csn_json_add_string(out, "name", c->name ? c->name : "");
  bad |= csn_json_add_string(out, "container_id", c->id);
  bad |= csn_json_add_string(out, "state", csn_container_state_text(c->state));
  bad |= csn_json_add_string(out, "image", c->image ? c->image : "");
  bad |= csn_json_add_bool(out, "used_here", key && *key && used_here(all, key, c->id));
  return bad;
}

static int list_containers(struct csn_sessions *all, const struct csn_control *control,
                           struct csn_container_list *list, struct csn_error *err) {
  char *label CSN_CLEANUP_FREE = csn_asprintf(CSN_LABEL_INSTANCE "=%s", all->instance);
  if (!label) return csn_fail_nomem(err);
  const char *const labels[] = {label};
  return csn_container_list(all->engine, labels, 1, control, list, err);
}

/* ---- session.list ----------------------------------------------------------------------------- */

int csn_session_op_list(struct csn_sessions *all, const struct csn_control *control, cJSON **out,
                        struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = list_containers(all, control, &list, err);
  if (rc) return rc;
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *sessions = csn_json_add_array(answer, "sessions");
  int bad = sessions == NULL;
  for (size_t i = 0; i < list.count && !bad; i++) {
    cJSON *row = cJSON_CreateObject();
    bad |= csn_json_append(sessions, row);
    if (!bad) bad |= describe(all, &list.items[i], row);
  }
  if (bad) return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}

/* ---- session.inspect -------------------------------------------------------------------------- */

#define JOBS_MS 5000u
#define JOBS_MAX ((size_t)1 << 20) /* bytes */

static int take_jobs(void *ctx, int stream, const void *bytes, size_t n) {
  return stream == CAISSON_STREAM_STDERR && csn_buffer_add(ctx, bytes, n) != 0;
}

/* The background jobs, as the helper lists them: an array, or NULL. That is no sign of life. */
static cJSON *ask_jobs(struct csn_channel *ch, const struct csn_control *control) {
  CSN_CLEANUP_BUFFER struct csn_buffer report = CSN_BUFFER(JOBS_MAX);
  cJSON *tree CSN_CLEANUP_JSON = NULL;
  const struct csn_run run = {.operation = "job_list",
                              .cwd = "/",
                              .timeout_ms = JOBS_MS,
                              .output = take_jobs,
                              .output_ctx = &report};
  struct csn_run_result ended;
  struct csn_error err;
  if (csn_channel_run(ch, &run, control, &ended, &err) != 0 ||
      ended.outcome != CAISSON_OUTCOME_EXITED || ended.exit_code != 0 ||
      csn_json_parse(csn_buffer_text(&report), report.size, JOBS_MAX, "jobs", CAISSON_E_LOST,
                     CAISSON_REASON_HELPER_PROTOCOL, &tree, &err) != 0)
    return NULL;
  cJSON *jobs = cJSON_DetachItemFromObjectCaseSensitive(tree, "jobs");
  if (cJSON_IsArray(jobs)) return jobs;
  cJSON_Delete(jobs);
  return NULL;
}

static int open_channel(struct csn_sessions *all, const char *container,
                        const struct csn_control *control, struct csn_channel **ch,
                        struct csn_error *err) {
  return csn_channel_open_exec(all->engine, container, csn_delivery_path(&all->delivery),
                               all->keeper, control, ch, err);
}

/* What the sandbox runs by itself (NULL: nothing), and how that stands. */
struct service_look {
  const cJSON *service;
  cJSON *found;
};

/* What the helper says; a channel is opened for it if none is idle. 0 also if it cannot be asked.
 * The jobs, where `jobs` is not NULL, and what is found of the service are the caller's. */
static int ask_helper(struct csn_sessions *all, struct csn_session *s, const char *container,
                      const struct csn_control *control, struct csn_channel_hello *hello,
                      cJSON **jobs, struct service_look *look, int *ready) {
  struct csn_error err;
  struct csn_channel *ch = csn_session_take_idle(all, s);
  if (!ch) {
    int rc = open_channel(all, container, control, &ch, &err);
    if (rc && csn_delivery_learns(&all->delivery, &err))
      rc = open_channel(all, container, control, &ch, &err);
    if (rc) return 0;
    csn_session_add_lease(all, s);
  }
  *ready = csn_channel_stat(ch, control, hello, &err) == 0;
  if (*ready && jobs) *jobs = ask_jobs(ch, control);
  if (*ready && look && look->service) look->found = csn_service_status(ch, look->service, control);
  /* Kept only if the session already knows this container: looking is not adopting. */
  int keep = *ready && csn_session_holds(all, s, container);
  csn_session_give_back(all, s, ch, keep);
  return 0;
}

static int add_helper(cJSON *answer, const struct csn_channel_hello *h) {
  return csn_json_add_uint(answer, "uid", h->uid) | csn_json_add_uint(answer, "gid", h->gid) |
         csn_json_add_uint(answer, "age_ms", h->age_ms) |
         csn_json_add_uint(answer, "idle_ms", h->idle_ms) |
         csn_json_add_uint(answer, "channels", h->channels_others + 1) |
         csn_json_add_uint(answer, "busy", h->busy_others);
}

static int inspect_found(struct csn_sessions *all, struct csn_session *s,
                         const struct csn_container *found, const struct csn_control *control,
                         cJSON *answer) {
  struct csn_channel_hello hello;
  cJSON *jobs = NULL, *service CSN_CLEANUP_JSON = NULL;
  int ready = 0;
  if (csn_policy_service_of(csn_container_label(found, CSN_LABEL_SPEC), &service)) return 1;
  struct service_look look = {.service = service};
  if (found->state == CSN_CONTAINER_RUNNING)
    ask_helper(all, s, found->id, control, &hello, &jobs, &look, &ready);
  int bad = csn_json_add_bool(answer, "found", 1) | csn_json_add_bool(answer, "ready", ready) |
            describe(all, found, answer) |
            csn_json_add_string(answer, "started_at", found->started_at ? found->started_at : "") |
            csn_json_add_uint(answer, "calls", csn_session_leases(all, s));
  if (ready) bad |= add_helper(answer, &hello);
  if (jobs) bad |= csn_json_add(answer, "jobs", jobs);
  if (look.found) bad |= csn_json_add(answer, "service", look.found);
  return bad;
}

static int inspect_session(struct csn_sessions *all, struct csn_session *s,
                           const struct csn_control *control, cJSON **out, struct csn_error *err) {
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(all->engine, s->name, control, &found, err);
  int bad = 0;
  if (rc && csn_engine_is_missing(err)) {
    bad = csn_json_add_bool(answer, "found", 0) | csn_json_add_bool(answer, "ready", 0) |
          csn_json_add_string(answer, "key", s->key) | csn_json_add_string(answer, "name", s->name);
  } else {
    if (rc == 0) rc = csn_session_check_owner(all, s, &found, err);
    if (rc) return rc;
    bad = inspect_found(all, s, &found, control, answer);
  }
  if (bad) return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}

int csn_session_op_inspect(struct csn_sessions *all, const char *key,
                           const struct csn_control *control, cJSON **out, struct csn_error *err) {
  struct csn_session *s;
  int rc = need_key(key, err);
  if (rc == 0) rc = csn_session_get(all, key, &s, err);
  if (rc) return rc;
  rc = inspect_session(all, s, control, out, err);
  csn_session_put(all, s);
  return rc;
}

/* ---- session.ensure --------------------------------------------------------------------------- */

int csn_session_op_ensure(struct csn_sessions *all, const struct csn_session_want *want,
                          const struct csn_control *control, cJSON **out, struct csn_error *err) {
  struct csn_lease lease;
  struct csn_session_want whole = *want;
  whole.service = CSN_SERVICE_AGAIN;
  int rc = need_key(want->key, err);
  if (rc == 0) rc = csn_session_acquire(all, &whole, control, &lease, err);
  if (rc) return rc;
  cJSON *service = lease.service ? csn_service_status(lease.channel, lease.service, control) : NULL;
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  int bad = csn_json_add_string(answer, "key", want->key) |
            csn_json_add_string(answer, "name", lease.session->name) |
            csn_json_add_string(answer, "container_id", lease.container) |
            csn_json_add_bool(answer, "created", (lease.flags & CAISSON_RESULT_CREATED) != 0) |
            csn_json_add_bool(answer, "recreated", (lease.flags & CAISSON_RESULT_RECREATED) != 0) |
            csn_json_add_bool(answer, "older_settings",
                              (lease.flags & CAISSON_RESULT_OLDER_SETTINGS) != 0);
  if (service) bad |= csn_json_add(answer, "service", service);
  csn_session_release(all, &lease, NULL);
  if (bad) return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}

/* ---- session.remove, session.shutdown --------------------------------------------------------- */

/* Removes the session's container if there is one that is its own, and forgets its options: the next
 * one of that key is another session. Its lock is held. */
static int remove_locked(struct csn_sessions *all, struct csn_session *s,
                         const struct csn_control *control, int *removed, struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(all->engine, s->name, control, &found, err);
  int missing = rc && csn_engine_is_missing(err);
  if (rc == 0) rc = csn_session_check_owner(all, s, &found, err);
  if (rc == 0 && !s->shape)
    s->shape = csn_policy_options_of(csn_container_label(&found, CSN_LABEL_SPEC));
  if (rc == 0) rc = csn_session_remove(all, s, found.id, control, err);
  *removed = rc == 0;
  if (rc && !missing) return rc;
  csn_session_forget(all, s);
  rc = csn_session_discard(all, s, s->shape, control, err);
  cJSON_Delete(s->shape);
  s->shape = NULL;
  return rc;
}

static int remove_session(struct csn_sessions *all, struct csn_session *s,
                          const struct csn_control *control, int *removed, struct csn_error *err) {
  int rc = csn_session_lock(all, s, control, err);
  if (rc) return rc;
  rc = remove_locked(all, s, control, removed, err);
  csn_session_unlock(all, s);
  return rc;
}

int csn_session_op_remove(struct csn_sessions *all, const char *key,
                          const struct csn_control *control, cJSON **out, struct csn_error *err) {
  struct csn_session *s;
  int removed = 0;
  int rc = need_key(key, err);
  if (rc == 0) rc = csn_session_get(all, key, &s, err);
  if (rc) return rc;
  rc = remove_session(all, s, control, &removed, err);
  csn_session_put(all, s);
  if (rc) return rc;
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  if (csn_json_add_string(answer, "key", key) | csn_json_add_bool(answer, "removed", removed))
    return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}

/* Was it made here, and does nobody else use it? Its lock is held. */
static int is_mine_alone(struct csn_sessions *all, struct csn_session *s,
                         const struct csn_control *control) {
  if (!s->created_here || !s->container[0] || csn_session_leases(all, s) > 0) return 0;
  struct csn_channel_hello hello;
  int ready = 0;
  ask_helper(all, s, s->container, control, &hello, NULL, NULL, &ready);
  return ready && hello.channels_others + 1 <= csn_session_count_idle(all, s);
}

static int shutdown_one(struct csn_sessions *all, struct csn_session *s,
                        const struct csn_control *control, int *removed, struct csn_error *err) {
  int rc = csn_session_lock(all, s, control, err);
  if (rc) return rc;
  if (is_mine_alone(all, s, control)) rc = remove_locked(all, s, control, removed, err);
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

static int remove_found(struct csn_sessions *all, const struct csn_container *found,
                        const struct csn_control *control, int *removed, struct csn_error *err) {
  const char *key = csn_container_label(found, CSN_LABEL_SESSION);
  struct csn_session *s;
  if (key && *key) {
    int rc = csn_session_get(all, key, &s, err);
    if (rc) return rc;
    rc = remove_session(all, s, control, removed, err);
    csn_session_put(all, s);
    if (rc || *removed) return rc;
  }
  /* It has no key, or lost its name when an engine failed to remove it. */
  int rc = csn_container_remove(all->engine, found->id, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES,
                                control, err);
  *removed = rc == 0;
  return rc;
}

static int shutdown_instance(struct csn_sessions *all, const struct csn_control *control,
                             cJSON *keys, struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = list_containers(all, control, &list, err);
  for (size_t i = 0; rc == 0 && i < list.count; i++) {
    int removed = 0;
    rc = remove_found(all, &list.items[i], control, &removed, err);
    const char *key = csn_container_label(&list.items[i], CSN_LABEL_SESSION);
    if (removed && csn_json_append_string(keys, key ? key : "")) rc = csn_fail_nomem(err);
  }
  return rc;
}

int csn_session_op_shutdown(struct csn_sessions *all, enum csn_shutdown_scope scope,
                            const struct csn_control *control, cJSON **out, struct csn_error *err) {
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *keys = csn_json_add_array(answer, "removed");
  if (!keys) return csn_fail_nomem(err);
  int rc = scope == CSN_SHUTDOWN_MINE ? shutdown_mine(all, control, keys, err)
                                      : shutdown_instance(all, control, keys, err);
  if (rc) return rc;
  *out = CSN_STEAL(answer);
  return 0;
}
