/* SPDX-License-Identifier: Apache-2.0 */
/* How many sandboxes an instance may have, and who has to go when there are so many. The engine
 * counts for all processes: one counts before it makes a sandbox and once more when it is there,
 * and whoever then sees too many takes its own back. So there are never too many that run; two
 * that race for the last room may both step back, and try again at different times. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session/internal.h"
#include "util/alloc.h"
#include "util/random.h"

/* One that was made and not started is somebody's start under way, for so long. */
#define STARTING_S 60
#define TRIES 4
#define STEP_BACK_NS (50 * CSN_MS)
/* What was used so lately is in use: its next call may be on its way. */
#define IN_USE_MS 1000u
#define GONE_NS (20 * CSN_SECOND)
/* One that does not answer holds up nobody's start for longer; it counts as in use. */
#define LOOK_NS (3 * CSN_SECOND)

static int counts(const struct csn_sessions *all, const struct csn_container *c, int64_t now) {
  switch (c->state) {
    case CSN_CONTAINER_CREATED:
      return now - c->created < STARTING_S && !csn_session_is_nobodys(all, c);
    case CSN_CONTAINER_RUNNING:
    case CSN_CONTAINER_PAUSED:
    case CSN_CONTAINER_RESTARTING: return !csn_session_is_nobodys(all, c);
    case CSN_CONTAINER_UNKNOWN:
    case CSN_CONTAINER_REMOVING:
    case CSN_CONTAINER_EXITED:
    case CSN_CONTAINER_DEAD: break;
  }
  return 0;
}

/* All but the one of that name. */
static uint32_t count_others(const struct csn_sessions *all, const struct csn_container_list *list,
                             const char *name) {
  uint32_t n = 0;
  int64_t now = (int64_t)time(NULL);
  for (size_t i = 0; i < list->count; i++)
    n += strcmp(list->items[i].name, name) != 0 && counts(all, &list->items[i], now);
  return n;
}

static int full(const struct csn_sessions *all, const char *why, struct csn_error *err) {
  int rc = csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_SESSION_LIMIT,
                    "this installation runs its %u sandboxes (sessions.max)%s; end one "
                    "(session.remove), wait until one was idle for sandbox.idle_ttl_s, or raise "
                    "the limit",
                    all->settings->sessions_max, why);
  if (err) err->flags |= CAISSON_ERROR_RETRYABLE;
  return rc;
}

/* ---- eviction -------------------------------------------------------------------------------- */

struct candidate {
  const char *container;
  uint64_t idle_ms;
};

static int by_idle_time(const void *a, const void *b) {
  uint64_t x = ((const struct candidate *)a)->idle_ms, y = ((const struct candidate *)b)->idle_ms;
  return x < y ? 1 : x > y ? -1 : 0;
}

/* A channel to it: an idle one of its session here, or one of its own. *s is NULL then. */
static int open_channel(struct csn_sessions *all, const char *container,
                        const struct csn_control *control, struct csn_session **s,
                        struct csn_channel **ch) {
  struct csn_error err;
  *s = csn_session_in(all, container);
  *ch = *s ? csn_session_take_idle(all, *s) : NULL;
  if (*ch) return 0;
  if (*s) csn_session_put(all, *s);
  *s = NULL;
  return csn_session_reach(all, container, control, ch, &err);
}

static void close_channel(struct csn_sessions *all, struct csn_session *s, struct csn_channel *ch) {
  if (!s) {
    csn_channel_close(ch);
    return;
  }
  csn_session_give_back(all, s, ch, csn_channel_is_usable(ch));
  csn_session_put(all, s);
}

/* How long nobody has used it, as its helper says; 0 if somebody does or it cannot be asked. */
static uint64_t idle_ms(struct csn_sessions *all, const char *container,
                        const struct csn_control *control) {
  struct csn_session *s;
  struct csn_channel *ch;
  struct csn_channel_hello hello;
  struct csn_error err;
  const struct csn_control look = csn_control_within(control, LOOK_NS);
  if (open_channel(all, container, &look, &s, &ch) != 0) return 0;
  int rc = csn_channel_stat(ch, &look, &hello, &err);
  int used_here = s && csn_session_leases(all, s) > 1; /* one is this look's own */
  close_channel(all, s, ch);
  return rc || used_here || hello.busy_others > 0 ? 0 : hello.idle_ms;
}

/* 1 if it is gone. Process 1 itself decides, so whoever calls at this moment comes first or
 * last. */
