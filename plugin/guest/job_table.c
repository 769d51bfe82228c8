/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of jobs in process 1: see job_table.h.
 */
#include "guest/job_table.h"

#include "guest/basics.h"
#include "guest/sweep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEPT_MAX (CSN_JOBS_MAX - CSN_JOBS_RUNNING_MAX - 1)
/* Files of ended jobs that may stay beside a new one: /tmp is memory. */
#define KEPT_BYTES (32ull << 20)

static bool runs(const struct csn_job *job) {
  return job->about.state == CSN_HUB_JOB_STARTING || job->about.state == CSN_HUB_JOB_RUNNING;
}

uint32_t csn_jobs_running(const struct csn_job_table *table) {
  uint32_t count = 0;
  for (size_t i = 0; i < table->count; i++) count += runs(&table->jobs[i]);
  return count;
}

static struct csn_job *find(struct csn_job_table *table, uint32_t number) {
  for (size_t i = 0; i < table->count; i++) {
    if (table->jobs[i].about.number == number) return &table->jobs[i];
  }
  return NULL;
}

/* The first from that number on. One that could not be started is nobody's but its starter's. */
static struct csn_job *find_next(struct csn_job_table *table, uint32_t number) {
  for (size_t i = 0; i < table->count; i++) {
    const struct csn_hub_job *about = &table->jobs[i].about;
    if (about->number >= number && about->state != CSN_HUB_JOB_FAILED) return &table->jobs[i];
  }
  return NULL;
}

static void forget(struct csn_job_table *table, const struct csn_job *job) {
  size_t index = (size_t)(job - table->jobs);
  table->count--;
  memmove(&table->jobs[index], &table->jobs[index + 1],
          (table->count - index) * sizeof table->jobs[0]);
}

static void end(struct csn_job *job, uint8_t state) {
  job->about.state = state;
  if (job->fd >= 0) close(job->fd);
  job->fd = -1;
}

/* ---- starting ------------------------------------------------------------------------------ */

/* The oldest ended jobs are to go until what is left is within both limits. */
static size_t choose_forgotten(const struct csn_job_table *table, uint32_t kept_max,
                               uint32_t *forgotten) {
  size_t kept = 0, count = 0;
  uint64_t bytes = 0;
  for (size_t i = table->count; i-- > 0;) {
    const struct csn_hub_job *about = &table->jobs[i].about;
    if (runs(&table->jobs[i])) continue;
    kept++;
    bytes += about->out_bytes + about->err_bytes;
    if (kept <= kept_max && bytes <= KEPT_BYTES) continue;
    forgotten[count++] = about->number;
  }
  return count;
}

static uint64_t wall_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void refuse(struct csn_hub_answer *answer, const char *text) {
  answer->text_size = (uint16_t)snprintf(answer->text, sizeof answer->text, "%s", text);
}

static void add(struct csn_job_table *table, const struct csn_hub_request *request, pid_t pid,
                int fd, int claimant) {
  struct csn_job *job = &table->jobs[table->count++];
  *job = (struct csn_job){.pid = pid, .fd = fd, .claimant = claimant, .reader = -1,
                          .started = csn_guest_now()};
  job->about = (struct csn_hub_job){.number = table->last,
                                    .state = CSN_HUB_JOB_STARTING,
                                    .started_ms = wall_ms(),
                                    .timeout_ms = request->timeout_ms,
                                    .output_max = request->output_max};
  memcpy(job->about.command, request->command, sizeof request->command - 1);
}

