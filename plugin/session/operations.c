/* SPDX-License-Identifier: Apache-2.0 */
/* What a host can ask about its sessions and do with them. Each answer is a document that programs
 * read; the words for people are made above. */
#include <string.h>

#include "engine/stats.h"
#include "session/attest_run.h"
#include "session/network.h"
#include "session/ports.h"
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
static int describe(struct csn_sessions *all, const struct csn_container *c, const char *key,
                    cJSON *out) {
  static const struct { const char *member, *label; } labels[] = {
      {"created", CSN_LABEL_CREATED}, {"version", CSN_LABEL_VERSION}};
  int bad = csn_json_add_string(out, "key", key);
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
    const char *value = csn_container_label(c, labels[i].label);
    bad |= csn_json_add_string(out, labels[i].member, value ? value : "");
  }
  bad |= csn_json_add_string(out, "name", c->name ? c->name : "");
  bad |= csn_json_add_string(out, "container_id", c->id);
  bad |= csn_json_add_string(out, "state", csn_container_state_text(c->state));
  bad |= csn_json_add_string(out, "image", c->image ? c->image : "");
  bad |= csn_json_add_bool(out, "used_here", *key && used_here(all, key, c->id));
  bad |= csn_json_add(out, "ports", csn_ports_mapped(c->raw, all->settings->ports_host));
  return bad;
}

int csn_session_containers(struct csn_sessions *all, const struct csn_control *control,
                           struct csn_container_list *list, struct csn_error *err) {
  char *label CSN_CLEANUP_FREE = csn_asprintf(CSN_LABEL_INSTANCE "=%s", all->instance);
  if (!label) return csn_fail_nomem(err);
  const char *const labels[] = {label};
  return csn_container_list(all->engine, labels, 1, control, list, err);
}

/* ---- what only the helper and the engine know ------------------------------------------------ */

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

/* Taken anew; NULL where it cannot be told. */
static cJSON *attestation_of(struct csn_sessions *all, const struct csn_session *s,
                             const struct csn_container *found, struct csn_channel *ch,
                             const struct csn_control *control) {
  struct csn_attestation a CSN_CLEANUP_ATTESTATION = {0};
  struct csn_error err;
  return csn_session_look_at(all, s, NULL, found, ch, control, &a, &err) ? NULL
                                                                         : csn_attest_list(&a);
}

void csn_session_ask(struct csn_sessions *all, struct csn_session *s, const char *container,
                     const struct csn_control *control, struct csn_channel_hello *hello,
                     struct csn_session_look *look, int *ready) {
  struct csn_error err;
  *ready = 0;
  struct csn_channel *ch = csn_session_take_idle(all, s);
  if (!ch) {
    if (csn_session_reach(all, container, control, &ch, &err) != 0) return;
    csn_session_add_lease(all, s);
  }
  *ready = csn_channel_stat(ch, control, hello, &err) == 0;
  if (*ready && look && look->wants_jobs) look->jobs = ask_jobs(ch, control);
  if (*ready && look && look->attests)
    look->attestation = attestation_of(all, s, look->attests, ch, control);
  if (*ready && look && look->service)
    look->service_found = csn_service_status(ch, look->service, control);
  /* Kept only if the session already knows this container: looking is not adopting. */
  int keep = *ready && csn_session_holds(all, s, container);
  csn_session_give_back(all, s, ch, keep);
}

static int add_helper(cJSON *answer, const struct csn_channel_hello *h) {
  return csn_json_add_uint(answer, "uid", h->uid) | csn_json_add_uint(answer, "gid", h->gid) |
         csn_json_add_uint(answer, "age_ms", h->age_ms) |
         csn_json_add_uint(answer, "idle_ms", h->idle_ms) |
         csn_json_add_uint(answer, "channels", h->channels_others + 1) |
         csn_json_add_uint(answer, "busy", h->busy_others);
}

/* What the engine counts; nothing where it cannot say. */
static int add_stats(struct csn_sessions *all, const char *container,
                     const struct csn_control *control, cJSON *answer) {
  struct csn_stats stats;
  struct csn_error err;
  if (csn_stats_get(all->engine, container, control, &stats, &err) != 0) return 0;
  return csn_json_add_uint(answer, "memory_bytes", stats.memory) |
         csn_json_add_uint(answer, "memory_limit_bytes", stats.memory_limit) |
         csn_json_add_uint(answer, "cpu_ms", stats.cpu_ms) |
         csn_json_add_uint(answer, "processes", stats.processes);
}

