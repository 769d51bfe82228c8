/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending a call by force. Process 1 does one freeze-scan-kill pass each time it is asked; the proof
 * that it was enough comes from the subreaper, us or a supervisor, whose waitpid says that it has
 * no children left. Until then we ask again. What is left after two seconds either cannot be killed
 * (a process in uninterruptible sleep: it is named) or something is wrong, and process 1 kills
 * everything.
 */
#include "guest/basics.h"
#include "guest/serve.h"
#include "guest/supervisor.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUND_NS (25 * CSN_MS_IN_NS)        /* for dying; then another sweep, and a longer wait */
#define GIVE_UP_NS (2000 * CSN_MS_IN_NS)
#define ANSWER_NS (10000 * CSN_MS_IN_NS)    /* for process 1 to answer: its own work is bounded */

static void ask_for_round(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  call->kill.rounds++;
  call->kill.awaited = csn_registry_ask_kill(&serve->registry,
                                            call->direct ? getpid() : call->process.pid,
                                            call->kill.rounds > 1 ? CSN_HUB_FREEZE : 0);
  call->kill.next = serve->now + ANSWER_NS;
}

void csn_call_kill(struct csn_serve *serve, uint64_t outcome) {
  struct csn_call *call = &serve->call;
  switch (call->state) {
  case CSN_CALL_GATHERING:
  case CSN_CALL_SCRIPT:
  case CSN_CALL_CLEARING:
    call->kill.outcome = outcome;
    csn_call_end_exit(serve);
    break;
  case CSN_CALL_RUNNING:
    call->state = CSN_CALL_KILLING;
    call->kill.outcome = outcome;
    call->kill.started = serve->now;
    if (!call->direct)
      send(call->process.control, &(char){CSN_NOTE_KILL}, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    ask_for_round(serve);
    break;
  case CSN_CALL_NONE:
  case CSN_CALL_KILLING:
  case CSN_CALL_PURGING:
  case CSN_CALL_DRAINING:
    break;
  }
}

void csn_call_killed(struct csn_serve *serve, const struct csn_hub_answer *answer) {
  struct csn_call_kill *kill = &serve->call.kill;
  if (serve->call.state != CSN_CALL_KILLING || kill->awaited != answer->number) return;
  kill->awaited = 0;
  kill->found = answer->found;
  memcpy(kill->text, answer->text, answer->text_size);
  kill->text[answer->text_size] = '\0';
  kill->next = serve->now + ROUND_NS * kill->rounds;
  if (serve->call.empty) csn_call_empty(serve);
}

/* It is time for the next step of a kill. */
void csn_call_kill_on(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  if (serve->now < call->kill.next) return;
  if (call->state == CSN_CALL_PURGING) {
    csn_call_end_lost(serve, CSN_REASON_INIT, "process 1 of the sandbox does not answer");
  } else if (call->kill.awaited != 0) {
    csn_call_end_lost(serve, CSN_REASON_INIT, "process 1 of the sandbox did not kill the call");
  } else if (serve->now - call->kill.started < GIVE_UP_NS) {
    ask_for_round(serve);
  } else if (call->kill.found > 0) {
    csn_call_end_exit(serve);
  } else {
    csn_call_purge(serve, CSN_REASON_KILL, "the command could not be killed by itself, so "
                                           "everything that ran in the sandbox was");
  }
}

void csn_call_purge(struct csn_serve *serve, const char *reason, const char *text) {
  struct csn_call *call = &serve->call;
  call->state = CSN_CALL_PURGING;
  call->fault =
      (struct csn_wire_fault){.reason = csn_call_text(reason), .text = csn_call_text(text)};
  call->kill.next = serve->now + ANSWER_NS;
  csn_registry_ask(&serve->registry, CSN_HUB_PURGE);
}
