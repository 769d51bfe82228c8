/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `job_kill`: end a background job with all that it started, and wait until process 1 has the
 * proof that nothing of it is left, or knows what is.
 */
#include "guest/basics.h"
#include "guest/files/job_client.h"
#include "guest/job_dir.h"

#include <time.h>

#define WAIT_NS (20000 * CSN_MS_IN_NS)   /* a kill is bounded, but the CPU may be throttled */

static int await_end(struct csn_op *op, struct csn_job_client *client, uint32_t number) {
  const struct timespec pause = {0, 2000000};
  for (uint64_t end = csn_guest_now() + WAIT_NS; csn_guest_now() < end;) {
    nanosleep(&pause, NULL);
    if (csn_job_look(op, client, number) < 0) return -1;
    if (!csn_job_runs(&client->answer.job)) return 0;
  }
  return csn_op_fail(op, CSN_OP_JOB_FAILED, "Look at it again in a moment.",
                     "the job is being killed, but not all of it is dead yet");
}

int csn_op_job_kill(struct csn_op *op) {
  struct csn_job_client client = {0};
  if (csn_job_find(op, &client) < 0) return -1;
  uint32_t number = client.answer.job.number;
  bool ran = csn_job_runs(&client.answer.job);
  if (ran) {
    csn_job_tell(CSN_HUB_JOB_KILL, number, 0, 0);
    if (await_end(op, &client, number) < 0) return -1;
  } else {
    csn_op_putf(op, "It had ended already.\n");
  }
  csn_job_put_status(op, &client.answer);
  csn_job_report(&op->answer, &client.answer);
  csn_answer_bool(&op->answer, "had_ended", !ran);
  return 0;
}