static int retire(struct csn_sessions *all, const char *container,
                  const struct csn_control *control) {
  struct csn_session *s;
  struct csn_channel *ch;
  struct csn_error err;
  if (open_channel(all, container, control, &s, &ch) != 0) return 0;
  int rc = csn_channel_retire(ch, IN_USE_MS, control, &err);
  close_channel(all, s, ch);
  if (rc != 1) return 0;
  struct csn_control within = csn_control_within(control, GONE_NS);
  rc = csn_container_wait(all->engine, container, CSN_WAIT_REMOVED, &within, NULL, &err);
  return rc == 0 || csn_engine_is_missing(&err);
}

static size_t find_candidates(struct csn_sessions *all, const struct csn_container_list *list,
                              const struct csn_control *control, struct candidate *out) {
  size_t n = 0;
  for (size_t i = 0; i < list->count; i++) {
    const struct csn_container *c = &list->items[i];
    if (c->state != CSN_CONTAINER_RUNNING || csn_session_is_nobodys(all, c)) continue;
    uint64_t idle = idle_ms(all, c->id, control);
    if (idle >= IN_USE_MS) out[n++] = (struct candidate){c->id, idle};
  }
  qsort(out, n, sizeof *out, by_idle_time);
  return n;
}

static int evict(struct csn_sessions *all, const struct csn_container_list *list,
                 const struct csn_control *control, struct csn_error *err) {
  struct candidate *found CSN_CLEANUP_FREE = csn_calloc(list->count, sizeof *found);
  if (!found) return csn_fail_nomem(err);
  size_t n = find_candidates(all, list, control, found);
  for (size_t i = 0; i < n; i++) {
    int rc = csn_control_check(control, err);
    if (rc) return rc;
    if (!retire(all, found[i].container, control)) continue;
    csn_session_audit(all, NULL, "sandbox.ended", found[i].container, CAISSON_REASON_SESSION_LIMIT);
    csn_log(all->log, CAISSON_LOG_INFO,
            "ended the sandbox %.12s, idle for %llu s, to make room (sessions.when_full)",
            found[i].container, (unsigned long long)(found[i].idle_ms / 1000));
    return 0;
  }
  int rc = csn_control_check(control, err);
  return rc ? rc : full(all, ", and all of them are in use", err);
}

/* ---- making one ------------------------------------------------------------------------------ */

static int make_room(struct csn_sessions *all, const char *name, const struct csn_control *control,
                     struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_session_containers(all, control, &list, err);
  if (rc || count_others(all, &list, name) < all->settings->sessions_max) return rc;
  return all->settings->evicts ? evict(all, &list, control, err) : full(all, "", err);
}

static int is_too_many(struct csn_sessions *all, const char *name,
                       const struct csn_control *control, int *too_many, struct csn_error *err) {
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_session_containers(all, control, &list, err);
  *too_many = rc == 0 && count_others(all, &list, name) >= all->settings->sessions_max;
  return rc;
}

static int step_back(const struct csn_control *control, struct csn_error *err) {
  uint8_t spread = 0;
  int rc = csn_random_bytes(&spread, sizeof spread, err);
  return rc ? rc : csn_control_poll(control, NULL, 0,
                                    csn_clock_after(STEP_BACK_NS + spread * CSN_MS), err);
}

/* The gate is held. */
static int make(struct csn_sessions *all, const char *name, const struct csn_limited *one,
                const struct csn_control *control, struct csn_error *err) {
  for (int i = 0; i < TRIES; i++) {
    int too_many = 0;
    int rc = make_room(all, name, control, err);
    if (rc == 0) rc = one->make(one->ctx, control, err);
    if (rc) return rc;
    rc = is_too_many(all, name, control, &too_many, err);
    if (rc == 0 && !too_many) return 0;
    one->undo(one->ctx);
    if (rc == 0) rc = step_back(control, err);
    if (rc < 0) return rc;
  }
  return full(all, ", and others take each that comes free", err);
}

int csn_limit_make(struct csn_sessions *all, const char *name, const struct csn_limited *one,
                   const struct csn_control *control, struct csn_error *err) {
  if (!all->settings->sessions_max) return one->make(one->ctx, control, err);
  int rc = csn_session_lock(all, &all->gate, control, err);
  if (rc) return rc;
  rc = make(all, name, one, control, err);
  csn_session_unlock(all, &all->gate);
  return rc;
}
