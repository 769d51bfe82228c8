/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking and telling: see service_client.h.
 */
#include "guest/files/service_client.h"

#include "guest/job_given.h"
#include "guest/launch.h"
#include "wire/protocol.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 10000
#define TAIL_MAX 600u   /* bytes of the log in a refusal: the host's messages are not long */

/* ---- asking -------------------------------------------------------------------------------- */

static void take_log(struct csn_service_client *client, int fd) {
  if (fd < 0) return;
  if (client->log.head == NULL) csn_ring_map(&client->log, fd, false);
  close(fd);
}

/* The answer to the last request: 1, 0 another one, -1 there will be none. */
static int hear(struct csn_service_client *client) {
  struct csn_hub_answer *answer = &client->answer;
  int fd;
  if (!csn_hub_receive_answer(CSN_JOB_HUB, ANSWER_WAIT_MS, answer, &fd)) return -1;
  take_log(client, fd);
  size_t most = sizeof answer->text - 1;
  answer->text[answer->text_size < most ? answer->text_size : most] = '\0';
  return answer->kind == CSN_HUB_SERVICE && answer->number == client->number;
}

int csn_service_ask(struct csn_op *op, struct csn_service_client *client,
                    struct csn_hub_request request, const int *fds, size_t fd_count) {
  int got = 0;
  request.version = CSN_HUB_VERSION;
  request.number = ++client->number;
  bool sent = fds != NULL ? csn_hub_send(CSN_JOB_HUB, &request, fds, fd_count, 0)
                          : csn_hub_put(CSN_JOB_HUB, &request, sizeof request, 0);
  while (sent && got == 0) got = hear(client);
  if (got > 0) return 0;
  return csn_op_fail(op, CSN_OP_SERVICE_FAILED, "Remove the session, and a new one will have it.",
                     "process 1 of this sandbox does not answer about its service: an older "
                     "version started it, or it has no descriptor left");
}

int csn_service_ask_state(struct csn_op *op, struct csn_service_client *client) {
  const struct csn_hub_request look = {
      .kind = CSN_HUB_SERVICE_LOOK, .flags = client->log.head == NULL ? CSN_HUB_LOG : 0};
  return csn_service_ask(op, client, look, NULL, 0);
}

void csn_service_tell_ready(uint32_t run) {
  const struct csn_hub_request ready = {.version = CSN_HUB_VERSION,
                                        .kind = CSN_HUB_SERVICE_READY,
                                        .pid = (int32_t)run};
  csn_hub_put(CSN_JOB_HUB, &ready, sizeof ready, 0);
}

/* ---- saying -------------------------------------------------------------------------------- */

static bool ended_well(const struct csn_hub_job *run) {
  return run->state == CSN_HUB_JOB_ENDED && run->outcome == CSN_HUB_JOB_EXITED &&
         run->how == CSN_HOW_EXITED && run->status == 0;
}

const char *csn_service_state(const struct csn_hub_answer *answer) {
  static const char *const words[] = {"none", "starting", "running", "restarting"};
  uint8_t state = answer->service.state;
  if (state < CSN_HUB_SERVICE_ENDED) return words[state];
  return ended_well(&answer->job) ? "exited" : "failed";
}

static void put_failed_start(const struct csn_hub_job *run, char *text, size_t size) {
  const char *why = strerror(run->status);
  switch (run->stage) {
  case CSN_LAUNCH_NOT_FOUND:
    snprintf(text, size, "its program was not found in the sandbox");
    break;
  case CSN_LAUNCH_CWD: snprintf(text, size, "its working directory: %s", why); break;
  case CSN_LAUNCH_FORK: snprintf(text, size, "no process could be started for it: %s", why); break;
  default: snprintf(text, size, "its program cannot be executed: %s", why); break;
  }
}

void csn_service_put_end(const struct csn_hub_answer *answer, char *text, size_t size) {
  const struct csn_hub_job *run = &answer->job;
  text[0] = '\0';
  if (run->number == 0 || (run->state == CSN_HUB_JOB_ENDED && run->outcome == CSN_HUB_JOB_LOST))
    snprintf(text, size, "%s", answer->text);
  else if (run->state == CSN_HUB_JOB_FAILED)
    put_failed_start(run, text, size);
  else if (run->state == CSN_HUB_JOB_ENDED && run->outcome == CSN_HUB_JOB_OOM)
    snprintf(text, size, "the sandbox's memory limit was reached");
  else if (run->state == CSN_HUB_JOB_ENDED && run->how == CSN_HOW_SIGNALLED)
    snprintf(text, size, "signal %d", (int)run->status);
  else if (run->state == CSN_HUB_JOB_ENDED)
    snprintf(text, size, "exit code %d", (int)run->status);
}

