/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service of a sandbox, as process 1 knows it: what it is to run, the run that is on (a job
 * with a keeper like any other, in a table of its own), the ring with what it printed, and when to
 * start it again. There is at most one, and it is asked for once: a second request finds it.
 */
#ifndef CSN_GUEST_SERVICE_H
#define CSN_GUEST_SERVICE_H

#include "guest/job_table.h"
#include "guest/ring.h"

struct csn_service {
  struct csn_job_table runs;            /* the last one is the one that counts */
  bool known;                           /* it was asked for; what follows holds */
  struct csn_hub_request request;
  int inputs[CSN_JOB_INPUTS];
  struct csn_ring log;
  bool judged;                          /* what the last run's end means was decided */
  uint64_t next;                        /* when to start it again; 0: not */
  uint32_t restarts, failures;          /* in all; since it last ran for long */
  uint32_t ready;                       /* the run that answered its probe; 0: none */
  char trouble[CSN_HUB_TEXT_MAX];       /* why there is no last run */
};

/* Start it unless it was asked for before; with CSN_HUB_AGAIN also if it was and has ended. The
 * descriptors stay the caller's. Fills in *answer. */
void csn_service_start(struct csn_service *service, const struct csn_hub_request *request,
                       const int inputs[CSN_JOB_INPUTS], struct csn_hub_answer *answer);

void csn_service_look(const struct csn_service *service, struct csn_hub_answer *answer);
/* That run has answered its probe. */
void csn_service_ready(struct csn_service *service, uint32_t run);
/* The ring's descriptor, or -1. */
int csn_service_log(const struct csn_service *service);

/* Once a turn: what the end of a run means, and starting it again when that is due. */
void csn_service_tend(struct csn_service *service, uint64_t now);
/* How long process 1 may sleep before that, in milliseconds, at most `most`. */
int csn_service_wait(const struct csn_service *service, uint64_t now, int most);

#endif
