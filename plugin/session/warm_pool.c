/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool: sandboxes that were started ahead, each with its first channel held here.
 * Process 1 of one that is nobody's yet ends with that channel, so it can only ever be handed
 * out by the process that started it, and is gone when that process is. */
#include <stdio.h>
#include <string.h>

#include "session/attest_run.h"
#include "session/ports.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/random.h"

#define FIRST_BACKOFF_NS CSN_SECOND
#define LAST_BACKOFF_NS (60 * CSN_SECOND)
/* Sandboxes that calls wait for come first. */
#define AFTER_STARTS_NS (50 * CSN_MS)
/* A spare one hears of us so often within its idle_ttl; by that it knows that the engine lives
 * too. */
#define SIGNS_PER_TTL 4
#define DROP_NS (5 * CSN_SECOND)

struct csn_spare {
  struct csn_spare *next;
  struct csn_session *s; /* as one of a call's own, under a name of the pool */
  struct csn_channel *channel;
  int64_t heard;
};

static void put_back(struct csn_sessions *all, struct csn_spare *spare) {
  pthread_mutex_lock(&all->mutex);
  spare->next = all->pool.spares;
  all->pool.spares = spare;
  all->pool.count++;
  pthread_mutex_unlock(&all->mutex);
}

/* The one that was started first; last in the list. */
static struct csn_spare *take_out(struct csn_sessions *all, int64_t heard_before) {
  pthread_mutex_lock(&all->mutex);
  struct csn_spare **at = &all->pool.spares, **found = NULL;
  for (; *at; at = &(*at)->next)
    if ((*at)->heard < heard_before) found = at;
  struct csn_spare *spare = found ? *found : NULL;
  if (spare) {
    *found = spare->next;
    all->pool.count--;
  }
  pthread_mutex_unlock(&all->mutex);
  return spare;
}

static void note_count(struct csn_sessions *all) {
  pthread_mutex_lock(&all->mutex);
  uint32_t count = all->pool.count;
  pthread_mutex_unlock(&all->mutex);
  csn_log(all->log, CAISSON_LOG_DEBUG, "warm pool: %u of %u ready", count,
          all->settings->pool_size);
}

static void free_spare(struct csn_sessions *all, struct csn_spare *spare) {
  csn_channel_close(spare->channel);
  csn_session_put(all, spare->s);
  csn_free(spare);
}

/* It ends by itself when its channel is closed; the engine is asked so that it is gone at once. */
static void drop(struct csn_sessions *all, struct csn_spare *spare) {
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_error err;
  control.deadline = csn_clock_after(DROP_NS);
  csn_channel_close(spare->channel);
  spare->channel = NULL;
  csn_container_remove(all->engine, spare->s->container, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES,
                       &control, &err);
  csn_session_audit(all, spare->s, "sandbox.removed", spare->s->container, NULL);
  free_spare(all, spare);
}

/* ---- taking one ------------------------------------------------------------------------------ */

struct taking {
  struct csn_sessions *all;
  struct csn_session *s;
  struct csn_spare *spare;
};

static int rename_it(void *ctx, const struct csn_control *control, struct csn_error *err) {
  struct taking *t = ctx;
  if (!t->spare)
    return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_SESSION_LOST,
                    "the one that was started ahead is gone");
  return csn_container_rename(t->all->engine, t->spare->s->container, t->s->name, control, err);
}

/* It was not told its key, so its old name makes it spare again. */
static void undo_rename(void *ctx) {
  struct taking *t = ctx;
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_error err;
  control.deadline = csn_clock_after(DROP_NS);
  const struct csn_session *s = t->spare->s;
  if (csn_container_rename(t->all->engine, s->container, s->name, &control, &err) == 0) return;
  drop(t->all, t->spare);
  t->spare = NULL;
}

/* What is known of the one becomes the other's. */
static void hand_over(struct csn_sessions *all, struct csn_session *from, struct csn_session *to) {
  cJSON_Delete(to->shape);
  cJSON_Delete(to->env);
  cJSON_Delete(to->service);
  to->shape = CSN_STEAL(from->shape);
  to->env = CSN_STEAL(from->env);
  to->service = CSN_STEAL(from->service);
  to->service_up = 0;
  atomic_store(&to->is_end_told, 0);
  to->started = from->started;
  to->older = from->older;
  to->created_here = 1;
  pthread_mutex_lock(&all->mutex);
  memcpy(to->container, from->container, sizeof to->container);
  pthread_mutex_unlock(&all->mutex);
}

