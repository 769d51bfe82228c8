/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "session/internal.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/mask.h"
#include "util/random.h"

/* A channel beyond the first that nobody used for so long is closed. */
#define SPARE_CHANNEL_NS (30 * CSN_SECOND)
/* Waiting for a session's lock, the control is looked at so often. */
#define LOCK_TICK_NS (25 * CSN_MS)
#define SWEEP_BUCKETS 4

static unsigned bucket_of(const char *key) {
  uint32_t h = 2166136261u; /* FNV-1a */
  for (; *key; key++) h = (h ^ (unsigned char)*key) * 16777619u;
  return h % CSN_SESSION_BUCKETS;
}

static void free_session(struct csn_session *s) {
  cJSON_Delete(s->shape);
  cJSON_Delete(s->service);
  cJSON_Delete(s->env);
  csn_mask_drop(s->mask);
  csn_free(s->key);
  csn_free(s);
}

static int name_it(struct csn_sessions *all, struct csn_session *s, struct csn_error *err) {
  if (!s->ephemeral) {
    csn_name_of_key(all->settings->name_template, all->instance, s->key, s->name);
    return 0;
  }
  char hex[CSN_EPHEMERAL_HEX + 1];
  int rc = csn_random_hex(hex, CSN_EPHEMERAL_HEX / 2, err);
  if (rc == 0) csn_name_ephemeral(all->settings->name_template, all->instance, hex, s->name);
  return rc;
}

static int new_session(struct csn_sessions *all, const char *key, struct csn_session **out,
                       struct csn_error *err) {
  struct csn_session *s = csn_calloc(1, sizeof *s);
  if (!s) return csn_fail_nomem(err);
  s->refs = 1;
  s->ephemeral = *key == '\0';
  s->key = csn_strdup(key);
  int rc = s->key ? name_it(all, s, err) : csn_fail_nomem(err);
  if (rc)
    free_session(s);
  else
    *out = s;
  return rc;
}

static struct csn_session *find_locked(struct csn_sessions *all, const char *key) {
  struct csn_session *s = all->buckets[bucket_of(key)];
  while (s && strcmp(s->key, key) != 0) s = s->next;
  if (s) s->refs++;
  return s;
}

struct csn_session *csn_session_find(struct csn_sessions *all, const char *key) {
  pthread_mutex_lock(&all->mutex);
  struct csn_session *s = find_locked(all, key);
  pthread_mutex_unlock(&all->mutex);
  return s;
}

/* Takes out of one bucket the sessions that nobody uses and whose container has ended meanwhile. */
static struct csn_session *take_ended(struct csn_session **at) {
  struct csn_session *ended = NULL;
  while (*at) {
    struct csn_session *s = *at;
    if (s->refs == 1 && s->idle && !csn_channel_is_usable(s->idle->channel)) {
      *at = s->next;
      s->next = ended;
      ended = s;
    } else {
      at = &s->next;
    }
  }
  return ended;
}

/* A few buckets at a time, as new sessions come: so sandboxes that ended while idle do not hold
 * descriptors in a host that never asks for them again. The mutex is held. */
static struct csn_session *sweep(struct csn_sessions *all) {
  struct csn_session *ended = NULL;
  for (int i = 0; i < SWEEP_BUCKETS && !ended; i++)
    ended = take_ended(&all->buckets[all->next_sweep++ % CSN_SESSION_BUCKETS]);
  return ended;
}

static void close_list(struct csn_idle_channel *list) {
  while (list) {
    struct csn_idle_channel *next = list->next;
    csn_channel_close(list->channel);
    csn_free(list);
    list = next;
  }
}

static void free_ended(struct csn_session *ended) {
  while (ended) {
    struct csn_session *next = ended->next;
    close_list(ended->idle);
    free_session(ended);
    ended = next;
  }
}

int csn_session_get(struct csn_sessions *all, const char *key, struct csn_session **out,
                    struct csn_error *err) {
  if (!*key) return new_session(all, key, out, err);
  pthread_mutex_lock(&all->mutex);
  *out = find_locked(all, key);
  int rc = *out ? 0 : new_session(all, key, out, err);
  struct csn_session *ended = NULL;
  if (rc == 0 && (*out)->refs == 1) {
    ended = sweep(all);
    unsigned b = bucket_of(key);
    (*out)->refs = 2; /* the table's and the caller's */
    (*out)->next = all->buckets[b];
    all->buckets[b] = *out;
  }
  pthread_mutex_unlock(&all->mutex);
  free_ended(ended);
  return rc;
}

/* The table keeps a session only while there is something to know about it. */
static int is_worth_keeping(const struct csn_session *s) {
  return s->idle || s->container[0];
}

