/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a call: the one frame that says so, and everything of the call given back. After it
 * the serve is as it was before the call: no descriptor, no memory, no file of it is left but the
 * spill.
 */
#include "guest/oom.h"
#include "guest/serve.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void csn_call_reset(struct csn_call *call) {
  memset(call, 0, sizeof *call);
  call->process = CSN_SPAWNED_NONE;
  call->feed.fd = call->script.fd = call->spill.fd = -1;
}

struct csn_wire_text csn_call_text(const char *string) {
  return (struct csn_wire_text){string, strlen(string)};
}

/* What the command left in the background may still print. Then its pipes must go on being read: a
 * supervisor does that when we close the control socket; what is under us we read ourselves. */
static void keep_pipes(struct csn_serve *serve) {
  struct csn_spawned *process = &serve->call.process;
  if (!serve->call.direct || !serve->has_children) return;
  serve->leftovers = CSN_SPAWNED_NONE;
  serve->leftovers.out = process->out;
  serve->leftovers.err = process->err;
  process->out = process->err = -1;
}

static void clean_up(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  keep_pipes(serve);
  csn_feed_close(&call->feed);
  csn_spill_end(&call->spill);
  csn_script_remove(&call->script);
  csn_request_free(&call->request);
  csn_spawned_close(&call->process);
  if (call->job.request != NULL) dup3(serve->devnull, CSN_SPAWN_HUB, O_CLOEXEC);
  csn_call_reset(call);
}

/* Put a frame, unless nobody listens. */
static void put_fault(struct csn_serve *serve, uint8_t type, const char *reason, int number,
                      const char *text) {
  const struct csn_wire_fault fault = {csn_call_text(reason), (uint64_t)number,
                                       csn_call_text(text)};
  struct csn_wire_out out = csn_outbox_control(&serve->outbox);
  csn_wire_put_fault(&out, type, &fault);
  csn_outbox_commit(&serve->outbox, &out);
}

void csn_call_end_error(struct csn_serve *serve, const char *reason, int number, const char *text) {
  put_fault(serve, CSN_FRAME_ERROR, reason, number, text);
  clean_up(serve);
}

void csn_call_end_lost(struct csn_serve *serve, const char *reason, const char *text) {
  put_fault(serve, CSN_FRAME_LOST, reason, 0, text);
  clean_up(serve);
  serve->leaving = true;
  serve->exit_code = CSN_SERVE_EXIT_LOST;
}

static bool was_killed_for_memory(const struct csn_serve *serve) {
  const struct csn_call *call = &serve->call;
  if (call->has_status && call->status == 0) return false;
  return csn_oom_count(serve->oom_fd) > serve->oom_seen;
}

static uint64_t outcome_of(const struct csn_call *call, bool oom) {
  if (call->kill.outcome != 0) return call->kill.outcome;
  /* 137 is how a shell passes on that its own child was killed. */
  bool killed = call->has_status && (WIFSIGNALED(call->status) ? WTERMSIG(call->status) == 9
                                                              : WEXITSTATUS(call->status) == 137);
  return oom && killed ? CSN_OUTCOME_OOM : CSN_OUTCOME_EXITED;
}

static void set_how(const struct csn_call *call, struct csn_wire_exit *message) {
  message->how = call->started == 0 ? CSN_HOW_NOT_STARTED : CSN_HOW_UNKNOWN;
  if (!call->has_status) return;
  bool signalled = WIFSIGNALED(call->status);
  message->how = signalled ? CSN_HOW_SIGNALLED : CSN_HOW_EXITED;
  message->status = (uint64_t)(signalled ? WTERMSIG(call->status) : WEXITSTATUS(call->status));
}

static void set_spill(const struct csn_spill *spill, struct csn_wire_exit *message) {
  if (spill->path[0] == '\0') return;
  message->spill_path = csn_call_text(spill->path);
  message->spill_bytes = spill->size;
  message->spill_whole = !spill->given_up;
}

/* Only what is reported as done counts: a job that was started, output that was shown. */
static void commit_job(const struct csn_call *call, uint64_t outcome) {
  const struct csn_hub_request commit = {.version = CSN_HUB_VERSION, .kind = CSN_HUB_JOB_COMMIT};
  if (call->job.request == NULL || outcome != CSN_OUTCOME_EXITED || !call->has_status ||
      call->status != 0)
    return;
  send(CSN_SPAWN_HUB, &commit, sizeof commit, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void csn_call_end_exit(struct csn_serve *serve) {
  const struct csn_call *call = &serve->call;
  struct csn_wire_exit message = {
    .out_bytes = call->out_bytes,
    .err_bytes = call->err_bytes,
    .still_running = call->still_running,
    .kill_rounds = call->kill.rounds,
  };
  message.oom = was_killed_for_memory(serve);
  message.outcome = outcome_of(call, message.oom != 0);
  commit_job(call, message.outcome);
  if (call->started != 0)
    message.duration_ns = (call->ended != 0 ? call->ended : serve->now) - call->started;
  set_how(call, &message);
  set_spill(&call->spill, &message);
  if (call->kill.outcome != 0 && call->kill.found > 0) {
    message.survivors = call->kill.found;
    message.survivor_text = csn_call_text(call->kill.text);
  }
  struct csn_wire_out out = csn_outbox_control(&serve->outbox);
  csn_wire_put_exit(&out, &message);
  csn_outbox_commit(&serve->outbox, &out);
  clean_up(serve);
}
