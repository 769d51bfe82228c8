/* SPDX-License-Identifier: Apache-2.0 */
/* Work that several need at once: done once, seen by all, taken over where the one who does it is
 * told to stop. */
#include "session/flight.h"

#include <stdatomic.h>
#include <string.h>

#include "tap.h"
#include "util/clock.h"

#define CALLERS 6

static atomic_int begun, in_it, release, told;

static int wait_for(atomic_int *what, int least) {
  for (int i = 0; i < 6000 && atomic_load(what) < least; i++) {
    const struct csn_control control = CSN_CONTROL_NONE;
    csn_control_poll(&control, NULL, 0, csn_clock_after(10 * CSN_MS), NULL);
  }
  return atomic_load(what) >= least;
}

static int work(void *ctx, const struct csn_image_watch *watch, const struct csn_control *control,
                struct csn_error *err) {
  int rc = 0;
  atomic_fetch_add(&begun, 1);
  atomic_fetch_add(&in_it, 1);
  watch->progress(watch->progress_ctx, 500, "half");
  while (rc == 0 && !atomic_load(&release))
    rc = csn_control_poll(control, NULL, 0, csn_clock_after(5 * CSN_MS), err);
  atomic_fetch_sub(&in_it, 1);
  if (rc < 0 || !ctx) return rc;
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_IMAGE_DENIED, "%s", (const char *)ctx);
}

struct caller {
  pthread_t thread;
  const char *key;
  void *failure;
  atomic_int cancel, saw;
  int rc;
  struct csn_error err;
};

static void see(void *ctx, int permille, const char *note) {
  struct caller *c = ctx;
  if (permille == 500 && strcmp(note, "half") == 0 && atomic_fetch_add(&c->saw, 1) == 0)
    atomic_fetch_add(&told, 1);
}

static int is_cancelled(void *ctx) {
  return atomic_load(&((struct caller *)ctx)->cancel);
}

static void *call(void *ctx) {
  struct caller *c = ctx;
  const struct csn_control control = {CSN_NEVER, -1, is_cancelled, c};
  const struct csn_image_watch watch = {.progress = see, .progress_ctx = c};
  c->rc = csn_flight_join(c->key, work, c->failure, &watch, &control, &c->err);
  return NULL;
}

static void start(struct caller *callers, int n, const char *key, void *failure) {
  atomic_store(&begun, 0);
  atomic_store(&release, 0);
  atomic_store(&told, 0);
  memset(callers, 0, (size_t)n * sizeof *callers);
  for (int i = 0; i < n; i++) {
    callers[i].key = key;
    callers[i].failure = failure;
    pthread_create(&callers[i].thread, NULL, call, &callers[i]);
    if (i == 0) wait_for(&begun, 1); /* so that the first one does it */
  }
}

static void join(struct caller *callers, int n) {
  for (int i = 0; i < n; i++) pthread_join(callers[i].thread, NULL);
}

static void test_once(void) {
  struct caller callers[CALLERS];
  start(callers, CALLERS, "a", NULL);
  ok(wait_for(&told, CALLERS), "all see how far it is");
  atomic_store(&release, 1);
  join(callers, CALLERS);
  is_int(atomic_load(&begun), 1, "and it is done once");
  int good = 1;
  for (int i = 0; i < CALLERS; i++) good &= callers[i].rc == 0;
  ok(good, "for all of them");
}

static void test_failure(void) {
  struct caller callers[3];
  start(callers, 3, "b", (char[]){"the words"});
  wait_for(&told, 3);
  atomic_store(&release, 1);
  join(callers, 3);
  is_int(atomic_load(&begun), 1, "a failure is not tried again by those who waited");
  for (int i = 0; i < 3; i++) {
    is_int(callers[i].rc, CAISSON_E_ENGINE, "each fails");
    is_str(callers[i].err.message, "the words", "with the same words");
  }
}

static void test_taken_over(void) {
  struct caller callers[3];
  start(callers, 3, "c", NULL);
  wait_for(&told, 3);
  atomic_store(&callers[0].cancel, 1);
  pthread_join(callers[0].thread, NULL);
  is_int(callers[0].rc, CAISSON_E_CANCELLED, "the one who does it is cancelled");
  ok(wait_for(&begun, 2), "another takes over");
  is_int(atomic_load(&in_it), 1, "one other");
  atomic_store(&release, 1);
  join(callers + 1, 2);
  is_int(callers[1].rc | callers[2].rc, 0, "and both get what they want");
}

static void test_waiter(void) {
  struct caller callers[2];
  start(callers, 2, "d", NULL);
  wait_for(&told, 2);
  atomic_store(&callers[1].cancel, 1);
  pthread_join(callers[1].thread, NULL);
  is_int(callers[1].rc, CAISSON_E_CANCELLED, "one who waits can be cancelled");
  is_int(atomic_load(&in_it), 1, "and the work goes on");
  atomic_store(&release, 1);
  pthread_join(callers[0].thread, NULL);
  is_int(callers[0].rc, 0, "to its end");
}

static void test_keys(void) {
  struct caller one, two;
  start(&one, 1, "e", NULL);
  two = (struct caller){.key = "f"};
  pthread_create(&two.thread, NULL, call, &two);
  ok(wait_for(&in_it, 2), "other work does not wait");
  atomic_store(&release, 1);
  join(&one, 1);
  join(&two, 1);
}

int main(void) {
  test_once();
  test_failure();
  test_taken_over();
  test_waiter();
  test_keys();
  return done_testing();
}
