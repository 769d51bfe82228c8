/* SPDX-License-Identifier: Apache-2.0 */
/* swap_trial.c: when to swap, and what is measured. Who calls meanwhile stands in callers.c, and how
 * a swap is done in slot.c. */
#include "swap_trial.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"

/* Answers that each thread has from a version before the next swap, so that there are times without
 * one to compare with. */
#define ANSWERS_BETWEEN 2
#define ANSWERS_BEFORE 20

/* ---- one swap -------------------------------------------------------------------------------- */

/* To the version that does not serve now. */
static int swap_over(struct csn_trial *t, struct csn_failure *failure) {
  struct csn_version now;
  csn_slot_version(csn_host_slot(&t->host), &now);
  t->next = strcmp(now.path, t->first) == 0 ? t->other : t->first;
  uint64_t grace = t->options->grace_ms ? t->options->grace_ms : CSN_GRACE_UNLIMITED;
  return csn_slot_swap(csn_host_slot(&t->host), t->next, grace, &t->swap, failure);
}

/* A swap under load, and its times. It is over for its callers when each has had an answer. */
static int timed_swap(struct csn_trial *t, struct csn_failure *failure) {
  csn_callers_swap_begins(&t->callers);
  int failed = swap_over(t, failure);
  const struct csn_swap *s = &t->swap;
  if (!failed) {
    t->swaps++;
    csn_times_add(&t->whole, s->load_ms + s->create_ms + s->test_ms + s->drain_ms + s->end_ms);
    csn_times_add(&t->load, s->load_ms);
    csn_times_add(&t->create, s->create_ms);
    csn_times_add(&t->test, s->test_ms);
    csn_times_add(&t->drain, s->drain_ms);
    csn_times_add(&t->end, s->end_ms);
    (void)csn_callers_await(&t->callers, s->is.generation, 1);
  }
  csn_callers_swap_ended(&t->callers);
  return failed;
}

/* ---- the load -------------------------------------------------------------------------------- */

static struct csn_held look(void) {
  struct csn_held held = {.memory_kb = -1};
  char line[256];
  (void)malloc_trim(0);
  FILE *f = fopen("/proc/self/status", "re");
  while (f && fgets(line, sizeof line, f))
    (void)sscanf(line, "RssAnon: %ld", &held.memory_kb);
  if (f)
    (void)fclose(f);
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d))
    held.descriptors++;
  if (d)
    (void)closedir(d);
  return held;
}

/* What is held is compared between two new generations of the old version that have served no call,
 * so that no open channel of a session is counted. */
static int settle(struct csn_trial *t, struct csn_held *held, struct csn_failure *failure) {
  struct csn_version now;
  int failed = 0;
  do {
    failed = swap_over(t, failure);
    csn_slot_version(csn_host_slot(&t->host), &now);
  } while (!failed && strcmp(now.path, t->first) != 0);
  *held = look();
  return failed;
}

/* Both versions have served all threads before anything is measured. */
static int warm_up(struct csn_trial *t, struct csn_failure *failure) {
  struct csn_callers *c = &t->callers;
  int failed = 0;
  csn_callers_start(c);
  bool going = csn_callers_await(c, 1, 1);
  for (int i = 0; i < 2 && going && !failed; i++) {
    failed = timed_swap(t, failure);
    going = !failed && csn_callers_await(c, t->swap.is.generation, 2);
  }
  csn_callers_stop(c);
  if (!failed && going)
    failed = settle(t, &t->before, failure);
  memset(&c->quiet, 0, sizeof c->quiet);
  memset(&c->beside, 0, sizeof c->beside);
  t->whole = t->load = t->create = t->test = t->drain = t->end = (struct csn_times){.calls = 0};
  t->swaps = 0;
  return failed;
}

int csn_trial_run(struct csn_trial *t, struct csn_failure *failure) {
  struct csn_callers *c = &t->callers;
  int failed = warm_up(t, failure);
  if (failed || csn_interrupt_pressed())
    return failed;
  csn_callers_start(c);
  bool going = csn_callers_await(c, t->swap.is.generation, ANSWERS_BEFORE);
  for (unsigned i = 0; i < t->options->count && going && !failed; i++) {
    failed = timed_swap(t, failure);
    going = !failed && csn_callers_await(c, t->swap.is.generation, 1 + ANSWERS_BETWEEN);
  }
  csn_callers_stop(c);
  if (!failed && going)
    failed = settle(t, &t->after, failure);
  return failed;
}