static void report_time(struct csn_answer *report, uint64_t ms) {
  time_t seconds = (time_t)(ms / 1000);
  struct tm parts;
  char text[32] = "";
  if (gmtime_r(&seconds, &parts) != NULL) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  csn_answer_string(report, "started_at", text);
}

static void report_run(struct csn_answer *report, const struct csn_hub_answer *answer) {
  const struct csn_hub_job *run = &answer->job;
  bool runs = answer->service.state == CSN_HUB_SERVICE_RUNNING;
  if (run->number == 0) return;
  report_time(report, run->started_ms);
  csn_answer_number(report, "duration_ms", (int64_t)run->duration_ms);
  if (runs && run->how == CSN_HOW_NOT_STARTED) csn_answer_number(report, "pid", run->pid);
  if (run->how == CSN_HOW_EXITED) csn_answer_number(report, "exit_code", run->status);
  if (run->how != CSN_HOW_SIGNALLED) return;
  csn_answer_number(report, "exit_code", 128 + run->status);
  csn_answer_number(report, "signal", run->status);
}

void csn_service_report(struct csn_answer *report, const struct csn_hub_answer *answer) {
  char end[CSN_HUB_TEXT_MAX];
  csn_service_put_end(answer, end, sizeof end);
  csn_answer_string(report, "state", csn_service_state(answer));
  if (answer->service.state == CSN_HUB_SERVICE_NONE) return;
  csn_answer_bool(report, "ready", answer->service.is_ready);
  csn_answer_number(report, "restarts", answer->service.restarts);
  csn_answer_number(report, "log_bytes", (int64_t)answer->service.log_bytes);
  report_run(report, answer);
  if (end[0] != '\0') csn_answer_string(report, "end", end);
}

/* Where the last lines begin that fit into TAIL_MAX bytes with " | " for each line end. */
static size_t begin_of_tail(const char *bytes, size_t size, bool is_whole) {
  size_t begin = size, used = 0;
  while (begin > 0) {
    used += bytes[begin - 1] == '\n' ? 3 : 1;
    if (used > TAIL_MAX) break;
    begin--;
  }
  if (begin == 0 && is_whole) return 0;
  const char *line = memchr(bytes + begin, '\n', size - begin);
  return line != NULL ? (size_t)(line - bytes) + 1 : begin;
}

/* The last lines of the log, in one: "a | b". */
static void put_tail(const struct csn_service_client *client, char text[TAIL_MAX + 1]) {
  char bytes[TAIL_MAX + 1];
  uint64_t total = client->log.head != NULL ? csn_ring_total(&client->log) : 0;
  uint64_t from = total > sizeof bytes ? total - sizeof bytes : 0;
  size_t used = 0, size = 0;
  if (total > 0) size = csn_ring_copy(&client->log, &from, bytes, sizeof bytes);
  while (size > 0 && bytes[size - 1] == '\n') size--;
  for (size_t i = begin_of_tail(bytes, size, from == 0); i < size; i++) {
    if (bytes[i] == '\n') {
      memcpy(text + used, " | ", 3);
      used += 3;
    } else {
      text[used++] = bytes[i] != '\0' ? bytes[i] : ' ';
    }
  }
  text[used] = '\0';
}

int csn_service_refuse(struct csn_op *op, const struct csn_service_client *client,
                       const char *reason, const char *what) {
  char end[CSN_HUB_TEXT_MAX], tail[TAIL_MAX + 1], times[64] = "";
  const struct csn_hub_answer *answer = &client->answer;
  uint32_t restarts = answer->service.restarts;
  csn_service_put_end(answer, end, sizeof end);
  put_tail(client, tail);
  if (restarts > 0) snprintf(times, sizeof times, "; it was restarted %u times", (unsigned)restarts);
  return csn_op_fail(op, reason, "", "%s%s%s%s. %s%s", what, end[0] != '\0' ? ": " : "", end, times,
                     tail[0] != '\0' ? "It printed last: " : "It printed nothing", tail);
}
