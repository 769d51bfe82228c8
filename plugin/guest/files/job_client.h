/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an operation asks process 1 about background jobs, and what it says of one in text and
 * report.
 */
#ifndef CSN_GUEST_FILES_JOB_CLIENT_H
#define CSN_GUEST_FILES_JOB_CLIENT_H

#include "guest/files/op.h"
#include "guest/hub_message.h"

struct csn_job_client {
  uint32_t number;                /* of the last request */
  struct csn_hub_answer answer;   /* the last one; its text is NUL-terminated */
};

/* Send a request (version and number are filled in), with descriptors or without, and wait for its
 * JOB. 0, or -1 after csn_op_fail. */
int csn_job_ask(struct csn_op *op, struct csn_job_client *client, struct csn_hub_request request,
                const int *fds, size_t fd_count);

/* LOOK at one job: 0 with client->answer.job, whose number is 0 if there is none. */
int csn_job_look(struct csn_op *op, struct csn_job_client *client, uint32_t number);
/* The first from that number on. */
int csn_job_look_next(struct csn_op *op, struct csn_job_client *client, uint32_t number);

/* The job that operand job_id names, looked at. 0, or -1 after csn_op_fail. */
int csn_job_find(struct csn_op *op, struct csn_job_client *client);

/* Tell without waiting for anything. */
void csn_job_tell(uint8_t kind, uint32_t number, uint64_t out, uint64_t err);

bool csn_job_runs(const struct csn_hub_job *job);

/* "running", "exited", "killed", "timed_out", "out_of_memory", "lost" */
const char *csn_job_status(const struct csn_hub_job *job);

/* "[job-1 is running; 3.2 s so far]" and the like, one line. */
int csn_job_put_status(struct csn_op *op, const struct csn_hub_answer *answer);

/* The report's members that are the same wherever a job appears. */
void csn_job_report(struct csn_answer *report, const struct csn_hub_answer *answer);

#define CSN_OP_JOB_NOT_FOUND "job.not_found"
#define CSN_OP_JOB_LIMIT "job.limit"
#define CSN_OP_JOB_FAILED "job.failed"

#endif
