/* SPDX-License-Identifier: Apache-2.0 */
/* What process 1 makes of the end of a service's run, and what a probe makes of an answer. */
#include "guest/service.h"

#include <string.h>

#include "guest/basics.h"
#include "guest/files/service_probe.h"
#include "guest/launch.h"
#include "tap.h"
#include "wire/protocol.h"

#define SECOND (1000 * CSN_MS_IN_NS)

/* One with a single run that stands as `about` says. */
static struct csn_service with_run(uint32_t flags, struct csn_hub_job about) {
  struct csn_service service = {.known = true, .request = {.flags = flags}};
  about.number = 1;
  service.runs.count = 1;
  service.runs.last = 1;
  service.runs.jobs[0] = (struct csn_job){.about = about, .fd = -1};
  return service;
}

static const struct csn_hub_job failed = {.state = CSN_HUB_JOB_ENDED,
                                          .outcome = CSN_HUB_JOB_EXITED,
                                          .how = CSN_HOW_EXITED,
                                          .status = 3};

static uint64_t delay_after(uint32_t flags, struct csn_hub_job about, uint32_t failures) {
  static struct csn_service service;
  service = with_run(flags, about);
  service.failures = failures;
  csn_service_tend(&service, SECOND);
  return service.next == 0 ? 0 : (service.next - SECOND) / CSN_MS_IN_NS;
}

static void test_judgement(void) {
  struct csn_hub_job well = failed, oom = failed, lost = failed, missing = failed, fork = failed;
  struct csn_hub_job calm = failed, on = failed;
  well.status = 0;
  oom.outcome = CSN_HUB_JOB_OOM;
  lost.outcome = CSN_HUB_JOB_LOST;
  missing.state = fork.state = CSN_HUB_JOB_FAILED;
  missing.stage = CSN_LAUNCH_NOT_FOUND;
  fork.stage = CSN_LAUNCH_FORK;
  calm.duration_ms = 60000;
  on.state = CSN_HUB_JOB_RUNNING;
  is_int(delay_after(CSN_HUB_RESTART, on, 0), 0, "one that runs is left alone");
  is_int(delay_after(CSN_HUB_RESTART, failed, 0), 200, "one that failed is started again soon");
  is_int(delay_after(CSN_HUB_RESTART, failed, 1), 400, "later the second time");
  is_int(delay_after(CSN_HUB_RESTART, failed, 100), 30000, "and never later than that");
  is_int(delay_after(CSN_HUB_RESTART, calm, 100), 200, "after a long run it begins anew");
  is_int(delay_after(0, failed, 0), 0, "not if that is not wanted");
  is_int(delay_after(CSN_HUB_RESTART, well, 0), 0, "nor after exit code 0");
  is_int(delay_after(CSN_HUB_RESTART, oom, 0), 200, "memory is a failure");
  is_int(delay_after(CSN_HUB_RESTART, lost, 0), 200, "so is being killed with everything");
  is_int(delay_after(CSN_HUB_RESTART, missing, 0), 0, "a program that is not there stays away");
  is_int(delay_after(CSN_HUB_RESTART, fork, 0), 200, "a process that could not be had may be later");
}

static uint8_t state_of(const struct csn_service *service) {
  struct csn_hub_answer answer = {0};
  csn_service_look(service, &answer);
  return answer.service.state;
}

static void test_states(void) {
  static struct csn_service service;
  is_int(state_of(&service), CSN_HUB_SERVICE_NONE, "nobody asked for one");
  is_int(csn_service_log(&service), -1, "so it has no log");
  is_int(csn_service_wait(&service, 0, 1000), 1000, "and nothing is due");
  service.next = 5 * SECOND;
  is_int(csn_service_wait(&service, 5 * SECOND - 1, 1000), 1, "a start that is near is waited for");
  is_int(csn_service_wait(&service, 6 * SECOND, 1000), 0, "one that is late is not");
  is_int(csn_service_wait(&service, 0, 1000), 1000, "nor one that is far");
}

static void test_status(void) {
  static const struct {
    const char *bytes;
    int status;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\n", 200}, {"HTTP/1.0 404", 404}, {"HTTP/1.1 20", 0}, {"HT", 0}, {"", 0},
      {"HTTP/2 200", -1},           {"SSH-2.0-x", -1},     {"HTTP/1.1 abc", -1},
      {"HTTP/1.1 099", -1},         {"HTTP/1.x 200", -1},  {"HTTP/1.1\t200", -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is_int(csn_service_probe_status(cases[i].bytes, strlen(cases[i].bytes)), cases[i].status,
           "the status of \"%s\"", cases[i].bytes);
}

int main(void) {
  test_judgement();
  test_states();
  test_status();
  return done_testing();
}
