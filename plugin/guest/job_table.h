/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The background jobs of a sandbox, as process 1 knows them. Nothing inside can change what stands
 * here: a job's keeper is process 1's own child and talks to it over a socket made at the fork. It
 * starts keepers and follows them; who may ask for that is the hub's matter.
 */
#ifndef CSN_GUEST_JOB_TABLE_H
#define CSN_GUEST_JOB_TABLE_H

#include "guest/hub_message.h"
#include "guest/job_keeper.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#define CSN_JOBS_RUNNING_MAX 32
#define CSN_JOBS_MAX 128   /* running and ended ones; enough for any kept_max that we take */

struct csn_job {
  struct csn_hub_job about;
  pid_t pid;           /* of the keeper; 0 when it has ended */
  int fd;              /* to the keeper; -1 likewise */
  int claimant;        /* the connection that asked for it, until JOB_COMMIT; else -1 */
  int reader;          /* one that said JOB_SEEN; likewise */
  uint64_t out_next, err_next;   /* what it said */
  uint64_t started;
  char text[CSN_HUB_TEXT_MAX];
};

struct csn_job_table {
  int ring;            /* that of the service, whose runs these are; 0: they are background jobs */
  struct csn_job jobs[CSN_JOBS_MAX];   /* by number */
  size_t count;
  uint32_t last;       /* the newest number */
  uint32_t lost;       /* a job whose keeper was killed, for which nothing was done yet; 0: none */
  uint32_t killed;     /* likewise one that was killed, as its keeper says */
};

/* Start one, as the request says. The descriptors stay the caller's. Fills in *answer. */
void csn_jobs_start(struct csn_job_table *table, const struct csn_hub_request *request,
                    const int inputs[CSN_JOB_INPUTS], int claimant, struct csn_hub_answer *answer);

/* LOOK, KILL, SEEN and COMMIT; `connection` is the one that it came on. */
void csn_jobs_look(struct csn_job_table *table, const struct csn_hub_request *request,
                   struct csn_hub_answer *answer);
void csn_jobs_kill(struct csn_job_table *table, uint32_t number);
void csn_jobs_seen(struct csn_job_table *table, const struct csn_hub_request *request,
                   int connection);
void csn_jobs_commit(struct csn_job_table *table, int connection);
/* A connection closed: what it started and was not committed is killed. */
void csn_jobs_disown(struct csn_job_table *table, int connection);

/* Those that run, or are just starting. */
uint32_t csn_jobs_running(const struct csn_job_table *table);

/* Fill in the descriptors to wait for; at most CSN_JOBS_RUNNING_MAX. */
size_t csn_jobs_poll(const struct csn_job_table *table, struct pollfd *fds);
/* Hear the keepers. The number of the job that cannot be killed but with everything; 0: none. */
uint32_t csn_jobs_handle(struct csn_job_table *table);

/* A child of process 1 was reaped. */
void csn_jobs_reaped(struct csn_job_table *table, pid_t pid);
/* What a kill that the keeper knows nothing of could not end. */
void csn_jobs_survived(struct csn_job_table *table, uint32_t number, uint32_t count,
                       const char *text);
/* Everything is about to be killed. */
void csn_jobs_lose(struct csn_job_table *table, const char *why);
/* Continue keepers that somebody stopped. */
void csn_jobs_continue(const struct csn_job_table *table);

#endif