static void unlink_session(struct csn_sessions *all, struct csn_session *s) {
  struct csn_session **at = &all->buckets[bucket_of(s->key)];
  while (*at && *at != s) at = &(*at)->next;
  if (*at) *at = s->next;
}

void csn_session_put(struct csn_sessions *all, struct csn_session *s) {
  pthread_mutex_lock(&all->mutex);
  s->refs--;
  if (s->refs == 1 && !s->ephemeral && !is_worth_keeping(s)) {
    unlink_session(all, s);
    s->refs = 0;
  }
  int last = s->refs == 0;
  pthread_mutex_unlock(&all->mutex);
  if (last) free_session(s);
}

struct csn_session **csn_session_all(struct csn_sessions *all) {
  pthread_mutex_lock(&all->mutex);
  size_t n = 0;
  for (unsigned b = 0; b < CSN_SESSION_BUCKETS; b++)
    for (struct csn_session *s = all->buckets[b]; s; s = s->next) n++;
  struct csn_session **list = csn_calloc(n + 1, sizeof *list);
  n = 0;
  for (unsigned b = 0; list && b < CSN_SESSION_BUCKETS; b++)
    for (struct csn_session *s = all->buckets[b]; s; s = s->next) {
      s->refs++;
      list[n++] = s;
    }
  pthread_mutex_unlock(&all->mutex);
  return list;
}

/* ---- the lock of one session ----------------------------------------------------------------- */

static void wait_a_tick(struct csn_sessions *all) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += LOCK_TICK_NS;
  t.tv_sec += t.tv_nsec / CSN_SECOND;
  t.tv_nsec %= CSN_SECOND;
  pthread_cond_timedwait(&all->unlocked, &all->mutex, &t);
}

int csn_session_lock(struct csn_sessions *all, struct csn_session *s,
                     const struct csn_control *control, struct csn_error *err) {
  pthread_mutex_lock(&all->mutex);
  int rc = 0;
  while (s->locked && rc == 0) {
    wait_a_tick(all);
    if (!s->locked) break;
    /* The host's hook is asked without our mutex. */
    pthread_mutex_unlock(&all->mutex);
    rc = csn_control_check(control, err);
    pthread_mutex_lock(&all->mutex);
  }
  if (rc == 0) s->locked = 1;
  pthread_mutex_unlock(&all->mutex);
  return rc;
}

void csn_session_unlock(struct csn_sessions *all, struct csn_session *s) {
  pthread_mutex_lock(&all->mutex);
  s->locked = 0;
  pthread_cond_broadcast(&all->unlocked);
  pthread_mutex_unlock(&all->mutex);
}

/* ---- its channels ---------------------------------------------------------------------------- */

struct csn_channel *csn_session_take_idle(struct csn_sessions *all, struct csn_session *s) {
  for (;;) {
    pthread_mutex_lock(&all->mutex);
    struct csn_idle_channel *first = s->idle;
    if (first) {
      s->idle = first->next;
      s->leases++;
    }
    pthread_mutex_unlock(&all->mutex);
    if (!first) return NULL;
    struct csn_channel *ch = first->channel;
    csn_free(first);
    if (csn_channel_is_usable(ch)) return ch;
    csn_session_give_back(all, s, ch, 0);
  }
}

unsigned csn_session_count_idle(struct csn_sessions *all, struct csn_session *s) {
  unsigned n = 0;
  pthread_mutex_lock(&all->mutex);
  for (struct csn_idle_channel *i = s->idle; i; i = i->next)
    n += csn_channel_is_usable(i->channel) != 0;
  pthread_mutex_unlock(&all->mutex);
  return n;
}

struct csn_session *csn_session_in(struct csn_sessions *all, const char *container) {
  struct csn_session *s = NULL;
  pthread_mutex_lock(&all->mutex);
  for (unsigned b = 0; b < CSN_SESSION_BUCKETS && !s; b++)
    for (s = all->buckets[b]; s && strcmp(s->container, container) != 0;) s = s->next;
  if (s) s->refs++;
  pthread_mutex_unlock(&all->mutex);
  return s;
}

int csn_session_holds(struct csn_sessions *all, struct csn_session *s, const char *container) {
  pthread_mutex_lock(&all->mutex);
  int holds = strcmp(s->container, container) == 0;
  pthread_mutex_unlock(&all->mutex);
  return holds;
}

void csn_session_add_lease(struct csn_sessions *all, struct csn_session *s) {
  pthread_mutex_lock(&all->mutex);
  s->leases++;
  pthread_mutex_unlock(&all->mutex);
}

