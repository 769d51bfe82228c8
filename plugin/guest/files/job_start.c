/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `job_start`: have process 1 start the rest of the request as a background job. Operands:
 * timeout_ms, output_max, running_max, kept_max and command, what to call it in lists. Its input
 * is the command's stdin. A job whose start is not seen through to the end here is killed by
 * process 1.
 */
#include "guest/basics.h"
#include "guest/files/job_client.h"
#include "guest/job_dir.h"
#include "guest/job_given.h"
#include "guest/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX (32u << 20)
#define START_WAIT_TURNS 10000   /* of at least 1 ms each */

/* Memory that no file name leads to: nothing inside can change it. */
static int copy_input(struct csn_op *op, int from, const char *what) {
  static char bytes[65536];
  size_t total = 0;
  ssize_t got = 0;
  int fd = memfd_create(what, MFD_CLOEXEC);
  if (fd < 0) return csn_op_fail_errno(op, errno, "keep the job's", what);
  while (from >= 0 && (got = read(from, bytes, sizeof bytes)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 || csn_guest_write_all(fd, bytes, (size_t)got) < 0)
      return csn_op_fail_errno(op, errno, "keep the job's", what);
    total += (size_t)got;
    if (total > INPUT_MAX)
      return csn_op_fail(op, CSN_OP_TOO_LARGE, "Write it to a file and let the command read that.",
                         "the job's %s is larger than 32 MiB", what);
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

static int collect(struct csn_op *op, const struct csn_job_given *given, int inputs[3]) {
  bool has_script = given->request->run.script_name != NULL;
  inputs[0] = copy_input(op, -1, "request");
  if (inputs[0] < 0) return -1;
  if (csn_guest_write_all(inputs[0], given->request->bytes, given->request->size) < 0)
    return csn_op_fail_errno(op, errno, "keep the job's", "request");
  inputs[1] = copy_input(op, op->in, "stdin");
  if (inputs[1] < 0) return -1;
  int script = -1;
  if (has_script) script = open(given->script, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (has_script && script < 0) return csn_op_fail_errno(op, errno, "read", given->script);
  inputs[2] = copy_input(op, script, "script");
  return inputs[2] < 0 ? -1 : 0;
}

static int fail_to_start(struct csn_op *op, const struct csn_hub_job *job) {
  const struct csn_wire_run *run = &csn_job_given()->request->run;
  switch (job->stage) {
  case CSN_LAUNCH_NOT_FOUND:
    return csn_op_fail(op, CSN_REASON_NOT_FOUND, "", "not found in the sandbox: %.200s",
                       run->programs[run->program_count - 1]);
  case CSN_LAUNCH_CWD:
    return csn_op_fail(op, CSN_OP_INVALID, "Name a directory that exists.",
                       "the working directory %.600s: %s", run->cwd, strerror(job->status));
  case CSN_LAUNCH_FORK:
    return csn_op_fail(op, CSN_REASON_PROCESSES, "End what is not needed and try again.",
                       "no process could be started: %s", strerror(job->status));
  case CSN_LAUNCH_EXEC:
    return csn_op_fail(op, CSN_REASON_EXEC, "", "cannot execute the command: %s",
                       strerror(job->status));
  default: return csn_op_fail_errno(op, job->status, "make the job's files in", CSN_JOB_DIR);
  }
}

static int await_start(struct csn_op *op, struct csn_job_client *client, uint32_t number) {
  const struct timespec pause = {0, 1000000};
  for (int turn = 0; turn < START_WAIT_TURNS; turn++) {
    if (csn_job_look(op, client, number) < 0) return -1;
    const struct csn_hub_job *job = &client->answer.job;
    if (job->state == CSN_HUB_JOB_FAILED) return fail_to_start(op, job);
    if (job->number != number) break;
    if (job->state != CSN_HUB_JOB_STARTING) return 0;
    nanosleep(&pause, NULL);
  }
  return csn_op_fail(op, CSN_OP_JOB_FAILED, "Try again.", "the job did not start");
}

static void put_result(struct csn_op *op, const struct csn_hub_answer *answer) {
  char name[CSN_JOB_NAME_SIZE];
  csn_job_name(answer->job.number, name);
  csn_answer_string(&op->answer, "job_id", name);
  csn_answer_string(&op->answer, "status", csn_job_status(&answer->job));
  csn_answer_number(&op->answer, "timeout_ms", (int64_t)answer->job.timeout_ms);
  csn_op_putf(op,
              "Started in the background as %s.\nRead what it prints and whether it still runs "
              "with shell_output, job_id \"%s\"; end it with shell_kill. After %.0f seconds it is "
              "killed.\n",
              name, name, (double)answer->job.timeout_ms / 1e3);
}

int csn_op_job_start(struct csn_op *op) {
  const struct csn_job_given *given = csn_job_given();
  struct csn_job_client client = {0};
  const char *command = csn_op_text(op, "command");
  struct csn_hub_request request = {
    .kind = CSN_HUB_JOB_START,
    .timeout_ms = csn_op_number(op, "timeout_ms", 0),
    .output_max = csn_op_number(op, "output_max", 0),
    .running_max = (uint32_t)csn_op_number(op, "running_max", 0),
    .kept_max = (uint32_t)csn_op_number(op, "kept_max", 0),
  };
  int inputs[3];
  if (given == NULL) return csn_op_fail(op, CSN_OP_INVALID, "", "there is nothing to start");
  snprintf(request.command, sizeof request.command, "%s", command != NULL ? command : "");
  if (collect(op, given, inputs) < 0) return -1;
  if (csn_job_ask(op, &client, request, inputs, 3) < 0) return -1;
  uint32_t number = client.answer.job.number;
  if (number == 0)
    return csn_op_fail(op, CSN_OP_JOB_LIMIT,
                       "Wait for one to end, or end one with shell_kill, and try again.", "%s",
                       client.answer.text);
  if (await_start(op, &client, number) < 0) return -1;
  put_result(op, &client.answer);
  return csn_op_flush(op);
}
