/* SPDX-License-Identifier: Apache-2.0 */
/* callers.c: a chat server's traffic in small: each thread makes one call after the other and looks
 * at every answer. Knows that there are swaps, and not how they are done. */
#include "callers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interrupt.h"
#include "json.h"
#include "ui.h"

#define NAP_NS 1000000
#define CLASS_RATIO 1.02
#define SMALLEST_MS 0.005

struct caller {
  pthread_t thread;
  struct csn_callers *all;
  unsigned number;
  atomic_uint_least64_t seen; /* the last generation << 32, and how many answers came from it */
  struct csn_times quiet, beside;
  uint64_t failed, lost, retried;
  char first_failure[CAISSON_MESSAGE_SIZE];
};

/* ---- times ----------------------------------------------------------------------------------- */

static double now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The upper bound of a class. */
static double bound(size_t class) { return SMALLEST_MS * pow(CLASS_RATIO, (double)class + 1); }

static size_t class_of(double ms) {
  if (ms <= SMALLEST_MS)
    return 0;
  size_t class = (size_t)(log(ms / SMALLEST_MS) / log(CLASS_RATIO));
  return class < CSN_TIMES ? class : CSN_TIMES - 1;
}

void csn_times_add(struct csn_times *times, double ms) {
  times->counts[class_of(ms)]++;
  times->calls++;
  if (ms > times->max_ms)
    times->max_ms = ms;
}

static void add_up(struct csn_times *to, const struct csn_times *from) {
  for (size_t i = 0; i < CSN_TIMES; i++)
    to->counts[i] += from->counts[i];
  to->calls += from->calls;
  if (from->max_ms > to->max_ms)
    to->max_ms = from->max_ms;
}

double csn_times_quantile(const struct csn_times *times, double share) {
  uint64_t below = 0;
  for (size_t i = 0; i < CSN_TIMES; i++) {
    below += times->counts[i];
    if (times->calls > 0 && (double)below >= share * (double)times->calls)
      return bound(i) < times->max_ms ? bound(i) : times->max_ms;
  }
  return 0;
}

uint64_t csn_times_above(const struct csn_times *times, double ms) {
  uint64_t above = 0;
  for (size_t i = class_of(ms) + 1; i < CSN_TIMES; i++)
    above += times->counts[i];
  return above;
}

/* ---- one call -------------------------------------------------------------------------------- */

static bool answers(const struct csn_reply *reply, const char *wanted) {
  const char *out = csn_json_string(csn_reply_structured(reply), "stdout");
  return !wanted || (out && strncmp(out, wanted, strlen(wanted)) == 0 &&
                     strcmp(out + strlen(wanted), "\n") == 0);
}

static void judge(struct caller *me, const struct csn_reply *reply, const char *wanted) {
  bool ended = reply->status >= 0 && reply->result.outcome == CAISSON_OUTCOME_EXITED;
  bool right = answers(reply, wanted);
  me->retried += reply->retries;
  if (ended && right && reply->result.exit_code == 0)
    return;
  if (me->failed++ == 0)
    (void)snprintf(me->first_failure, sizeof me->first_failure,
                   "status %d, outcome %d, exit code %d: %.800s", (int)reply->status,
                   (int)reply->result.outcome, (int)reply->result.exit_code,
                   reply->status < 0 ? reply->error.message : reply->json ? reply->json : "");
  if (reply->result.outcome == CAISSON_OUTCOME_LOST || (ended && !right))
    me->lost++;
}

/* A number that no other call has, so that an answer that went astray shows. */
static void make_call(struct caller *me, uint64_t serial, struct csn_reply *reply) {
  const struct csn_callers *all = me->all;
  char number[48], args[96];
  struct csn_call call = {
      .name = all->tool,
      .args = all->args,
      .session = all->keys[me->number % all->sessions],
      .timeout_ms = all->timeout_ms,
      .input = -1,
      .beside = true,
  };
  (void)snprintf(number, sizeof number, "%u-%" PRIu64, me->number, serial);
  (void)snprintf(args, sizeof args, "{\"command\": \"echo %s\"}", number);
  if (!all->args)
    call.args = args;
  csn_host_call(all->host, &call, reply);
  judge(me, reply, all->args ? NULL : number);
}

