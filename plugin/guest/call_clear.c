/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that cannot start because no process is left to be had. If nothing but what earlier
 * commands left in the background can hold them (a fork bomb that its command outlived, say), then
 * nobody has a handle on it any more, and the sandbox would be of no use until its end. So process
 * 1 ends all of it; files stay. While another channel has a call in flight, or a background job
 * runs, nothing is touched: a job is no leftover, and can be killed by its id.
 */
#include "guest/basics.h"
#include "guest/job_dir.h"
#include "guest/serve.h"

#include <errno.h>
#include <string.h>

#define ANSWER_NS (10000 * CSN_MS_IN_NS)

#define LIMIT_TEXT "no process could be started: the sandbox's limit on processes is reached"

static void end(struct csn_serve *serve, const char *text) {
  csn_call_end_error(serve, CSN_REASON_PROCESSES, EAGAIN, text);
}

/* A job may be what holds all processes, so its end must not need one. */
static bool kill_job(struct csn_serve *serve) {
  const struct csn_request *request = &serve->call.request;
  if (request->run.operation == NULL ||
      strcmp(request->run.operation, CSN_JOB_KILL_OPERATION) != 0 || request->operands[0] == NULL)
    return false;
  for (const char *const *operand = request->operands; *operand != NULL; operand++) {
    if (strncmp(*operand, "job_id=", 7) == 0)
      csn_registry_kill_job(&serve->registry, csn_job_number(*operand + 7));
  }
  end(serve, LIMIT_TEXT ", so nothing could wait for the job's end; it is being killed all the "
                        "same: ask for it again in a moment");
  return true;
}

void csn_call_clear(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  if (kill_job(serve)) return;
  call->state = CSN_CALL_CLEARING;
  call->kill.next = serve->now + ANSWER_NS;
  call->kill.awaited = csn_registry_ask(&serve->registry, CSN_HUB_STAT);
}

void csn_call_clear_status(struct csn_serve *serve, const struct csn_hub_answer *status) {
  struct csn_call *call = &serve->call;
  if (call->state != CSN_CALL_CLEARING || call->kill.awaited != status->number) return;
  if (status->busy_others > 0)
    end(serve,
        LIMIT_TEXT "; another call or a background job is running in this session, and what "
                   "earlier commands left in the background counts too. A job can be ended with "
                   "shell_kill");
  else
    csn_registry_ask(&serve->registry, CSN_HUB_PURGE);
}

void csn_call_cleared(struct csn_serve *serve) {
  end(serve, LIMIT_TEXT " by what earlier commands had left in the background, or by the sandbox's "
                        "service, so all of that was ended; files are still there, and commands can "
                        "run again");
}

void csn_call_clear_late(struct csn_serve *serve) {
  if (serve->now >= serve->call.kill.next) end(serve, LIMIT_TEXT);
}
