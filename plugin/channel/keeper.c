/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/keeper.h"

#include <pthread.h>
#include <time.h>

#include "channel/internal.h"
#include "util/alloc.h"
#include "util/thread.h"

#define PING_EVERY ((int64_t)CSN_PING_MS * CSN_MS)
/* Ticks without any channel away after which the thread sleeps until it is called. */
#define TICKS_AWAKE 30

struct csn_keeper {
  pthread_mutex_t mutex;
  pthread_cond_t called;
  struct csn_channel *away;
  pthread_t thread;
  int running;
  int asleep; /* waits for `called` without a time */
  int ending;
};

static void ping(struct csn_channel *ch, int64_t now) {
  struct csn_wire_out out;
  ch->away_ping = now + PING_EVERY;
  if (ch->link.dead || csn_link_reserve(&ch->link, CSN_FRAME_HEAD + 8, &out, NULL) != 0) return;
  csn_wire_put_u64(&out, CSN_FRAME_PING, (uint64_t)now);
  csn_link_commit(&ch->link, &out);
  csn_link_flush(&ch->link, NULL);
}

static void wait_a_second(struct csn_keeper *k) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec++;
  pthread_cond_timedwait(&k->called, &k->mutex, &t);
}

static void *keep(void *arg) {
  struct csn_keeper *k = arg;
  int idle = 0;
  pthread_mutex_lock(&k->mutex);
  while (!k->ending) {
    if (idle < TICKS_AWAKE) {
      wait_a_second(k);
    } else {
      k->asleep = 1;
      pthread_cond_wait(&k->called, &k->mutex);
      k->asleep = 0;
      idle = 0;
    }
    idle = k->away ? 0 : idle + 1;
    int64_t now = csn_clock_now();
    for (struct csn_channel *ch = k->away; ch; ch = ch->next_away)
      if (now >= ch->away_ping) ping(ch, now);
  }
  pthread_mutex_unlock(&k->mutex);
  return NULL;
}

/* If there is no thread to be had, callbacks of more than 15 s end their call; nothing worse. */
static void start(struct csn_keeper *k) {
  k->running = csn_thread_start(&k->thread, keep, k) == 0;
}

void csn_keeper_begin(struct csn_channel *ch) {
  struct csn_keeper *k = ch->keeper;
  pthread_mutex_lock(&k->mutex);
  ch->away_ping = csn_clock_now() + PING_EVERY;
  ch->next_away = k->away;
  k->away = ch;
  if (!k->running) start(k);
  if (k->asleep) pthread_cond_signal(&k->called);
  pthread_mutex_unlock(&k->mutex);
}

void csn_keeper_end(struct csn_channel *ch) {
  struct csn_keeper *k = ch->keeper;
  pthread_mutex_lock(&k->mutex);
  struct csn_channel **at = &k->away;
  while (*at != ch) at = &(*at)->next_away;
  *at = ch->next_away;
  pthread_mutex_unlock(&k->mutex);
  /* Nothing was read meanwhile: the other end's silence is measured from now on. */
  ch->link.heard = csn_clock_now();
}

int csn_keeper_new(struct csn_keeper **out, struct csn_error *err) {
  struct csn_keeper *k = csn_calloc(1, sizeof *k);
  if (!k) return csn_fail_nomem(err);
  pthread_mutex_init(&k->mutex, NULL);
  csn_thread_init_condition(&k->called);
  *out = k;
  return 0;
}

void csn_keeper_free(struct csn_keeper *k) {
  if (!k) return;
  pthread_mutex_lock(&k->mutex);
  k->ending = 1;
  pthread_cond_signal(&k->called);
  pthread_mutex_unlock(&k->mutex);
  if (k->running) pthread_join(k->thread, NULL);
  pthread_cond_destroy(&k->called);
  pthread_mutex_destroy(&k->mutex);
  csn_free(k);
}