void csn_jobs_start(struct csn_job_table *table, const struct csn_hub_request *request,
                    const int inputs[CSN_JOB_INPUTS], int claimant, struct csn_hub_answer *answer) {
  uint32_t forgotten[CSN_JOBS_MAX], running = csn_jobs_running(table);
  char text[120];
  int pair[2];
  if (running >= request->running_max || running >= CSN_JOBS_RUNNING_MAX) {
    snprintf(text, sizeof text, "%u background jobs run already, and no more may", running);
    refuse(answer, text);
    return;
  }
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    refuse(answer, "process 1 of the sandbox has no descriptor left");
    return;
  }
  struct csn_job_start start = {.number = table->last + 1,
                                .ring = table->ring > 0 ? table->ring : -1,
                                .timeout_ms = request->timeout_ms,
                                .output_max = request->output_max,
                                .control = pair[1],
                                .forgotten = forgotten};
  memcpy(start.inputs, inputs, sizeof start.inputs);
  start.forgotten_count = choose_forgotten(
      table, request->kept_max < KEPT_MAX ? request->kept_max : KEPT_MAX, forgotten);
  pid_t pid = _Fork();
  if (pid == 0) csn_job_keeper_main(&start);
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    refuse(answer, "no process could be started: the sandbox's limit on processes is reached");
    return;
  }
  for (size_t i = 0; i < start.forgotten_count; i++) forget(table, find(table, forgotten[i]));
  table->last++;
  add(table, request, pid, pair[0], claimant);
  answer->job = table->jobs[table->count - 1].about;
}

/* ---- what is asked about them -------------------------------------------------------------- */

void csn_jobs_look(struct csn_job_table *table, const struct csn_hub_request *request,
                   struct csn_hub_answer *answer) {
  bool next = (request->flags & CSN_HUB_NEXT) != 0;
  uint32_t number = (uint32_t)request->pid;
  struct csn_job *job = next ? find_next(table, number) : find(table, number);
  if (job == NULL) return;
  answer->job = job->about;
  if (runs(job))
    answer->job.duration_ms = (csn_guest_now() - job->started) / CSN_MS_IN_NS;
  size_t size = strnlen(job->text, sizeof job->text);
  memcpy(answer->text, job->text, size);
  answer->text_size = (uint16_t)size;
  if (job->about.state == CSN_HUB_JOB_FAILED) forget(table, job);
}

/* One pass under the keeper, which must not be stopped meanwhile: it is to see who is dead. */
static void sweep(const struct csn_job *job, uint32_t flags, struct csn_job_order *order) {
  struct csn_sweep_result result;
  kill(job->pid, SIGCONT);
  if (csn_sweep_tree(job->pid, getpid(), (flags & CSN_HUB_FREEZE) != 0, &result) < 0) return;
  order->found = result.found;
  snprintf(order->text, sizeof order->text, "%s", result.text);
}

