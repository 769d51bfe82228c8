/* SPDX-License-Identifier: Apache-2.0 */
/* See flight.h. */
#include "session/flight.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "util/alloc.h"

#define NOTE_SIZE 320

/* One that is under way, or that has ended and is still looked at. */
struct flight {
  struct flight *next;
  char *key;
  unsigned refs;
  int ended, rc;
  struct csn_error err;
  unsigned notes; /* told so far, and the last of them */
  int permille;
  char note[NOTE_SIZE];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct flight *flights; /* those under way */

/* ---- the table; the mutex is held ------------------------------------------------------------ */

static struct flight *find(const char *key) {
  struct flight *f = flights;
  while (f && strcmp(f->key, key) != 0) f = f->next;
  return f;
}

static struct flight *begin(const char *key) {
  struct flight *f = csn_calloc(1, sizeof *f);
  if (f) f->key = csn_strdup(key);
  if (!f || !f->key) {
    csn_free(f);
    return NULL;
  }
  f->refs = 1;
  f->next = flights;
  flights = f;
  return f;
}

static void put(struct flight *f) {
  if (--f->refs > 0) return;
  csn_free(f->key);
  csn_free(f);
}

static void leave_table(struct flight *f) {
  struct flight **at = &flights;
  while (*at != f) at = &(*at)->next;
  *at = f->next;
}

/* ---- the one who does it --------------------------------------------------------------------- */

struct leader {
  struct flight *flight;
  const struct csn_image_watch *watch;
};

static void tell(void *ctx, int permille, const char *note) {
  struct leader *leader = ctx;
  struct flight *f = leader->flight;
  pthread_mutex_lock(&mutex);
  f->permille = permille;
  snprintf(f->note, sizeof f->note, "%s", note);
  f->notes++;
  pthread_mutex_unlock(&mutex);
  if (leader->watch->progress) leader->watch->progress(leader->watch->progress_ctx, permille, note);
}

static int lead(struct flight *f, csn_flight_fn *work, void *ctx,
                const struct csn_image_watch *watch, const struct csn_control *control,
                struct csn_error *err) {
  struct leader leader = {f, watch};
  struct csn_image_watch all = *watch;
  all.progress = tell;
  all.progress_ctx = &leader;
  int rc = work(ctx, &all, control, err);
  pthread_mutex_lock(&mutex);
  f->ended = 1;
  f->rc = rc;
  if (rc) f->err = *err;
  leave_table(f);
  put(f);
  pthread_mutex_unlock(&mutex);
  return rc;
}

/* ---- those who wait -------------------------------------------------------------------------- */

struct follower {
  const struct csn_image_watch *watch;
  unsigned seen;
};

/* The host's hook is called without our mutex. */
static void relay(struct follower *follower, struct flight *f) {
  char note[NOTE_SIZE];
  pthread_mutex_lock(&mutex);
  int news = f->notes != follower->seen, permille = f->permille;
  follower->seen = f->notes;
  memcpy(note, f->note, sizeof note);
  pthread_mutex_unlock(&mutex);
  if (news && follower->watch->progress)
    follower->watch->progress(follower->watch->progress_ctx, permille, note);
}

static int has_ended(struct flight *f) {
  pthread_mutex_lock(&mutex);
  int ended = f->ended;
  pthread_mutex_unlock(&mutex);
  return ended;
}

/* 1 when the other has stopped, so that this one may begin. */
static int follow(struct flight *f, const struct csn_image_watch *watch,
                  const struct csn_control *control, struct csn_error *err) {
  struct follower follower = {watch, 0};
  int rc = 0;
  while (!has_ended(f) && rc >= 0) {
    relay(&follower, f);
    rc = csn_control_poll(control, NULL, 0, csn_clock_after(CSN_CONTROL_TICK), err);
  }
  pthread_mutex_lock(&mutex);
  if (rc >= 0) {
    rc = csn_is_stop(f->rc) ? 1 : f->rc;
    if (f->rc) *err = f->err;
  }
  put(f);
  pthread_mutex_unlock(&mutex);
  return rc;
}

int csn_flight_join(const char *key, csn_flight_fn *work, void *ctx,
                    const struct csn_image_watch *watch, const struct csn_control *control,
                    struct csn_error *err) {
  for (;;) {
    pthread_mutex_lock(&mutex);
    struct flight *f = find(key);
    int leads = f == NULL;
    if (leads)
      f = begin(key);
    else
      f->refs++;
    pthread_mutex_unlock(&mutex);
    if (!f) return csn_fail_nomem(err);
    int rc = leads ? lead(f, work, ctx, watch, control, err) : follow(f, watch, control, err);
    if (leads || rc <= 0) return rc;
  }
}
