/* SPDX-License-Identifier: Apache-2.0 */
/* Why a call was lost, as far as the engine can tell. */
#include <stdio.h>
#include <string.h>

#include "channel/ends.h"
#include "engine/events.h"
#include "session/internal.h"

#define CAUSE_NS (5 * CSN_SECOND)
/* For so long an engine may still say of a container that just ended that it runs. */
#define ENDING_NS (300 * CSN_MS)
#define LOOK_EVERY (10 * CSN_MS)

static void say(struct csn_run_result *r, const char *reason, const char *message) {
  snprintf(r->reason, sizeof r->reason, "%s", reason);
  snprintf(r->message, sizeof r->message, "%s", message);
}

/* What the exit code of process 1 means. */
static const struct {
  int exit_code;
  const char *reason, *message;
} ends[] = {
    {CSN_END_IDLE, CAISSON_REASON_SESSION_LOST,
     "the sandbox ended because it had been idle too long (sandbox.idle_ttl_s); its files are "
     "gone, unless its workspace is kept; the next call starts a new one"},
    {CSN_END_LIFETIME, CAISSON_REASON_SESSION_LOST,
     "the sandbox reached the end of its life (sandbox.max_lifetime_s); its files are gone, "
     "unless its workspace is kept; the next call starts a new one"},
    {CSN_END_SQUEEZED, CAISSON_REASON_SANDBOX_SQUEEZED,
     "the sandbox was ended because something in it changed the limits of its process 1; its files "
     "are gone, unless its workspace is kept; the next call starts a new one"},
    {CSN_END_INTERNAL, CAISSON_REASON_SESSION_LOST,
     "process 1 of the sandbox could not go on; its files are gone, unless its "
     "workspace is kept; the next call starts a new one"},
};

static void set_death(struct csn_run_result *r, const struct csn_death *death) {
  if (death->seen && death->oom) {
    r->outcome = CAISSON_OUTCOME_OOM;
    r->exit_code = CAISSON_EXIT_OOM;
    say(r, CAISSON_REASON_MEMORY_LIMIT,
        "the sandbox ran out of memory and the kernel ended it; its files are gone, unless "
        "its workspace is kept; the next call starts a new one");
    return;
  }
  for (size_t i = 0; death->seen && i < sizeof ends / sizeof *ends; i++)
    if (ends[i].exit_code == death->exit_code) {
      say(r, ends[i].reason, ends[i].message);
      return;
    }
  say(r, CAISSON_REASON_SESSION_LOST,
      "the sandbox's container was removed or killed from outside while the command ran; its files "
      "are gone, unless its workspace is kept; the next call starts a new one");
}

/* The sandbox runs, but the helper in it was killed before it could say anything. */
static void say_helper_is_gone(struct csn_run_result *r) {
  char before[sizeof r->message];
  memcpy(before, r->message, sizeof before);
  snprintf(r->message, sizeof r->message,
           "%.300s; everything that ran in the sandbox was ended, its files are there", before);
}

/* By looking, not by the engine's own wait: that may itself look only now and then. */
int csn_session_is_ending(struct csn_sessions *all, const char *container) {
  struct csn_control control = CSN_CONTROL_NONE;
  control.deadline = csn_clock_after(ENDING_NS);
  struct csn_error err;
  do {
    struct csn_container found CSN_CLEANUP_CONTAINER = {0};
    int rc = csn_container_inspect(all->engine, container, &control, &found, &err);
    if (rc) return csn_engine_is_missing(&err);
    if (found.state != CSN_CONTAINER_RUNNING) return 1;
  } while (csn_control_poll(&control, NULL, 0, csn_clock_after(LOOK_EVERY), &err) == 0);
  return 0;
}

int csn_session_find_cause(struct csn_sessions *all, const char *container, int64_t started,
                           struct csn_run_result *lost) {
  struct csn_control control = CSN_CONTROL_NONE;
  control.deadline = csn_clock_after(CAUSE_NS);
  struct csn_error err;
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(all->engine, container, &control, &found, &err);
  if (rc == 0 && found.state == CSN_CONTAINER_RUNNING &&
      (lost->explained || !csn_session_is_ending(all, container))) {
    if (!lost->explained) say_helper_is_gone(lost);
    return 0;
  }
  if (rc == 0 && found.state == CSN_CONTAINER_PAUSED) {
    say(lost, CAISSON_REASON_HELPER_LOST,
        "the sandbox is paused on the engine; once it is unpaused (docker unpause) the command is "
        "ended, and the files are there");
    return 0;
  }
  if (rc && !csn_engine_is_missing(&err)) {
    say(lost, CAISSON_REASON_ENGINE_UNREACHABLE,
        "the container engine went away while the command ran; what became of it is not known");
    return 0;
  }
  struct csn_death death = {0};
  if (csn_events_death(all->engine, container, started, &control, &death, &err) != 0)
    death.seen = 0;
  set_death(lost, &death);
  return 1;
}
