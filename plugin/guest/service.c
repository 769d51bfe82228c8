/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping a service up: see service.h.
 */
#include "guest/service.h"

#include "guest/basics.h"
#include "guest/launch.h"
#include "wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_DELAY_NS (200 * CSN_MS_IN_NS)
#define LAST_DELAY_NS (30000 * CSN_MS_IN_NS)
#define CALM_MS 10000u   /* a run this long makes earlier failures forgotten */
#define RING_MAX (64ull << 20)

static bool runs(const struct csn_job *run) {
  return run->about.state == CSN_HUB_JOB_STARTING || run->about.state == CSN_HUB_JOB_RUNNING;
}

/* The run that counts; NULL: none could be started. */
static const struct csn_job *last(const struct csn_service *service) {
  return service->runs.count > 0 ? &service->runs.jobs[service->runs.count - 1] : NULL;
}

static bool is_up(const struct csn_service *service) {
  const struct csn_job *run = last(service);
  return service->next != 0 || (run != NULL && (runs(run) || !service->judged));
}

int csn_service_log(const struct csn_service *service) {
  return service->known ? service->runs.ring : -1;
}

/* ---- starting ------------------------------------------------------------------------------ */

static void plan(struct csn_service *service, uint64_t now) {
  uint32_t doublings = service->failures < 16 ? service->failures : 16;
  uint64_t delay = FIRST_DELAY_NS << doublings;
  service->failures++;
  service->next = now + (delay < LAST_DELAY_NS ? delay : LAST_DELAY_NS);
}

static bool is_restarted(const struct csn_service *service) {
  return (service->request.flags & CSN_HUB_RESTART) != 0;
}

static void start_run(struct csn_service *service) {
  struct csn_hub_answer answer = {0};
  service->judged = false;
  csn_jobs_start(&service->runs, &service->request, service->inputs, -1, &answer);
  if (answer.job.number != 0) return;
  service->judged = true;
  memcpy(service->trouble, answer.text, sizeof answer.text);
  if (is_restarted(service)) plan(service, csn_guest_now());
}

/* The ring stays over all runs. */
static int open_log(struct csn_service *service, uint64_t capacity) {
  if (service->runs.ring > 0) return 0;
  int fd = csn_ring_make(capacity > 0 && capacity < RING_MAX ? capacity : RING_MAX);
  if (fd < 0) return -1;
  if (csn_ring_map(&service->log, fd, false) < 0) {
    close(fd);
    return -1;
  }
  service->runs.ring = fd;
  return 0;
}

static int keep_inputs(struct csn_service *service, const int inputs[CSN_JOB_INPUTS]) {
  int copies[CSN_JOB_INPUTS];
  for (int i = 0; i < CSN_JOB_INPUTS; i++) {
    copies[i] = fcntl(inputs[i], F_DUPFD_CLOEXEC, 3);
    if (copies[i] >= 0) continue;
    while (i-- > 0) close(copies[i]);
    return -1;
  }
  for (int i = 0; i < CSN_JOB_INPUTS; i++) {
    if (service->known) close(service->inputs[i]);
    service->inputs[i] = copies[i];
  }
  return 0;
}

static bool take(struct csn_service *service, const struct csn_hub_request *request,
                 const int inputs[CSN_JOB_INPUTS], struct csn_hub_answer *answer) {
  if (open_log(service, request->output_max) < 0 || keep_inputs(service, inputs) < 0) {
    int size = snprintf(answer->text, sizeof answer->text,
                        "process 1 of the sandbox cannot keep what the service needs: %s",
                        strerror(errno));
    answer->text_size = (uint16_t)size;
    return false;
  }
  service->known = true;
  service->request = *request;
  service->request.timeout_ms = 0;
  service->request.running_max = 1;
  service->request.kept_max = 0;
  service->restarts = service->failures = service->ready = 0;
  service->next = 0;
  service->trouble[0] = '\0';
  return true;
}

void csn_service_start(struct csn_service *service, const struct csn_hub_request *request,
                       const int inputs[CSN_JOB_INPUTS], struct csn_hub_answer *answer) {
  bool again = (request->flags & CSN_HUB_AGAIN) != 0 && !is_up(service);
  bool starts = !service->known || again;
  if (starts) {
    if (!take(service, request, inputs, answer)) return;
    start_run(service);
  }
  csn_service_look(service, answer);
  answer->service.is_new = starts;
}

/* ---- what is asked about it ---------------------------------------------------------------- */

static uint8_t state_of(const struct csn_service *service, const struct csn_job *run) {
  if (!service->known) return CSN_HUB_SERVICE_NONE;
  if (run != NULL && run->about.state == CSN_HUB_JOB_STARTING) return CSN_HUB_SERVICE_STARTING;
  if (run != NULL && run->about.state == CSN_HUB_JOB_RUNNING) return CSN_HUB_SERVICE_RUNNING;
  return is_up(service) ? CSN_HUB_SERVICE_WAITING : CSN_HUB_SERVICE_ENDED;
}

static void put_text(struct csn_hub_answer *answer, const char *text, size_t size) {
  memcpy(answer->text, text, size);
  answer->text_size = (uint16_t)size;
}

void csn_service_look(const struct csn_service *service, struct csn_hub_answer *answer) {
  const struct csn_job *run = last(service);
  answer->service = (struct csn_hub_service){.state = state_of(service, run),
                                             .restarts = service->restarts};
  if (!service->known) return;
  answer->service.log_bytes = csn_ring_total(&service->log);
  put_text(answer, service->trouble, strnlen(service->trouble, sizeof service->trouble));
  if (run == NULL || service->trouble[0] != '\0') return;
  answer->job = run->about;
  if (runs(run)) answer->job.duration_ms = (csn_guest_now() - run->started) / CSN_MS_IN_NS;
  answer->service.is_ready = runs(run) && service->ready == run->about.number;
  put_text(answer, run->text, strnlen(run->text, sizeof run->text));
}

void csn_service_ready(struct csn_service *service, uint32_t run) { service->ready = run; }

/* ---- what becomes of it -------------------------------------------------------------------- */

static bool ended_well(const struct csn_hub_job *about) {
  return about->state == CSN_HUB_JOB_ENDED && about->outcome == CSN_HUB_JOB_EXITED &&
         about->how == CSN_HOW_EXITED && about->status == 0;
}

/* A program that is not there will not be there the next time. */
static bool is_worth_a_try(const struct csn_hub_job *about) {
  return about->state != CSN_HUB_JOB_FAILED || about->stage == CSN_LAUNCH_FORK;
}

static void judge(struct csn_service *service, const struct csn_hub_job *about, uint64_t now) {
  service->judged = true;
  if (about->duration_ms >= CALM_MS) service->failures = 0;
  if (is_restarted(service) && !ended_well(about) && is_worth_a_try(about)) plan(service, now);
}

void csn_service_tend(struct csn_service *service, uint64_t now) {
  const struct csn_job *run = last(service);
  if (!service->known) return;
  if (run != NULL && !runs(run) && !service->judged) judge(service, &run->about, now);
  if (service->next == 0 || now < service->next) return;
  service->next = 0;
  service->restarts++;
  service->trouble[0] = '\0';
  start_run(service);
}

int csn_service_wait(const struct csn_service *service, uint64_t now, int most) {
  if (service->next == 0) return most;
  if (service->next <= now) return 0;
  uint64_t ms = (service->next - now) / CSN_MS_IN_NS + 1;
  return ms < (uint64_t)most ? (int)ms : most;
}