/* The name is the lock: who has it has the session. Only then is it told its key, and till then it
 * ends with this process. */
static int make_ours(struct taking *t, const struct csn_control *control, struct csn_error *err) {
  const struct csn_limited one = {rename_it, undo_rename, t};
  int rc = csn_limit_make(t->all, t->s->name, &one, control, err);
  return rc ? rc : csn_channel_take(t->spare->channel, t->s->key, control, err);
}

/* Somebody else has the name; not this one, of whose renaming only the answer was lost. */
static int is_taken(struct taking *t, const struct csn_control *control) {
  struct csn_error err;
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  return csn_container_inspect(t->all->engine, t->s->name, control, &found, &err) == 0 &&
         strcmp(found.id, t->spare->s->container) != 0;
}

static struct csn_spare *take_living(struct csn_sessions *all) {
  struct csn_spare *spare;
  while ((spare = take_out(all, CSN_NEVER)) != NULL && !csn_channel_is_usable(spare->channel))
    drop(all, spare);
  return spare;
}

/* It could not be had: to whom it belongs now, and what that means for the call. */
static int after_failure(struct taking *t, int rc, const struct csn_control *control) {
  int final = csn_is_stop(rc) || rc == CAISSON_E_LIMIT || rc == CAISSON_E_NOMEM;
  if (!t->spare) return final ? rc : CSN_WARM_POOL_EMPTY;
  if (rc == CAISSON_E_LIMIT || (!csn_is_stop(rc) && is_taken(t, control))) {
    put_back(t->all, t->spare);
    return final ? rc : CSN_WARM_POOL_LOOK_AGAIN;
  }
  drop(t->all, t->spare);
  return final ? rc : CSN_WARM_POOL_EMPTY;
}

/* It has waited: who can reach the engine may have changed it. */
static int attest(struct taking *t, const struct csn_control *control, struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(t->all->engine, t->spare->s->container, control, &found, err);
  if (rc) return rc;
  return csn_session_attest(t->all, t->s, NULL, &found, t->spare->channel, control, err);
}

int csn_warm_pool_take(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                  const struct csn_control *control, struct csn_channel **out,
                  struct csn_error *err) {
  if (!all->settings->pool_size || shape->child) return CSN_WARM_POOL_EMPTY;
  struct taking t = {all, s, take_living(all)};
  if (!t.spare) return CSN_WARM_POOL_EMPTY;
  int rc = make_ours(&t, control, err);
  if (rc) return after_failure(&t, rc, control);
  rc = attest(&t, control, err);
  if (rc) {
    drop(all, t.spare);
    return csn_is_stop(rc) || rc == CAISSON_E_NOMEM || rc == CAISSON_E_POLICY ? rc
                                                                          : CSN_WARM_POOL_EMPTY;
  }
  hand_over(all, t.spare->s, s);
  *out = CSN_STEAL(t.spare->channel);
  free_spare(all, t.spare);
  note_count(all);
  csn_caretaker_call(all->caretaker, 0);
  return 0;
}

/* ---- whether there can be one ---------------------------------------------------------------- */

/* A workspace of each session's own, say, cannot be given to one that was started before it was
 * known whose it will be, and a port that only one can have must be had by who needs it. */
static int depends_on_key(const struct csn_sandbox_settings *settings) {
  const cJSON *mount;
  if (!csn_policy_workspace_is_tmpfs(settings)) return 1;
  cJSON_ArrayForEach(mount, settings->mounts)
    if (strstr(csn_json_string(mount, "source", ""), "{session}")) return 1;
  return csn_ports_are_fixed(settings->ports);
}

static int is_possible(struct csn_sessions *all) {
  struct csn_warm_pool *pool = &all->pool;
  if (pool->is_known) return !pool->is_impossible;
  pool->is_known = 1;
  pool->is_impossible = depends_on_key(all->settings);
  if (pool->is_impossible)
    csn_log(all->log, CAISSON_LOG_WARNING,
            "pool.size has no effect: by its settings, what a sandbox is made of depends on its "
            "session, so none can be started ahead");
  return !pool->is_impossible;
}

/* ---- keeping it full ------------------------------------------------------------------------- */

static int name_it(struct csn_sessions *all, struct csn_session *s, struct csn_error *err) {
  char hex[CSN_POOL_HEX + 1];
  int rc = csn_random_hex(hex, CSN_POOL_HEX / 2, err);
  if (rc == 0) csn_name_pooled(all->settings->name_template, all->instance, hex, s->name);
  return rc;
}