unsigned csn_session_leases(struct csn_sessions *all, struct csn_session *s) {
  pthread_mutex_lock(&all->mutex);
  unsigned n = s->leases;
  pthread_mutex_unlock(&all->mutex);
  return n;
}

/* Takes the spare channels that have been idle too long off the list; the newest is never spare. */
static struct csn_idle_channel *take_spare(struct csn_session *s, int64_t now) {
  struct csn_idle_channel **at = s->idle ? &s->idle->next : &s->idle;
  while (*at && now - (*at)->since < SPARE_CHANNEL_NS) at = &(*at)->next;
  struct csn_idle_channel *spare = *at; /* newest first, so all behind it are older */
  *at = NULL;
  return spare;
}

void csn_session_close_spares(struct csn_sessions *all) {
  int64_t now = csn_clock_now();
  for (unsigned b = 0; b < CSN_SESSION_BUCKETS; b++) {
    struct csn_idle_channel *spare = NULL;
    pthread_mutex_lock(&all->mutex);
    struct csn_session *ended = take_ended(&all->buckets[b]);
    for (struct csn_session *s = all->buckets[b]; s && !spare; s = s->next)
      spare = take_spare(s, now);
    pthread_mutex_unlock(&all->mutex);
    free_ended(ended);
    close_list(spare);
  }
}

void csn_session_give_back(struct csn_sessions *all, struct csn_session *s, struct csn_channel *ch,
                           int keep) {
  struct csn_idle_channel *entry = keep && !s->ephemeral ? csn_alloc(sizeof *entry) : NULL;
  int64_t now = csn_clock_now();
  pthread_mutex_lock(&all->mutex);
  s->leases--;
  if (entry) {
    *entry = (struct csn_idle_channel){s->idle, ch, now};
    s->idle = entry;
  }
  struct csn_idle_channel *spare = take_spare(s, now);
  pthread_mutex_unlock(&all->mutex);
  if (!entry) csn_channel_close(ch);
  close_list(spare);
}

void csn_session_forget(struct csn_sessions *all, struct csn_session *s) {
  pthread_mutex_lock(&all->mutex);
  struct csn_idle_channel *list = s->idle;
  s->idle = NULL;
  s->container[0] = '\0';
  pthread_mutex_unlock(&all->mutex);
  close_list(list);
  cJSON_Delete(s->env);
  cJSON_Delete(s->service);
  s->env = s->service = NULL;
  s->service_up = s->attested = s->older = 0;
  s->created_here = 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

int csn_sessions_new(const char *instance, const struct csn_sandbox_settings *settings,
                     struct csn_engine *engine, const struct csn_log *log,
                     struct csn_sessions **out, struct csn_error *err) {
  struct csn_sessions *all = csn_calloc(1, sizeof *all);
  if (!all) return csn_fail_nomem(err);
  all->instance = instance;
  all->settings = settings;
  all->engine = engine;
  all->log = log;
  int rc = csn_keeper_new(&all->keeper, err);
  if (rc == 0) rc = csn_caretaker_new(all, &all->caretaker, err);
  if (rc) {
    csn_keeper_free(all->keeper);
    csn_free(all);
    return rc;
  }
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&all->unlocked, &attr);
  pthread_condattr_destroy(&attr);
  pthread_mutex_init(&all->mutex, NULL);
  *out = all;
  return 0;
}

const char *csn_sessions_helper(struct csn_sessions *all, const struct csn_control *control) {
  csn_delivery_choose(&all->delivery, all->engine, control, NULL);
  return csn_delivery_path(&all->delivery);
}

void csn_sessions_warm_up(struct csn_sessions *all) {
  if (all->settings->pool_size) csn_caretaker_call(all->caretaker, 0);
}

void csn_sessions_wind_down(struct csn_sessions *all) {
  csn_caretaker_stop(all->caretaker);
  csn_warm_pool_empty(all);
}

void csn_sessions_free(struct csn_sessions *all) {
  if (!all) return;
  csn_sessions_wind_down(all);
  csn_caretaker_free(all->caretaker);
  for (unsigned b = 0; b < CSN_SESSION_BUCKETS; b++)
    while (all->buckets[b]) {
      struct csn_session *s = all->buckets[b];
      all->buckets[b] = s->next;
      close_list(s->idle);
      free_session(s);
    }
  csn_session_forget_keys(all);
  cJSON_Delete(all->host_facts);
  csn_keeper_free(all->keeper);
  csn_free(all->known_user.image_id);
  csn_free(all->known_user.user);
  csn_free(all->data_root);
  csn_dialect_free(&all->dialect);
  pthread_cond_destroy(&all->unlocked);
  pthread_mutex_destroy(&all->mutex);
  csn_free(all);
}
