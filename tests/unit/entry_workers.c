/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for started calls: one for each at once, reused, with no signal on them, all gone at the
 * end. */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "entry/workers.h"
#include "support/process.h"
#include "support/refuse.h"
#include "tap.h"
#include "util/wake.h"

static atomic_int ran, signals_free;
static struct csn_wake gate = CSN_WAKE_NONE; /* set: those that stay go on */

static struct csn_workers *make(void) {
  struct csn_workers *all = NULL;
  if (csn_workers_new(&all, NULL)) BAIL_OUT("out of memory");
  return all;
}

static void wait_for(atomic_int *what, int value) {
  for (int i = 0; i < 60000 && atomic_load(what) < value; i++) poll(NULL, 0, 1);
}

static void stay(void *arg) {
  sigset_t blocked;
  (void)arg;
  pthread_sigmask(SIG_BLOCK, NULL, &blocked);
  for (int s = 1; s < 32; s++)
    if (s != SIGKILL && s != SIGSTOP && !sigismember(&blocked, s)) atomic_fetch_add(&signals_free, 1);
  atomic_fetch_add(&ran, 1);
  struct pollfd p = {.fd = gate.fd, .events = POLLIN};
  poll(&p, 1, 120000);
}

static void give(struct csn_workers *all, void (*job)(void *)) {
  struct csn_worker *w = NULL;
  struct csn_error err = {0};
  if (csn_workers_reserve(all, &w, &err)) BAIL_OUT("%s", err.message);
  csn_worker_run(w, job, NULL);
}

static void test_at_once(void) {
  int before = process_threads();
  struct csn_workers *all = make();
  is_int(process_threads(), before, "no thread before it is needed");
  ran = 0;
  for (int i = 0; i < 20; i++) give(all, stay);
  wait_for(&ran, 20);
  is_int(ran, 20, "all jobs run at once");
  is_int(process_threads(), before + 20, "each on a thread of its own");
  is_int(signals_free, 0, "on which every signal is blocked");
  csn_wake_set(&gate);
  csn_workers_free(all);
  is_int(process_threads(), before, "and none is left");
}

static void pass(void *arg) {
  (void)arg;
  atomic_fetch_add(&ran, 1);
}

/* The thread that counted is idle a moment later. */
static void test_reuse(void) {
  int before = process_threads(), most = 0;
  struct csn_workers *all = make();
  ran = 0;
  for (int i = 0; i < 50; i++) {
    give(all, pass);
    wait_for(&ran, i + 1);
    poll(NULL, 0, 2);
    int now = process_threads() - before;
    if (now > most) most = now;
  }
  is_int(ran, 50, "jobs one after the other");
  ok(most < 25, "share threads (%d)", most);
  csn_workers_free(all);
  is_int(process_threads(), before, "none is left");
}

static void *submit(void *arg) {
  for (int i = 0; i < 2000; i++) give(arg, pass);
  return NULL;
}

static void test_from_many(void) {
  struct csn_workers *all = make();
  pthread_t threads[4];
  ran = 0;
  for (int i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, submit, all)) BAIL_OUT("no thread");
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  csn_workers_free(all);
  is_int(ran, 8000, "an end waits for the jobs that still run: none is lost");
}

static void test_limit(void) {
  csn_wake_clear(&gate);
  struct csn_workers *all = make();
  struct csn_worker *w = NULL;
  struct csn_error err = {0};
  ran = 0;
  int n = 0;
  while (n <= CSN_WORKERS_MAX && csn_workers_reserve(all, &w, &err) == 0) {
    csn_worker_run(w, stay, NULL);
    n++;
  }
  is_int(n, CSN_WORKERS_MAX, "so many at once and no more");
  is_str(err.reason, CAISSON_REASON_HOST_LIMIT, "with a reason");
  is_int(err.flags, CAISSON_ERROR_RETRYABLE, "that may pass");
  csn_wake_set(&gate);
  csn_workers_free(all);
}

/* In a child, which has the refusal for life. */
static int count_wrong_without_threads(void) {
  struct csn_workers *all = make();
  struct csn_worker *w = NULL;
  struct csn_error err = {0};
  int wrong = 0;
  refuse_threads();
  wrong += csn_workers_reserve(all, &w, &err) != CAISSON_E_LIMIT;
  wrong += strcmp(err.reason, CAISSON_REASON_HOST_LIMIT) != 0;
  wrong += err.flags != CAISSON_ERROR_RETRYABLE || err.sys_errno == 0;
  csn_workers_free(all);
  return wrong;
}

int main(void) {
  if (csn_wake_open(&gate)) BAIL_OUT("no descriptor");
  test_at_once();
  test_reuse();
  test_from_many();
  test_limit();
  is_int(refuse_in_child(count_wrong_without_threads), 0, "no thread to be had is an error");
  csn_wake_close(&gate);
  return done_testing();
}