static int start_one(struct csn_sessions *all, struct csn_spare *spare, const cJSON *shape,
                     const struct csn_control *control, struct csn_error *err) {
  const struct csn_session_want want = {.key = ""};
  int rc = csn_session_get(all, "", &spare->s, err);
  if (rc) return rc;
  spare->s->spare = 1;
  /* Again after what it asks for only so often: the helper to be delivered, say. */
  do {
    rc = name_it(all, spare->s, err);
    if (rc == 0) rc = csn_session_start(all, spare->s, shape, &want, control, &spare->channel, err);
  } while (rc > 0);
  if (rc) csn_session_put(all, spare->s);
  return rc;
}

static int add_one(struct csn_sessions *all, const struct csn_control *control,
                   struct csn_error *err) {
  cJSON *shape CSN_CLEANUP_JSON = cJSON_CreateObject();
  struct csn_spare *spare = csn_calloc(1, sizeof *spare);
  int rc = shape && spare ? start_one(all, spare, shape, control, err) : csn_fail_nomem(err);
  if (rc) {
    if (rc == CAISSON_E_POLICY) csn_session_audit_refused(all, NULL, err);
    csn_free(spare);
    return rc;
  }
  spare->heard = csn_clock_now();
  csn_session_audit(all, spare->s, "sandbox.created", spare->s->container, NULL);
  put_back(all, spare);
  note_count(all);
  return 0;
}

/* Logged once, and tried again at growing intervals until it works. */
static void note_failure(struct csn_sessions *all, const struct csn_error *err) {
  struct csn_warm_pool *pool = &all->pool;
  if (!pool->backoff)
    csn_log(all->log, CAISSON_LOG_WARNING,
            "no sandbox can be started ahead for the pool (pool.size): %s", err->message);
  pool->backoff = pool->backoff ? 2 * pool->backoff : FIRST_BACKOFF_NS;
  if (pool->backoff > LAST_BACKOFF_NS) pool->backoff = LAST_BACKOFF_NS;
  pool->next_try = csn_clock_after(pool->backoff);
}

/* Those that ended go; the others hear that we are here. */
static void visit(struct csn_sessions *all, const struct csn_control *control, int64_t every) {
  struct csn_spare *spare;
  int64_t before = csn_clock_now() - every;
  struct csn_channel_hello hello;
  struct csn_error err;
  while ((spare = take_out(all, before)) != NULL) {
    spare->heard = csn_clock_now();
    if (csn_channel_is_usable(spare->channel) &&
        csn_channel_stat(spare->channel, control, &hello, &err) == 0)
      put_back(all, spare);
    else
      drop(all, spare);
  }
}

static int lacks(struct csn_sessions *all) {
  pthread_mutex_lock(&all->mutex);
  int lacking = all->pool.count < all->settings->pool_size;
  pthread_mutex_unlock(&all->mutex);
  return lacking;
}

static int is_starting(struct csn_sessions *all) {
  pthread_mutex_lock(&all->mutex);
  int starting = all->starting > 0;
  pthread_mutex_unlock(&all->mutex);
  return starting;
}

int64_t csn_warm_pool_tend(struct csn_sessions *all, const struct csn_control *control) {
  struct csn_warm_pool *pool = &all->pool;
  int64_t every = (int64_t)all->settings->idle_ttl_ms * CSN_MS / SIGNS_PER_TTL;
  struct csn_error err;
  if (!all->settings->pool_size || !is_possible(all)) return CSN_NEVER;
  if (every <= 0) every = 60 * CSN_SECOND;
  visit(all, control, every);
  while (lacks(all)) {
    if (csn_control_check(control, &err) != 0) return CSN_NEVER;
    if (csn_clock_now() < pool->next_try) return pool->next_try;
    if (is_starting(all)) return csn_clock_after(AFTER_STARTS_NS);
    int rc = add_one(all, control, &err);
    if (rc && csn_is_stop(rc)) return CSN_NEVER;
    if (rc)
      note_failure(all, &err);
    else
      pool->backoff = 0;
  }
  return csn_clock_after(every);
}

void csn_warm_pool_empty(struct csn_sessions *all) {
  struct csn_spare *spare;
  while ((spare = take_out(all, CSN_NEVER)) != NULL) drop(all, spare);
}