static void order(const struct csn_job *job, const struct csn_job_order *order) {
  send(job->fd, order, sizeof *order, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The keeper will ask for the sweeps; the first one does not wait for it. */
static void kill_job(const struct csn_job *job) {
  struct csn_job_order ignored = {0};
  order(job, &(struct csn_job_order){.kind = CSN_JOB_END});
  sweep(job, 0, &ignored);
}

void csn_jobs_kill(struct csn_job_table *table, uint32_t number) {
  const struct csn_job *job = find(table, number);
  if (job != NULL && runs(job)) kill_job(job);
}

void csn_jobs_seen(struct csn_job_table *table, const struct csn_hub_request *request,
                   int connection) {
  struct csn_job *job = find(table, (uint32_t)request->pid);
  if (job == NULL) return;
  job->reader = connection;
  job->out_next = request->out;
  job->err_next = request->err;
}

void csn_jobs_commit(struct csn_job_table *table, int connection) {
  for (size_t i = 0; i < table->count; i++) {
    struct csn_job *job = &table->jobs[i];
    if (job->claimant == connection) job->claimant = -1;
    if (job->reader != connection) continue;
    job->reader = -1;
    job->about.out_seen = job->out_next;
    job->about.err_seen = job->err_next;
  }
}

void csn_jobs_disown(struct csn_job_table *table, int connection) {
  for (size_t i = 0; i < table->count; i++) {
    struct csn_job *job = &table->jobs[i];
    if (job->reader == connection) job->reader = -1;
    if (job->claimant != connection) continue;
    job->claimant = -1;
    if (runs(job)) kill_job(job);
  }
}

/* ---- what the keepers say ------------------------------------------------------------------ */

static void take_end(struct csn_job_table *table, struct csn_job *job,
                     const struct csn_job_note *note) {
  struct csn_hub_job about = job->about;
  about.outcome = note->about.outcome;
  about.how = note->about.how;
  about.status = note->about.status;
  about.survivors = note->about.survivors;
  about.duration_ms = note->about.duration_ms;
  about.out_bytes = note->about.out_bytes;
  about.err_bytes = note->about.err_bytes;
  about.dropped = note->about.dropped;
  job->about = about;
  memcpy(job->text, note->text, sizeof job->text);
  end(job, CSN_HUB_JOB_ENDED);
  if (about.outcome == CSN_HUB_JOB_KILLED || about.outcome == CSN_HUB_JOB_DEADLINE)
    table->killed = about.number;
}

/* False: it asks for everything to be killed. */
static bool obey(struct csn_job_table *table, struct csn_job *job,
                 const struct csn_job_note *note) {
  struct csn_job_order swept = {.kind = CSN_JOB_SWEPT};
  switch (note->kind) {
  case CSN_JOB_STARTED:
    job->about.state = CSN_HUB_JOB_RUNNING;
    job->about.pid = note->about.pid;
    break;
  case CSN_JOB_FAILED:
    job->about.stage = note->about.stage;
    job->about.status = note->about.status;
    end(job, CSN_HUB_JOB_FAILED);
    break;
  case CSN_JOB_COMMAND_ENDED:
    job->about.how = note->about.how;
    job->about.status = note->about.status;
    break;
  case CSN_JOB_SWEEP:
    sweep(job, note->flags, &swept);
    order(job, &swept);
    break;
  case CSN_JOB_PURGE: return false;
  case CSN_JOB_ENDED: take_end(table, job, note); break;
  case CSN_JOB_WRITE_FAILED: job->about.write_error = note->about.write_error; break;
  default: break;
  }
  return true;
}

static bool hear(struct csn_job_table *table, struct csn_job *job) {
  struct csn_job_note note;
  while (job->fd >= 0 && recv(job->fd, &note, sizeof note, MSG_DONTWAIT) == (ssize_t)sizeof note) {
    if (!obey(table, job, &note)) return false;
  }
  return true;
}

size_t csn_jobs_poll(const struct csn_job_table *table, struct pollfd *fds) {
  size_t count = 0;
  for (size_t i = 0; i < table->count && count < CSN_JOBS_RUNNING_MAX; i++) {
    if (table->jobs[i].fd >= 0)
      fds[count++] = (struct pollfd){.fd = table->jobs[i].fd, .events = POLLIN};
  }
  return count;
}

uint32_t csn_jobs_handle(struct csn_job_table *table) {
  for (size_t i = 0; i < table->count; i++) {
    if (!hear(table, &table->jobs[i])) return table->jobs[i].about.number;
  }
  return 0;
}

/* ---- what becomes of the keepers ----------------------------------------------------------- */

static void lose(struct csn_job *job, const char *why) {
  if (!runs(job)) return;
  job->about.outcome = CSN_HUB_JOB_LOST;
  job->about.duration_ms = (csn_guest_now() - job->started) / CSN_MS_IN_NS;
  snprintf(job->text, sizeof job->text, "%s", why);
  end(job, CSN_HUB_JOB_ENDED);
}

/* What it said last is heard before its death is taken for anything. */
void csn_jobs_reaped(struct csn_job_table *table, pid_t pid) {
  for (size_t i = 0; i < table->count; i++) {
    struct csn_job *job = &table->jobs[i];
    if (job->pid != pid) continue;
    hear(table, job);
    job->pid = 0;
    if (!runs(job)) return;
    lose(job, "the helper's process that kept the job was killed from inside the sandbox");
    table->lost = job->about.number;
  }
}

void csn_jobs_survived(struct csn_job_table *table, uint32_t number, uint32_t count,
                       const char *text) {
  struct csn_job *job = find(table, number);
  if (job == NULL) return;
  job->about.survivors = count;
  snprintf(job->text, sizeof job->text, "%s", text);
}

void csn_jobs_lose(struct csn_job_table *table, const char *why) {
  char text[CSN_HUB_TEXT_MAX];
  snprintf(text, sizeof text, "everything that ran in the sandbox was killed: %.180s", why);
  for (size_t i = 0; i < table->count; i++) {
    hear(table, &table->jobs[i]);
    lose(&table->jobs[i], text);
  }
}

void csn_jobs_continue(const struct csn_job_table *table) {
  for (size_t i = 0; i < table->count; i++) {
    if (table->jobs[i].pid > 0) kill(table->jobs[i].pid, SIGCONT);
  }
}
