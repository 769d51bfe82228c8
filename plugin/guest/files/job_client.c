/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to process 1 about jobs: see job_client.h.
 */
#include "guest/files/job_client.h"

#include "guest/job_dir.h"
#include "guest/job_given.h"
#include "wire/protocol.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_WAIT_MS 10000

/* ---- asking -------------------------------------------------------------------------------- */

/* The answer to the last request: 1, 0 another one, -1 there will be none. */
static int hear(struct csn_job_client *client) {
  struct csn_hub_answer *answer = &client->answer;
  struct pollfd readable = {.fd = CSN_JOB_HUB, .events = POLLIN};
  memset(answer, 0, sizeof *answer);
  int ready = poll(&readable, 1, ANSWER_WAIT_MS);
  if (ready <= 0) return ready < 0 && errno == EINTR ? 0 : -1;
  ssize_t got = recv(CSN_JOB_HUB, answer, sizeof *answer, MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EINTR ? 0 : -1;
  size_t most = sizeof answer->text - 1;
  size_t size = answer->text_size < most ? answer->text_size : most;
  answer->text[size] = '\0';
  answer->job.command[sizeof answer->job.command - 1] = '\0';
  return answer->kind == CSN_HUB_JOB && answer->number == client->number;
}

int csn_job_ask(struct csn_op *op, struct csn_job_client *client, struct csn_hub_request request,
                const int *fds, size_t fd_count) {
  int got = 0;
  request.version = CSN_HUB_VERSION;
  request.number = ++client->number;
  bool sent = fds != NULL ? csn_hub_send(CSN_JOB_HUB, &request, fds, fd_count, 0)
                           : csn_hub_put(CSN_JOB_HUB, &request, sizeof request, 0);
  while (sent && got == 0) got = hear(client);
  if (got > 0) return 0;
  return csn_op_fail(op, CSN_OP_JOB_FAILED,
                     "Start a new session, or run the command in the foreground.",
                     "process 1 of this sandbox does not answer about background jobs: an older "
                     "version started it, or it has no descriptor left");
}

int csn_job_look(struct csn_op *op, struct csn_job_client *client, uint32_t number) {
  return csn_job_ask(op, client,
                     (struct csn_hub_request){.kind = CSN_HUB_JOB_LOOK, .pid = (int32_t)number},
                     NULL, 0);
}

int csn_job_look_next(struct csn_op *op, struct csn_job_client *client, uint32_t number) {
  return csn_job_ask(op, client,
                     (struct csn_hub_request){.kind = CSN_HUB_JOB_LOOK, .pid = (int32_t)number,
                                              .flags = CSN_HUB_NEXT},
                     NULL, 0);
}

void csn_job_tell(uint8_t kind, uint32_t number, uint64_t out, uint64_t err) {
  const struct csn_hub_request request = {.version = CSN_HUB_VERSION, .kind = kind,
                                          .pid = (int32_t)number, .out = out, .err = err};
  csn_hub_put(CSN_JOB_HUB, &request, sizeof request, 0);
}

/* "job-1, job-3" */
static int list_all(struct csn_op *op, struct csn_job_client *client, char *text, size_t size) {
  char name[CSN_JOB_NAME_SIZE];
  size_t used = 0;
  text[0] = '\0';
  for (uint32_t from = 1;;) {
    if (csn_job_look_next(op, client, from) < 0) return -1;
    if (client->answer.job.number == 0) return 0;
    from = client->answer.job.number + 1;
    csn_job_name(client->answer.job.number, name);
    int n = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);
    if (n < 0 || (size_t)n >= size - used) return 0;
    used += (size_t)n;
  }
}

int csn_job_find(struct csn_op *op, struct csn_job_client *client) {
  const char *id = csn_op_text(op, "job_id");
  uint32_t number = id != NULL ? csn_job_number(id) : 0;
  char known[700];
  if (number > 0 && csn_job_look(op, client, number) < 0) return -1;
  if (number > 0 && client->answer.job.number == number) return 0;
  if (list_all(op, client, known, sizeof known) < 0) return -1;
  return csn_op_fail(op, CSN_OP_JOB_NOT_FOUND,
                     "Job ids come from shell with background: true; ended jobs are forgotten when "
                     "there are many.",
                     "there is no background job \"%.64s\"; %s%s", id != NULL ? id : "",
                     known[0] != '\0' ? "those that exist: " : "there is none at all", known);
}