/* What costs a question to the engine, and one to the helper. It keeps no sandbox alive. */
static int add_details(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_container *found, const struct csn_control *control,
                       struct csn_session_look *look, cJSON *answer) {
  struct csn_channel_hello hello;
  int ready = 0, bad = 0;
  if (found->state == CSN_CONTAINER_RUNNING)
    csn_session_ask(all, s, found->id, control, &hello, look, &ready);
  bad |= csn_json_add_bool(answer, "ready", ready);
  if (ready) bad |= add_helper(answer, &hello);
  if (found->state == CSN_CONTAINER_RUNNING) bad |= add_stats(all, found->id, control, answer);
  return bad;
}

/* ---- session.list ---------------------------------------------------------------------------- */

static int add_row(struct csn_sessions *all, const struct csn_container *c, int stats,
                   const struct csn_control *control, cJSON *row) {
  char key[CSN_KEY_MAX + 1];
  struct csn_session *s;
  struct csn_error err;
  csn_session_key_of(all, c, control, key);
  int bad = describe(all, c, key, row);
  if (!stats || bad) return bad;
  /* One without a key is a call's own: it has no session here that could be asked. */
  if (!*key) return add_stats(all, c->id, control, row);
  if (csn_session_get(all, key, &s, &err) != 0) return 1;
  bad = add_details(all, s, c, control, NULL, row);
  csn_session_put(all, s);
  return bad;
}

int csn_session_op_list(struct csn_sessions *all, int stats, const struct csn_control *control,
                        cJSON **out, struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_session_containers(all, control, &list, err);
  if (rc) return rc;
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *sessions = csn_json_add_array(answer, "sessions");
  int bad = sessions == NULL;
  for (size_t i = 0; i < list.count && !bad && rc == 0; i++) {
    if (csn_session_is_nobodys(all, &list.items[i])) continue;
    cJSON *row = cJSON_CreateObject();
    bad |= csn_json_append(sessions, row);
    if (!bad) bad |= add_row(all, &list.items[i], stats, control, row);
    rc = csn_control_check(control, err);
  }
  if (rc) return rc;
  if (bad) return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}

/* ---- session.inspect ------------------------------------------------------------------------- */

static int inspect_found(struct csn_sessions *all, struct csn_session *s,
                         const struct csn_container *found, const struct csn_control *control,
                         cJSON *answer) {
  cJSON *service CSN_CLEANUP_JSON = NULL;
  if (csn_policy_service_of(csn_container_label(found, CSN_LABEL_SPEC), &service)) return 1;
  struct csn_session_look look = {.wants_jobs = 1, .service = service, .attests = found};
  int bad = csn_json_add_bool(answer, "found", 1) |
            add_details(all, s, found, control, &look, answer) |
            describe(all, found, s->key, answer) |
            csn_json_add_string(answer, "started_at", found->started_at ? found->started_at : "") |
            csn_json_add_uint(answer, "calls", csn_session_leases(all, s));
  if (look.jobs) bad |= csn_json_add(answer, "jobs", look.jobs);
  if (look.attestation) bad |= csn_json_add(answer, "attestation", look.attestation);
  if (look.service_found) bad |= csn_json_add(answer, "service", look.service_found);
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

/* ---- session.ensure -------------------------------------------------------------------------- */

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
                              (lease.flags & CAISSON_RESULT_OLDER_SETTINGS) != 0) |
            csn_json_add(answer, "ports", csn_session_ports(all, lease.container, control));
  if (service) bad |= csn_json_add(answer, "service", service);
  csn_session_release(all, &lease, NULL);
  if (bad) return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}

/* ---- session.remove -------------------------------------------------------------------------- */

int csn_session_remove_locked(struct csn_sessions *all, struct csn_session *s,
                         const struct csn_control *control, int *removed, struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(all->engine, s->name, control, &found, err);
  int missing = rc && csn_engine_is_missing(err);
  if (rc == 0) rc = csn_session_check_owner(all, s, &found, err);
  if (rc == 0 && !s->shape) rc = csn_session_options_of(all, &found, &s->shape, err);
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
  rc = csn_session_remove_locked(all, s, control, removed, err);
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
