/* SPDX-License-Identifier: Apache-2.0 */
#include "util/thread.h"

#include <signal.h>
#include <time.h>

int csn_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(thread, NULL, run, arg);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

void csn_thread_init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attr);
  pthread_condattr_destroy(&attr);
}
