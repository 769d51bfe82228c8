/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that run the calls of hosts that have none to spare: one for each call that runs, made
 * when it is needed, kept a while for the next. Of calls they know nothing. */
#ifndef CSN_ENTRY_WORKERS_H
#define CSN_ENTRY_WORKERS_H

#include "util/error.h"

#define CSN_WORKERS_MAX 1024

struct csn_workers;
struct csn_worker;

int csn_workers_new(struct csn_workers **out, struct csn_error *err);
/* A thread that waits for its job, so that what comes after cannot fail: it must be given one.
 * 0, CAISSON_E_LIMIT (host.limit, retryable) or CAISSON_E_NOMEM. */
int csn_workers_reserve(struct csn_workers *all, struct csn_worker **out, struct csn_error *err);
void csn_worker_run(struct csn_worker *worker, void (*job)(void *arg), void *arg);
/* Waits for the jobs that still run; no thread is left then. NULL is fine. */
void csn_workers_free(struct csn_workers *all);

#endif
