/* SPDX-License-Identifier: Apache-2.0 */
/* The table of jobs: a start that fails forgets nobody, and who lists takes nothing from who
 * starts. */
#include "guest/job_table.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define ORDINARY_USER 30001

static struct csn_job_table table_of(size_t count) {
  struct csn_job_table table = {.count = count, .last = (uint32_t)count};
  for (size_t i = 0; i < count; i++)
    table.jobs[i] = (struct csn_job){
        .about = {.number = (uint32_t)i + 1, .state = CSN_HUB_JOB_ENDED}, .fd = -1};
  return table;
}

static struct csn_hub_answer look(struct csn_job_table *table, int32_t number, uint32_t flags) {
  struct csn_hub_answer answer = {0};
  csn_jobs_look(table, &(struct csn_hub_request){.pid = number, .flags = flags}, &answer);
  return answer;
}

/* In a process that may start none; 0 if all is as it should be. */
static int start_without_processes(void) {
  const int inputs[CSN_JOB_INPUTS] = {-1, -1, -1};
  const struct csn_hub_request request = {.running_max = 8, .kept_max = 2};
  struct csn_job_table table = table_of(6);
  struct csn_hub_answer answer = {0};
  if (setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}) < 0) return 1;
  if (geteuid() == 0 && setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) < 0) return 2;
  csn_jobs_start(&table, &request, inputs, -1, &answer);
  if (answer.job.number != 0 || strstr(answer.text, "processes") == NULL) return 3;
  return table.count == 6 && table.last == 6 ? 0 : 4;
}

static void test_failed_fork(void) {
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) _exit(start_without_processes());
  waitpid(pid, &status, 0);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
         "a job for which there is no process makes none be forgotten");
}

static void test_failed_job(void) {
  struct csn_job_table table = table_of(3);
  table.jobs[1].about.state = CSN_HUB_JOB_FAILED;
  is_int(look(&table, 1, CSN_HUB_NEXT).job.number, 1, "a list begins with the first");
  is_int(look(&table, 2, CSN_HUB_NEXT).job.number, 3, "and leaves out what could not be started");
  is_int(look(&table, 2, 0).job.number, 2, "which is still there for who started it");
  is_int(look(&table, 2, 0).job.number, 0, "once");
  is_int(look(&table, 4, CSN_HUB_NEXT).job.number, 0, "a list has an end");
}

int main(void) {
  test_failed_fork();
  test_failed_job();
  return done_testing();
}
