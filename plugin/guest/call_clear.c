/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that cannot start because no process is left to be had. If nothing but what earlier
 * commands left in the background can hold them (a fork bomb that its command outlived, say), then
 * nobody has a handle on it any more, and the sandbox would be of no use until its end. So process
 * 1 ends all of it; files stay. While another channel has a call in flight, nothing is touched.
 */
#include "guest/basics.h"
#include "guest/serve.h"

#include <errno.h>

#define ANSWER_NS (10000 * CSN_MS_IN_NS)

#define LIMIT_TEXT "no process could be started: the sandbox's limit on processes is reached"

static void end(struct csn_serve *serve, const char *text) {
  csn_call_end_error(serve, CSN_REASON_PROCESSES, EAGAIN, text);
}

void csn_call_clear(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  call->state = CSN_CALL_CLEARING;
  call->kill.next = serve->now + ANSWER_NS;
  call->kill.awaited = csn_registry_ask(&serve->registry, CSN_HUB_STAT);
}

void csn_call_clear_status(struct csn_serve *serve, const struct csn_hub_answer *status) {
  struct csn_call *call = &serve->call;
  if (call->state != CSN_CALL_CLEARING || call->kill.awaited != status->number) return;
  if (status->busy_others > 0)
    end(serve,
        LIMIT_TEXT "; another call is running in this session, and what earlier commands left "
                   "in the background counts too");
  else
    csn_registry_ask(&serve->registry, CSN_HUB_PURGE);
}

void csn_call_cleared(struct csn_serve *serve) {
  end(serve, LIMIT_TEXT " by what earlier commands had left in the background, so all of that was "
                        "ended; files are still there, and commands can run again");
}

void csn_call_clear_late(struct csn_serve *serve) {
  if (serve->now >= serve->call.kill.next) end(serve, LIMIT_TEXT);
}
