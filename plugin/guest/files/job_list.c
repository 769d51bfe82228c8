/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `job_list`: all background jobs of the sandbox, for hosts. Asking is no sign of life.
 */
#include "guest/files/job_client.h"
#include "guest/job_dir.h"

#include <time.h>
#include <unistd.h>

static uint64_t size_of(uint32_t number, const char *name) {
  uint64_t size;
  int fd = csn_job_file_open(number, name, &size);
  if (fd >= 0) close(fd);
  return size;
}

static void add_time(struct csn_answer *answer, const char *name, uint64_t ms) {
  time_t seconds = (time_t)(ms / 1000);
  struct tm parts;
  char text[32] = "";
  if (gmtime_r(&seconds, &parts) != NULL) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  csn_answer_string(answer, name, text);
}

static void add_job(struct csn_op *op, const struct csn_hub_answer *answer) {
  const struct csn_hub_job *job = &answer->job;
  csn_answer_object(&op->answer, NULL);
  csn_job_report(&op->answer, answer);
  csn_answer_string(&op->answer, "command", job->command);
  add_time(&op->answer, "started_at", job->started_ms);
  csn_answer_number(&op->answer, "stdout_bytes", (int64_t)size_of(job->number, CSN_JOB_OUT));
  csn_answer_number(&op->answer, "stderr_bytes", (int64_t)size_of(job->number, CSN_JOB_ERR));
  if (job->dropped > 0) csn_answer_number(&op->answer, "dropped_bytes", (int64_t)job->dropped);
  csn_answer_end_object(&op->answer);
}

int csn_op_job_list(struct csn_op *op) {
  struct csn_job_client client = {0};
  csn_answer_array(&op->answer, "jobs");
  for (uint32_t from = 1;;) {
    if (csn_job_look_next(op, &client, from) < 0) return -1;
    if (client.answer.job.number == 0) break;
    from = client.answer.job.number + 1;
    add_job(op, &client.answer);
  }
  csn_answer_end_array(&op->answer);
  return 0;
}