/* ---- saying -------------------------------------------------------------------------------- */

bool csn_job_runs(const struct csn_hub_job *job) { return job->state < CSN_HUB_JOB_ENDED; }

const char *csn_job_status(const struct csn_hub_job *job) {
  static const char *const names[] = {"lost",          "exited", "killed", "timed_out",
                                      "out_of_memory", "lost"};
  if (csn_job_runs(job)) return "running";
  return names[job->outcome <= CSN_HUB_JOB_LOST ? job->outcome : CSN_HUB_JOB_LOST];
}

/* How its command ended: "exit 1", "signal 9", or "". */
static void put_how(const struct csn_hub_job *job, char text[32]) {
  text[0] = '\0';
  if (job->how == CSN_HOW_EXITED) snprintf(text, 32, "exit %d", (int)job->status);
  if (job->how == CSN_HOW_SIGNALLED) snprintf(text, 32, "signal %d", (int)job->status);
}

static int put_end(struct csn_op *op, const struct csn_hub_answer *answer, const char *name,
                   const char *how, double seconds) {
  const struct csn_hub_job *job = &answer->job;
  switch (job->outcome) {
  case CSN_HUB_JOB_EXITED: return csn_op_putf(op, "[%s ended: %s after %.1f s", name, how, seconds);
  case CSN_HUB_JOB_KILLED: return csn_op_putf(op, "[%s was killed after %.1f s", name, seconds);
  case CSN_HUB_JOB_DEADLINE:
    return csn_op_putf(op, "[%s was killed: it took longer than its %.1f s", name,
                       (double)job->timeout_ms / 1e3);
  case CSN_HUB_JOB_OOM:
    return csn_op_putf(op, "[%s was killed after %.1f s: the sandbox's memory limit was reached",
                       name, seconds);
  default: return csn_op_putf(op, "[%s was lost after %.1f s: %s", name, seconds, answer->text);
  }
}

int csn_job_put_status(struct csn_op *op, const struct csn_hub_answer *answer) {
  const struct csn_hub_job *job = &answer->job;
  double seconds = (double)job->duration_ms / 1e3;
  char name[CSN_JOB_NAME_SIZE], how[32];
  csn_job_name(job->number, name);
  put_how(job, how);
  if (!csn_job_runs(job))
    put_end(op, answer, name, how, seconds);
  else if (how[0] != '\0')
    csn_op_putf(op, "[%s: its command has ended (%s), what that started still runs; %.1f s so far",
                name, how, seconds);
  else
    csn_op_putf(op, "[%s is running; %.1f s so far", name, seconds);
  if (job->survivors > 0)
    csn_op_putf(op, "; %u of its processes could not be killed: %s", (unsigned)job->survivors,
                answer->text);
  return csn_op_putf(op, "]\n");
}

void csn_job_report(struct csn_answer *report, const struct csn_hub_answer *answer) {
  const struct csn_hub_job *job = &answer->job;
  char name[CSN_JOB_NAME_SIZE];
  csn_job_name(job->number, name);
  csn_answer_string(report, "job_id", name);
  csn_answer_string(report, "status", csn_job_status(job));
  if (job->how == CSN_HOW_EXITED)
    csn_answer_number(report, "command_exit_code", job->status);
  if (job->how == CSN_HOW_SIGNALLED) {
    csn_answer_number(report, "command_exit_code", 128 + job->status);
    csn_answer_number(report, "signal", job->status);
  }
  csn_answer_number(report, "duration_ms", (int64_t)job->duration_ms);
  if (job->outcome == CSN_HUB_JOB_LOST) csn_answer_string(report, "lost_text", answer->text);
  if (job->outcome == CSN_HUB_JOB_KILLED || job->outcome == CSN_HUB_JOB_DEADLINE)
    csn_answer_number(report, "survivors", job->survivors);
  if (job->survivors > 0) csn_answer_string(report, "survivors_text", answer->text);
}
