/* SPDX-License-Identifier: Apache-2.0 */
/* The one thread of an instance that does what no call should wait for: looks for leftovers
 * once, closes channels that nobody needs any more, keeps the warm pool full. It starts with the
 * first session, or with the instance where there is a pool. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "session/internal.h"
#include "util/alloc.h"
#include "util/thread.h"

#define SWEEP_EVERY (30 * CSN_SECOND)

struct csn_caretaker {
  struct csn_sessions *all;
  pthread_mutex_t mutex;
  pthread_cond_t called;
  pthread_t thread;
  int running;
  int wanted; /* somebody called since it last looked */
  int reaps;  /* still to look for leftovers */
  atomic_int ending;
};

static int is_ending(void *ctx) {
  struct csn_caretaker *c = ctx;
  return atomic_load(&c->ending);
}

/* Until somebody calls, or it is time. */
static void rest(struct csn_caretaker *c, int64_t until) {
  struct timespec t = {.tv_sec = until / CSN_SECOND, .tv_nsec = until % CSN_SECOND};
  int late = 0;
  pthread_mutex_lock(&c->mutex);
  while (!late && !c->wanted && !is_ending(c))
    late = pthread_cond_timedwait(&c->called, &c->mutex, &t) != 0;
  c->wanted = 0;
  pthread_mutex_unlock(&c->mutex);
}

static int takes_reap(struct csn_caretaker *c) {
  pthread_mutex_lock(&c->mutex);
  int reaps = c->reaps == 1;
  if (reaps) c->reaps = 2;
  pthread_mutex_unlock(&c->mutex);
  return reaps;
}

static void *care(void *arg) {
  struct csn_caretaker *c = arg;
  const struct csn_control control = {CSN_NEVER, -1, is_ending, c};
  while (!is_ending(c)) {
    int64_t next = csn_clock_after(SWEEP_EVERY);
    csn_session_close_spares(c->all);
    int64_t pool = csn_warm_pool_tend(c->all, &control);
    if (takes_reap(c)) csn_reap_in_background(c->all, &control);
    rest(c, pool < next ? pool : next);
  }
  return NULL;
}

void csn_caretaker_call(struct csn_caretaker *c, int reap) {
  pthread_mutex_lock(&c->mutex);
  if (reap && !c->reaps) c->reaps = 1;
  c->wanted = 1;
  if (!c->running && !is_ending(c)) c->running = csn_thread_start(&c->thread, care, c) == 0;
  pthread_cond_signal(&c->called);
  pthread_mutex_unlock(&c->mutex);
}

int csn_caretaker_new(struct csn_sessions *all, struct csn_caretaker **out, struct csn_error *err) {
  struct csn_caretaker *c = csn_calloc(1, sizeof *c);
  if (!c) return csn_fail_nomem(err);
  c->all = all;
  pthread_mutex_init(&c->mutex, NULL);
  csn_thread_init_condition(&c->called);
  *out = c;
  return 0;
}

void csn_caretaker_stop(struct csn_caretaker *c) {
  pthread_mutex_lock(&c->mutex);
  atomic_store(&c->ending, 1);
  int running = c->running;
  c->running = 0;
  pthread_cond_signal(&c->called);
  pthread_mutex_unlock(&c->mutex);
  if (running) pthread_join(c->thread, NULL);
}

void csn_caretaker_free(struct csn_caretaker *c) {
  if (!c) return;
  csn_caretaker_stop(c);
  pthread_cond_destroy(&c->called);
  pthread_mutex_destroy(&c->mutex);
  csn_free(c);
}
