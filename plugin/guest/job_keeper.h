/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A background job's keeper: a child of process 1 that starts the job's command, is the
 * subreaper of all that comes of it, writes what it prints to the job's files, and ends with the
 * last of it. It talks to process 1, which forked it, over a SOCK_SEQPACKET pair in the structs
 * below; since both are of one build, these are not frozen.
 *
 * A run of the sandbox's service is a job too, with three differences: what it prints goes into a
 * ring, it has no folder, and a command that fails takes what it left along.
 */
#ifndef CSN_GUEST_JOB_KEEPER_H
#define CSN_GUEST_JOB_KEEPER_H

#include "guest/hub_message.h"

#include <stddef.h>

/* Keeper to process 1. */
enum csn_job_note_kind {
  CSN_JOB_STARTED = 1,         /* about: pid */
  CSN_JOB_FAILED = 2,          /* about: stage and status (errno); the keeper ends */
  CSN_JOB_COMMAND_ENDED = 3,   /* about: how and status; others of it are alive */
  CSN_JOB_SWEEP = 4,           /* kill all under me; answered by SWEPT */
  CSN_JOB_PURGE = 5,           /* that did not do; kill everything */
  CSN_JOB_ENDED = 6,           /* about: all but what process 1 knows; the keeper ends */
  CSN_JOB_WRITE_FAILED = 7     /* about: write_error; nothing more of its output is kept */
};

struct csn_job_note {
  uint32_t kind;
  uint32_t flags;              /* SWEEP: CSN_HUB_FREEZE */
  struct csn_hub_job about;
  char text[CSN_HUB_TEXT_MAX]; /* ENDED: the survivors */
};

/* Process 1 to keeper. */
enum csn_job_order_kind { CSN_JOB_END = 1, CSN_JOB_SWEPT = 2 };

struct csn_job_order {
  uint32_t kind;
  uint32_t found;              /* SWEPT: as struct csn_sweep_result has it */
  char text[CSN_HUB_TEXT_MAX];
};

#define CSN_JOB_INPUTS CSN_HUB_FDS_MAX   /* the request, the command's stdin, the script */

struct csn_job_start {
  uint32_t number;
  uint64_t timeout_ms, output_max;
  int ring;                    /* a run of the service: what it prints goes there; else -1 */
  int control, inputs[CSN_JOB_INPUTS];
  const uint32_t *forgotten;   /* jobs whose files are to go */
  size_t forgotten_count;
};

/* The keeper, in the child of process 1's fork. */
_Noreturn void csn_job_keeper_main(const struct csn_job_start *start);

#endif
