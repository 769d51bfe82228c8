/* SPDX-License-Identifier: Apache-2.0 */
/* Each worker sleeps on a condition of its own, and the one that became idle last is taken first: a
 * job wakes exactly one thread, and those that are not needed grow old and end. */
#include "entry/workers.h"

#include <pthread.h>
#include <time.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/thread.h"

#define IDLE_FOR (10 * CSN_SECOND)

struct csn_worker {
  struct csn_workers *all;
  struct csn_worker *next; /* among the idle, or those that have ended */
  pthread_t thread;
  pthread_cond_t called;
  void (*job)(void *arg);
  void *arg;
  int is_idle; /* neither reserved nor at work */
};

struct csn_workers {
  pthread_mutex_t mutex;
  pthread_cond_t left; /* a worker has */
  struct csn_worker *idle;
  struct csn_worker *ended; /* to be joined */
  unsigned count;           /* all but those that have ended */
  int ending;
};

/* ---- a worker's life ------------------------------------------------------------------------- */

static void become_idle(struct csn_worker *w) {
  w->is_idle = 1;
  w->next = w->all->idle;
  w->all->idle = w;
}

static void stop_being_idle(struct csn_worker *w) {
  struct csn_worker **at = &w->all->idle;
  while (*at != w) at = &(*at)->next;
  *at = w->next;
  w->is_idle = 0;
}

/* False once nobody has needed it for so long, or nobody will. One that is reserved waits on. */
static int await_job(struct csn_worker *w) {
  struct csn_workers *all = w->all;
  int64_t end = csn_clock_after(IDLE_FOR);
  struct timespec t = {.tv_sec = end / CSN_SECOND, .tv_nsec = end % CSN_SECOND};
  while (!w->job) {
    if (w->is_idle && (all->ending || csn_clock_now() >= end)) {
      stop_being_idle(w);
      return 0;
    }
    if (w->is_idle)
      pthread_cond_timedwait(&w->called, &all->mutex, &t);
    else
      pthread_cond_wait(&w->called, &all->mutex);
  }
  return 1;
}

/* A thread cannot join itself: it joins those before it, and the next one, or the end, joins it. */
static void join(struct csn_worker *w) {
  while (w) {
    struct csn_worker *next = w->next;
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->called);
    csn_free(w);
    w = next;
  }
}

static void *work(void *arg) {
  struct csn_worker *w = arg;
  struct csn_workers *all = w->all;
  pthread_mutex_lock(&all->mutex);
  while (await_job(w)) {
    void (*job)(void *) = w->job;
    w->job = NULL;
    pthread_mutex_unlock(&all->mutex);
    job(w->arg);
    pthread_mutex_lock(&all->mutex);
    become_idle(w);
  }
  struct csn_worker *before = all->ended;
  w->next = NULL;
  all->ended = w;
  pthread_mutex_unlock(&all->mutex);
  join(before);
  pthread_mutex_lock(&all->mutex);
  all->count--;
  pthread_cond_signal(&all->left);
  pthread_mutex_unlock(&all->mutex);
  return NULL;
}

/* ---- from outside ---------------------------------------------------------------------------- */

static int make(struct csn_workers *all, struct csn_worker **out, struct csn_error *err) {
  struct csn_worker *w = csn_calloc(1, sizeof *w);
  if (!w) return csn_fail_nomem(err);
  w->all = all;
  csn_thread_init_condition(&w->called);
  int failed = csn_thread_start(&w->thread, work, w);
  *out = w;
  if (!failed) return 0;
  pthread_cond_destroy(&w->called);
  csn_free(w);
  csn_fail_errno(err, CAISSON_E_LIMIT, CAISSON_REASON_HOST_LIMIT, failed,
                 "no thread is to be had for the call; start fewer at once, or raise the host's "
                 "limit (ulimit -u, pids.max of its cgroup, memory)");
  if (err) err->flags |= CAISSON_ERROR_RETRYABLE;
  return CAISSON_E_LIMIT;
}

static int refuse(struct csn_error *err) {
  csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_HOST_LIMIT,
           "%d calls that were started run already; wait for one's end and start this one again",
           CSN_WORKERS_MAX);
  if (err) err->flags |= CAISSON_ERROR_RETRYABLE;
  return CAISSON_E_LIMIT;
}

int csn_workers_reserve(struct csn_workers *all, struct csn_worker **out, struct csn_error *err) {
  pthread_mutex_lock(&all->mutex);
  struct csn_worker *idle = all->idle;
  int is_full = !idle && all->count >= CSN_WORKERS_MAX;
  if (idle) stop_being_idle(idle);
  if (!idle && !is_full) all->count++;
  pthread_mutex_unlock(&all->mutex);
  *out = idle;
  if (idle) return 0;
  if (is_full) return refuse(err);
  int rc = make(all, out, err);
  if (rc == 0) return 0;
  pthread_mutex_lock(&all->mutex);
  all->count--;
  pthread_cond_signal(&all->left);
  pthread_mutex_unlock(&all->mutex);
  return rc;
}

void csn_worker_run(struct csn_worker *worker, void (*job)(void *arg), void *arg) {
  struct csn_workers *all = worker->all;
  pthread_mutex_lock(&all->mutex);
  worker->arg = arg;
  worker->job = job;
  pthread_cond_signal(&worker->called);
  pthread_mutex_unlock(&all->mutex);
}

int csn_workers_new(struct csn_workers **out, struct csn_error *err) {
  struct csn_workers *all = csn_calloc(1, sizeof *all);
  *out = all;
  if (!all) return csn_fail_nomem(err);
  pthread_mutex_init(&all->mutex, NULL);
  pthread_cond_init(&all->left, NULL);
  return 0;
}

void csn_workers_free(struct csn_workers *all) {
  if (!all) return;
  pthread_mutex_lock(&all->mutex);
  all->ending = 1;
  for (struct csn_worker *w = all->idle; w; w = w->next) pthread_cond_signal(&w->called);
  while (all->count > 0) pthread_cond_wait(&all->left, &all->mutex);
  struct csn_worker *ended = all->ended;
  pthread_mutex_unlock(&all->mutex);
  join(ended);
  pthread_cond_destroy(&all->left);
  pthread_mutex_destroy(&all->mutex);
  csn_free(all);
}
