/* SPDX-License-Identifier: Apache-2.0 */
/* Channels on loan, and a command run over one. */
#include <string.h>

#include "session/internal.h"
#include "util/alloc.h"
#include "util/json.h"

/* An ephemeral sandbox is removed even if the call was cancelled. */
#define REMOVE_NS (10 * CSN_SECOND)
/* A command that was lost sooner than this, unheard of, met a sandbox that was just ending. */
#define JUST_ENDED_NS CSN_SECOND

static const char default_path[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void end_ephemeral(struct csn_sessions *all, struct csn_session *s) {
  struct csn_control control = CSN_CONTROL_NONE;
  control.deadline = csn_clock_after(REMOVE_NS);
  struct csn_error err;
  char container[CSN_CONTAINER_ID_SIZE];
  memcpy(container, s->container, sizeof container);
  int rc = *container ? csn_session_remove(all, s, container, &control, &err) : 0;
  if (rc == 0) rc = csn_session_discard_all(all, s, &control, &err);
  if (rc)
    csn_log(all->log, CAISSON_LOG_WARNING, "could not remove %s and what is its own: %s", s->name,
            err.message);
}

/* The operator's {NAME: value}, and those of a sandbox's own options over them. */
static cJSON *settings_env(const cJSON *operators, const cJSON *own) {
  cJSON *env = operators ? cJSON_Duplicate(operators, 1) : cJSON_CreateObject();
  const cJSON *m = NULL;
  while (env && (m = csn_json_next_string(own, m))) {
    cJSON_DeleteItemFromObjectCaseSensitive(env, m->string);
    if (csn_json_add_string(env, m->string, m->valuestring) == 0) continue;
    cJSON_Delete(env);
    return NULL;
  }
  return env;
}

static void free_notes(struct csn_lease *lease) {
  cJSON_Delete(lease->env);
  cJSON_Delete(lease->settings_env);
  cJSON_Delete(lease->service);
  csn_free(lease->workdir);
}

/* What the call needs to know of the container later; the session's lock is held. */
static int note_container(const struct csn_sessions *all, struct csn_lease *lease,
                          struct csn_error *err) {
  const struct csn_session *s = lease->session;
  memcpy(lease->container, s->container, sizeof lease->container);
  lease->started = s->started;
  lease->service = cJSON_Duplicate(s->service, 1);
  lease->env = cJSON_Duplicate(s->env, 1);
  const struct csn_sandbox_settings e = csn_policy_effective(all->settings, s->shape);
  lease->quota = s->ephemeral ? 0 : csn_policy_quota(&e);
  lease->workdir = csn_strdup(csn_json_string(s->shape, "workdir", all->settings->workdir));
  lease->settings_env = settings_env(all->settings->env, csn_json_get(s->shape, "env"));
  int bad = s->service && !lease->service;
  if (!bad && lease->env && lease->workdir && lease->settings_env) return 0;
  free_notes(lease);
  csn_channel_close(lease->channel);
  return csn_fail_nomem(err);
}

int csn_session_acquire(struct csn_sessions *all, const struct csn_session_want *want,
                        const struct csn_control *control, struct csn_lease *lease,
                        struct csn_error *err) {
  memset(lease, 0, sizeof *lease);
  int rc = csn_control_check(control, err);
  if (rc) return rc;
  rc = csn_session_get(all, want->key, &lease->session, err);
  if (rc) return rc;
  struct csn_session *s = lease->session;
  rc = csn_session_lock(all, s, control, err);
  if (rc == 0) {
    csn_session_add_lease(all, s);
    rc = csn_session_learn_mask(all, s, want->mask, err);
    if (rc == 0)
      rc = csn_session_ensure(all, s, want, control, &lease->channel, &lease->flags, err);
    if (rc == 0) rc = note_container(all, lease, err);
    csn_session_unlock(all, s);
    if (rc) csn_session_give_back(all, s, NULL, 0);
    if (rc && s->ephemeral) end_ephemeral(all, s);
  }
  if (rc) csn_session_put(all, s);
  return rc;
}

int csn_session_release(struct csn_sessions *all, struct csn_lease *lease,
                        struct csn_run_result *lost) {
  struct csn_session *s = lease->session;
  int gone = 0;
  if (lost && lost->outcome == CAISSON_OUTCOME_LOST)
    gone = csn_session_find_cause(all, lease->container, lease->started, lost);
  if (gone) csn_session_audit_end(all, s, lease->container, lost->reason);
  csn_session_give_back(all, s, lease->channel, csn_channel_is_usable(lease->channel));
  if (s->ephemeral) end_ephemeral(all, s);
  csn_session_put(all, s);
  free_notes(lease);
  return gone;
}

/* ---- a command ------------------------------------------------------------------------------- */

static int names_equal(const char *a, const char *b) {
  size_t n = strcspn(a, "=");
  return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* Where the entry's name is set; n: nowhere. */
static size_t find_name(const char *const *env, size_t n, const char *entry) {
  size_t i = 0;
  while (i < n && !names_equal(env[i], entry)) i++;
  return i;
}

static size_t count(const char *const *strings) {
  size_t n = 0;
  while (strings && strings[n]) n++;
  return n;
}

/* The container's own environment under what the command is given, and a PATH if neither has one.
 * An engine may list a name twice, the operator's value and then the options': the later holds. */
static const char **merge_env(const cJSON *base, const char *const *own) {
  size_t given = count(own), n = given;
  const char **env = csn_calloc(n + (size_t)cJSON_GetArraySize(base) + 2, sizeof *env);
  if (!env) return NULL;
  if (n) memcpy(env, own, n * sizeof *env);
  const cJSON *entry;
  cJSON_ArrayForEach(entry, base) {
    if (!cJSON_IsString(entry) || !strchr(entry->valuestring, '=')) continue;
    size_t at = find_name(env, n, entry->valuestring);
    if (at >= given) env[at] = entry->valuestring;
    if (at == n) n++;
  }
  if (find_name(env, n, default_path) == n) env[n] = default_path;
  return env;
}

static int run_on(struct csn_lease *lease, csn_session_prepare_fn *prepare, void *ctx,
                  const struct csn_control *control, struct csn_run_result *result,
                  struct csn_error *err) {
  const struct csn_session_view view = {
      .workdir = lease->workdir, .env = lease->settings_env, .quota = lease->quota};
  struct csn_run run = {0};
  int rc = prepare(ctx, &view, &run, err);
  if (rc) return rc;
  /* An operation that starts a program is given its environment. */
  if (run.operation && !run.programs)
    return csn_channel_run(lease->channel, &run, control, result, err);
  const char **env CSN_CLEANUP_FREE = merge_env(lease->env, run.env);
  if (!env) return csn_fail_nomem(err);
  run.env = env;
  return csn_channel_run(lease->channel, &run, control, result, err);
}

static int run_once(struct csn_sessions *all, const struct csn_session_want *want,
                    csn_session_prepare_fn *prepare, void *ctx, const struct csn_control *control,
                    struct csn_run_result *result, uint32_t *flags, int *just_ended,
                    struct csn_error *err) {
  struct csn_lease lease;
  int rc = csn_session_acquire(all, want, control, &lease, err);
  if (rc) return rc;
  *flags |= lease.flags;
  int64_t begun = csn_clock_now();
  rc = run_on(&lease, prepare, ctx, control, result, err);
  int lost = rc == 0 && result->outcome == CAISSON_OUTCOME_LOST;
  int unheard = lost && !result->touched && csn_clock_now() - begun < JUST_ENDED_NS;
  int gone = csn_session_release(all, &lease, rc == 0 ? result : NULL);
  *just_ended = unheard && gone;
  return rc;
}

int csn_session_run(struct csn_sessions *all, const struct csn_session_want *want,
                    csn_session_prepare_fn *prepare, void *ctx, const struct csn_control *control,
                    struct csn_run_result *result, uint32_t *flags, struct csn_error *err) {
  int just_ended = 0;
  *flags = 0;
  int rc = run_once(all, want, prepare, ctx, control, result, flags, &just_ended, err);
  if (rc == 0 && just_ended && *want->key) {
    rc = run_once(all, want, prepare, ctx, control, result, flags, &just_ended, err);
    if (*flags & CAISSON_RESULT_CREATED)
      *flags = (*flags & ~CAISSON_RESULT_CREATED) | CAISSON_RESULT_RECREATED;
  }
  return rc;
}
