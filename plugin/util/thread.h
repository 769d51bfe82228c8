/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the plugin's own, inside somebody else's process. */
#ifndef CSN_UTIL_THREAD_H
#define CSN_UTIL_THREAD_H

#include <pthread.h>

/* With all signals blocked, so that the host's handlers never run on it. 0 or an errno. */
int csn_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

/* A condition whose timed waits count by csn_clock_now(). */
void csn_thread_init_condition(pthread_cond_t *condition);

#endif
