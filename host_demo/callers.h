/* SPDX-License-Identifier: Apache-2.0 */
/* callers.h: threads that call without pause, and what became of their calls: how many, how many
 * failed, how long they took while nothing else happened and while a swap was going on. */
#ifndef HOST_CALLERS_H
#define HOST_CALLERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "host.h"

#define CSN_CALLERS_SESSIONS 4

/* Times in classes that are 2 % apart, so that a million calls take no more memory than one. */
#define CSN_TIMES 1024
struct csn_times {
  uint64_t counts[CSN_TIMES], calls;
  double max_ms;
};

struct csn_callers {
  struct csn_host *host;
  const char *tool;
  const char *args; /* JSON; NULL: `tool` is a shell, and each call echoes a number of its own */
  unsigned threads, sessions;
  uint64_t timeout_ms;
  const char *keys[CSN_CALLERS_SESSIONS];

  /* Of csn_callers_swap_begins() and _swap_ended(): a call lay beside a swap if by its end one had
   * begun that had not ended by its begin. */
  atomic_uint swaps_begun, swaps_ended;
  atomic_bool stop;
  struct caller *each;

  /* Added to by csn_callers_stop(). */
  struct csn_times quiet, beside; /* may be emptied between two starts; the rest adds up */
  uint64_t calls;
  uint64_t failed;  /* did not end as the tool's success */
  uint64_t lost;    /* of these: nobody can say how it ended, or the answer is another call's */
  uint64_t retried; /* were refused by the version that was just being replaced, and made anew */
  char first_failure[CAISSON_MESSAGE_SIZE];
};

/* Starts the threads. host, tool, args, threads, sessions, timeout_ms and keys are set. */
void csn_callers_start(struct csn_callers *callers);

/* Ends each thread after its call, and adds up. */
void csn_callers_stop(struct csn_callers *callers);

/* Waits until each thread has had `calls` answers from this generation; false if a signal asks for
 * the end. */
bool csn_callers_await(const struct csn_callers *callers, unsigned generation, unsigned calls);

void csn_callers_swap_begins(struct csn_callers *callers);
void csn_callers_swap_ended(struct csn_callers *callers);

/* The time below which this share of the calls stayed, in milliseconds; 0 where there are none. */
double csn_times_quantile(const struct csn_times *times, double share);

void csn_times_add(struct csn_times *times, double ms);

/* Calls that took longer than that, up to the width of a class. */
uint64_t csn_times_above(const struct csn_times *times, double ms);

#endif
