/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `service_ready`: wait until the service can be used. Operands: port, and path and status for HTTP,
 * with timeout_ms; without a port it is enough that it still runs after settle_ms. Refuses once it
 * is clear that this will not be. `service_status`: how it stands, with one look whether a run that
 * is not known to be ready is; the same operands. The latter is no sign of life.
 */
#include "guest/basics.h"
#include "guest/files/service_client.h"
#include "guest/files/service_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_PAUSE_NS (10 * CSN_MS_IN_NS)
#define LAST_PAUSE_NS (250 * CSN_MS_IN_NS)
#define ATTEMPT_NS (5000 * CSN_MS_IN_NS)   /* for one answer: the next may be quicker */
#define LOOK_NS (1000 * CSN_MS_IN_NS)      /* for the one answer that a look waits for */
#define START_NS (10000 * CSN_MS_IN_NS)    /* for a process, which takes long on a busy machine */

struct waiting {
  struct csn_service_client client;
  struct csn_service_probe probe;   /* port 0: none */
  uint64_t end, settle_ms;
  char why[320];                    /* the last probe did not do */
};

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static int fail_late(struct csn_op *op, struct waiting *w) {
  char what[480];
  snprintf(what, sizeof what, "the service was not ready in time (it is %s)%s%s",
           csn_service_state(&w->client.answer), w->why[0] != '\0' ? "; " : "", w->why);
  return csn_service_refuse(op, &w->client, CSN_OP_SERVICE_NOT_READY, what);
}

/* What the last one before the time was over saw is worth more than that it was over. */
static bool probe(struct waiting *w) {
  char why[sizeof w->why] = "";
  uint64_t now = csn_guest_now();
  if (now >= w->end) return false;
  bool good = csn_service_probe(&w->probe, earlier(w->end, now + ATTEMPT_NS), why, sizeof why);
  if (!good && (w->why[0] == '\0' || csn_guest_now() < w->end)) memcpy(w->why, why, sizeof why);
  return good;
}

static bool is_usable(struct waiting *w) {
  const struct csn_hub_answer *answer = &w->client.answer;
  if (answer->service.state != CSN_HUB_SERVICE_RUNNING) return false;
  if (answer->service.is_ready) return true;
  return w->probe.port != 0 ? probe(w) : answer->job.duration_ms >= w->settle_ms;
}

/* 1: it is ready; 0: not yet; -1 after csn_op_fail. */
static int look(struct csn_op *op, struct waiting *w) {
  const struct csn_hub_answer *answer = &w->client.answer;
  if (csn_service_ask_state(op, &w->client) < 0) return -1;
  uint8_t state = answer->service.state;
  bool has_failed = state == CSN_HUB_SERVICE_WAITING && w->probe.port == 0;
  if (state == CSN_HUB_SERVICE_NONE || state == CSN_HUB_SERVICE_ENDED || has_failed)
    return csn_service_refuse(op, &w->client, CSN_OP_SERVICE_FAILED,
                              "the service ended as soon as it was started");
  return is_usable(w);
}

static int await_ready(struct csn_op *op, struct waiting *w) {
  uint64_t pause = FIRST_PAUSE_NS;
  for (;;) {
    int found = look(op, w);
    if (found != 0) return found;
    uint64_t now = csn_guest_now();
    if (now >= w->end) return fail_late(op, w);
    uint64_t span = earlier(pause, w->end - now);
    nanosleep(&(struct timespec){0, (long)span}, NULL);
    pause = earlier(pause * 2, LAST_PAUSE_NS);
  }
}

static struct waiting read_operands(const struct csn_op *op) {
  struct waiting w = {.settle_ms = csn_op_number(op, "settle_ms", 0)};
  w.probe.port = (uint16_t)csn_op_number(op, "port", 0);
  w.probe.path = csn_op_text(op, "path");
  w.probe.status = (int)csn_op_number(op, "status", 0);
  return w;
}

/* `found` as look() gives it: process 1 keeps that it is ready, and what it then says is reported. */
static int conclude(struct csn_op *op, struct waiting *w, int found) {
  if (found > 0) {
    csn_service_tell_ready(w->client.answer.job.number);
    found = csn_service_ask_state(op, &w->client);
  }
  if (found == 0) csn_service_report(&op->answer, &w->client.answer);
  csn_ring_unmap(&w->client.log);
  return found;
}

int csn_op_service_ready(struct csn_op *op) {
  struct waiting w = read_operands(op);
  uint64_t timeout = csn_op_number(op, "timeout_ms", 0) * CSN_MS_IN_NS;
  w.end = csn_guest_now() + (w.probe.port != 0 ? timeout : START_NS);
  return conclude(op, &w, await_ready(op, &w));
}

int csn_op_service_status(struct csn_op *op) {
  struct waiting w = read_operands(op);
  w.end = csn_guest_now() + LOOK_NS;
  int found = csn_service_ask_state(op, &w.client);
  if (found == 0) found = is_usable(&w);
  return conclude(op, &w, found);
}