/* The first answer of a generation is made slower by the swap too, whenever it comes: the new
 * version has to find the session first. */
static bool is_first_of(struct caller *me, unsigned generation) {
  uint64_t seen = atomic_load(&me->seen);
  bool first = seen >> 32 != generation;
  atomic_store(&me->seen, first ? ((uint64_t)generation << 32) + 1 : seen + 1);
  return first;
}

/* A tool that no version offers any more is refused by the host, for the one that serves. */
static unsigned answered_by(const struct caller *me, const struct csn_reply *reply) {
  struct csn_version now;
  if (reply->generation > 0)
    return reply->generation;
  csn_slot_version(csn_host_slot(me->all->host), &now);
  return now.generation;
}

static void *call_on(void *arg) {
  struct caller *me = arg;
  struct csn_callers *all = me->all;
  for (uint64_t serial = 1; !atomic_load(&all->stop) && !csn_interrupt_pressed(); serial++) {
    struct csn_reply reply;
    unsigned ended = atomic_load(&all->swaps_ended);
    double begin = now_ms();
    make_call(me, serial, &reply);
    double took = now_ms() - begin;
    bool overlaps = atomic_load(&all->swaps_begun) > ended;
    bool first = is_first_of(me, answered_by(me, &reply));
    csn_times_add(overlaps || first ? &me->beside : &me->quiet, took);
    csn_reply_free(&reply);
  }
  return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

void csn_callers_start(struct csn_callers *callers) {
  atomic_store(&callers->stop, false);
  callers->each = csn_must(calloc(callers->threads, sizeof callers->each[0]));
  for (unsigned i = 0; i < callers->threads; i++) {
    struct caller *c = &callers->each[i];
    c->all = callers;
    c->number = i;
    if (pthread_create(&c->thread, NULL, call_on, c) != 0)
      (void)csn_must(NULL); /* no memory for its stack, or no more threads than that */
  }
}

void csn_callers_stop(struct csn_callers *callers) {
  atomic_store(&callers->stop, true);
  for (unsigned i = 0; i < callers->threads; i++) {
    struct caller *c = &callers->each[i];
    (void)pthread_join(c->thread, NULL);
    add_up(&callers->quiet, &c->quiet);
    add_up(&callers->beside, &c->beside);
    if (callers->failed == 0 && c->failed > 0)
      memcpy(callers->first_failure, c->first_failure, sizeof callers->first_failure);
    callers->calls += c->quiet.calls + c->beside.calls;
    callers->failed += c->failed;
    callers->lost += c->lost;
    callers->retried += c->retried;
  }
  free(callers->each);
  callers->each = NULL;
}

static bool have_answers(const struct csn_callers *callers, unsigned generation, unsigned calls) {
  for (unsigned i = 0; i < callers->threads; i++) {
    uint64_t seen = atomic_load(&callers->each[i].seen);
    if (seen >> 32 != generation || (uint32_t)seen < calls)
      return false;
  }
  return true;
}

bool csn_callers_await(const struct csn_callers *callers, unsigned generation, unsigned calls) {
  const struct timespec nap = {.tv_nsec = NAP_NS};
  while (!have_answers(callers, generation, calls)) {
    if (csn_interrupt_pressed())
      return false;
    (void)nanosleep(&nap, NULL);
  }
  return true;
}

void csn_callers_swap_begins(struct csn_callers *callers) {
  (void)atomic_fetch_add(&callers->swaps_begun, 1);
}

void csn_callers_swap_ended(struct csn_callers *callers) {
  (void)atomic_fetch_add(&callers->swaps_ended, 1);
}
