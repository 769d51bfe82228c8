/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call from its request to the end of its command. What the host says comes through serve_host.c;
 * what the kernel or a supervisor says about the command, and what it prints, comes in here.
 */
#include "guest/basics.h"
#include "guest/brood.h"
#include "guest/files/op.h"
#include "guest/serve.h"
#include "guest/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- starting ------------------------------------------------------------------------------ */

struct failure_text {
  int number;   /* errno */
  const char *reason;
  const char *text;
};

/* Failures that have the same cause and cure wherever they happen. */
static const struct failure_text shortages[] = {
    {ENOMEM, CSN_REASON_MEMORY, "no process could be started: the sandbox is out of memory"},
    {EMFILE, CSN_REASON_FILES, "no process could be started: too many files are open"},
    {ENFILE, CSN_REASON_FILES,
     "no process could be started: too many files are open on this machine"},
    {E2BIG, CSN_REASON_TOO_BIG,
     "the arguments and the environment are longer than the kernel allows; use a file or stdin"},
};

static const struct failure_text *find_shortage(int number) {
  for (size_t i = 0; i < sizeof shortages / sizeof shortages[0]; i++) {
    if (shortages[i].number == number) return &shortages[i];
  }
  return NULL;
}

static void list_programs(const struct csn_wire_run *run, char *text, size_t size) {
  size_t used = 0;
  for (size_t i = 0; i < run->program_count; i++) {
    int length =
        snprintf(text + used, size - used, "%s%.200s", i > 0 ? ", " : "", run->programs[i]);
    if (length < 0 || (size_t)length >= size - used) return;
    used += (size_t)length;
  }
}

static void fail_to_launch(struct csn_serve *serve, const struct csn_launch_failure *failure) {
  const struct csn_wire_run *run = &serve->call.request.run;
  const struct failure_text *shortage = find_shortage(failure->number);
  const char *what;
  char programs[600] = "", text[900];
  list_programs(run, programs, sizeof programs);
  if (failure->stage == CSN_LAUNCH_FORK && csn_squeeze_happened(&serve->squeeze, &what)) {
    /* Not the sandbox's limit: somebody lowered ours. This serve is of no more use. */
    csn_call_purge(serve, CSN_REASON_SQUEEZED, CSN_CALL_SQUEEZED_TEXT);
  } else if (failure->number == EAGAIN) {
    csn_call_clear(serve);
  } else if (failure->stage == CSN_LAUNCH_NOT_FOUND) {
    snprintf(text, sizeof text, "not found in the sandbox: %s", programs);
    csn_call_end_error(serve, CSN_REASON_NOT_FOUND, failure->number, text);
  } else if (failure->stage == CSN_LAUNCH_CWD) {
    snprintf(text, sizeof text, "the working directory %.600s: %s", run->cwd,
             strerror(failure->number));
    csn_call_end_error(serve, CSN_REASON_CWD, failure->number, text);
  } else if (shortage != NULL) {
    csn_call_end_error(serve, shortage->reason, failure->number, shortage->text);
  } else {
    snprintf(text, sizeof text, "cannot execute %s: %s", programs, strerror(failure->number));
    csn_call_end_error(serve, CSN_REASON_EXEC, failure->number, text);
  }
}

/* An operation on jobs gets a socket to process 1, over ours: so process 1 knows whose it is. */
static void open_job_socket(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  int pair[2];
  call->is_look = csn_job_only_looks(call->request.run.operation);
  call->job = (struct csn_job_given){&call->request, call->script.path};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return;
  csn_registry_attach(&serve->registry, pair[1]);
  dup3(pair[0], CSN_SPAWN_HUB, O_CLOEXEC);
  close(pair[0]);
  close(pair[1]);
}

/* Under this serve itself if nothing else lives under it: then "no children" is about this call. */
static int spawn(struct csn_serve *serve, const struct csn_launch *launch,
                 struct csn_launch_failure *failure) {
  struct csn_call *call = &serve->call;
  bool with_stdin = call->request.run.stdin_follows != 0;
  if (serve->has_children) csn_serve_reap(serve);
  if (serve->has_children)
    return csn_spawn_supervised(launch, with_stdin, serve->devnull, serve->oom_score,
                                &call->process, failure);
  int rc = csn_spawn_direct(launch, with_stdin, serve->devnull, &call->process, failure);
  call->direct = serve->has_children = rc == 0;
  return rc;
}

static void command_ended(struct csn_serve *serve, int status) {
  struct csn_call *call = &serve->call;
  call->has_status = true;
  call->status = status;
  call->ended = serve->now;
}

/* True: it is over, all but its output. */
static bool carry_out_here(struct csn_serve *serve, const struct csn_launch *launch) {
  struct csn_call *call = &serve->call;
  if (launch->operation == NULL || launch->job != NULL || call->request.run.stdin_follows != 0 ||
      !csn_op_is_small(launch->operation, launch->cwd, launch->operands))
    return false;
  int code = csn_spawn_nothing(launch, serve->devnull, &call->process);
  if (code < 0) return false;
  call->state = CSN_CALL_RUNNING;
  call->started = serve->now;
  command_ended(serve, code << 8);
  csn_call_empty(serve);
  return true;
}

static void start(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  const struct csn_wire_run *run = &call->request.run;
  struct csn_launch_failure failure;
  char room[256];
  if (call->script.dir[0] != '\0')
    csn_request_set_script(&call->request, call->script.path, room, sizeof room);
  bool about_jobs = csn_job_is_about(run);
  if (about_jobs) open_job_socket(serve);
  const struct csn_launch launch = {
    .programs = run->programs,
    .program_count = run->program_count,
    .argv = call->request.argv,
    .envp = call->request.envp,
    .path = csn_request_getenv(&call->request, "PATH"),
    .cwd = run->cwd,
    .operation = run->operation,
    .operands = call->request.operands,
    .job = about_jobs ? &call->job : NULL,
  };
  if (carry_out_here(serve, &launch)) return;
  int rc = spawn(serve, &launch, &failure);
  if (rc < 0) {
    fail_to_launch(serve, &failure);
    return;
  }
  call->state = CSN_CALL_RUNNING;
  call->started = serve->now;
  if (run->timeout_ms > 0 && run->timeout_ms < UINT64_MAX / CSN_MS_IN_NS - call->started)
    call->deadline = call->started + run->timeout_ms * CSN_MS_IN_NS;
  csn_feed_begin(&call->feed, call->process.in);
  call->process.in = -1;
  csn_spill_begin(&call->spill, run->spill_after, run->spill_max);
}

static void fail_script(struct csn_serve *serve, int number) {
  char text[160];
  snprintf(text, sizeof text, "the script could not be written to " CSN_GUEST_DIR ": %s%s",
           strerror(number), number == ENOSPC ? "; remove files from /tmp" : "");
  csn_call_end_error(serve, CSN_REASON_SCRIPT, number, text);
}

/* RUN is here: check it, make the script's file, and start unless the script is still to come. */
static void begin(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  const struct csn_wire_run *run = &call->request.run;
  char error[CSN_FRAME_ERROR_MAX];
  if (csn_request_finish(&call->request, error) < 0) {
    csn_call_end_error(serve, CSN_REASON_REQUEST, EINVAL, error);
    return;
  }
  if (run->script_name != NULL &&
      csn_script_open(&call->script, run->script_name, run->script_size) < 0) {
    fail_script(serve, errno);
    return;
  }
  call->state = CSN_CALL_SCRIPT;
  if (run->script_size == 0) start(serve);
}

void csn_call_gather(struct csn_serve *serve, const uint8_t *bytes, size_t size, bool last) {
  struct csn_call *call = &serve->call;
  call->state = CSN_CALL_GATHERING;
  if (csn_request_add(&call->request, bytes, size) < 0) {
    /* What follows of this request would look like the next one, so the channel ends. */
    csn_call_end_lost(serve, errno == E2BIG ? CSN_REASON_WIRE : CSN_REASON_MEMORY,
                      "the request cannot be held");
    return;
  }
  if (last) begin(serve);
}

void csn_call_add_script(struct csn_serve *serve, const uint8_t *bytes, size_t size) {
  struct csn_script *script = &serve->call.script;
  if (csn_script_add(script, bytes, size) < 0) {
    fail_script(serve, errno);
    return;
  }
  if (script->left == 0) start(serve);
}

/* ---- what the command prints --------------------------------------------------------------- */

/* Take one piece from one stream. Returns how much; 0 when there is none for now. */
static size_t take(struct csn_serve *serve, uint8_t type, size_t limit) {
  struct csn_call *call = &serve->call;
  int *fd = type == CSN_FRAME_OUT ? &call->process.out : &call->process.err;
  const uint8_t *bytes;
  if (*fd < 0 || limit == 0 || !csn_outbox_has_room(&serve->outbox)) return 0;
  ssize_t got = csn_outbox_take(&serve->outbox, type, *fd, limit, serve->now, &bytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got <= 0) {
    close(*fd);
    *fd = -1;
    return 0;
  }
  serve->moved += (size_t)got;
  csn_spill_add(&call->spill, bytes, (size_t)got);
  *(type == CSN_FRAME_OUT ? &call->out_bytes : &call->err_bytes) += (uint64_t)got;
  return (size_t)got;
}

void csn_call_take_output(struct csn_serve *serve, bool out, bool err) {
  if (out) take(serve, CSN_FRAME_OUT, SIZE_MAX);
  if (err) take(serve, CSN_FRAME_ERR, SIZE_MAX);
}

/* How much is in a pipe now. What comes later is not the command's own. */
static size_t pending_in(int fd) {
  int size = 0;
  return fd >= 0 && ioctl(fd, FIONREAD, &size) == 0 && size > 0 ? (size_t)size : 0;
}

static void drain_one(struct csn_serve *serve, uint8_t type, size_t *left) {
  size_t got;
  while (*left > 0 && (got = take(serve, type, *left)) > 0) *left -= got;
  /* Somebody inside may have read from the pipe as well; then there is less than there was. */
  if (csn_outbox_has_room(&serve->outbox)) *left = 0;
}

void csn_call_drain(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  if (serve->leaving) call->out_left = call->err_left = 0;
  drain_one(serve, CSN_FRAME_OUT, &call->out_left);
  drain_one(serve, CSN_FRAME_ERR, &call->err_left);
  if (call->out_left == 0 && call->err_left == 0) csn_call_end_exit(serve);
}

/* ---- how it ends --------------------------------------------------------------------------- */

static void begin_to_drain(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  call->state = CSN_CALL_DRAINING;
  call->kill.found = 0;
  call->out_left = pending_in(call->process.out);
  call->err_left = pending_in(call->process.err);
}

/* The command has ended by itself and left others. */
static void leave_running(struct csn_serve *serve, uint32_t count) {
  serve->call.still_running = count;
  begin_to_drain(serve);
}

/* Nothing of the call is alive. If process 1 is still to answer a request to kill, wait for
 * that: it must not be carried out when the next call runs in this one's place. */
void csn_call_empty(struct csn_serve *serve) {
  serve->call.empty = true;
  if (serve->call.kill.awaited == 0) begin_to_drain(serve);
}

/* Without supervisor: someone under us died. What is only dying is given a moment, not counted. */
void csn_call_weigh(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  if (!call->direct || (call->state != CSN_CALL_RUNNING && call->state != CSN_CALL_KILLING)) return;
  if (!serve->has_children) {
    csn_call_empty(serve);
  } else if (call->has_status && call->state == CSN_CALL_RUNNING) {
    uint32_t count = csn_brood_count();
    if (count > 0 || serve->now >= call->ended + CSN_CALL_DYING_NS)
      leave_running(serve, count > 0 ? count : 1);
  }
}

void csn_serve_reap(struct csn_serve *serve) {
  const struct csn_call *call = &serve->call;
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    if (call->direct && pid == call->process.pid) command_ended(serve, status);
  }
  serve->has_children = pid == 0;
  if (!serve->has_children) csn_spawned_close(&serve->leftovers);
}

static void supervisor_died(struct csn_serve *serve) {
  csn_call_purge(serve, CSN_REASON_SUPERVISOR,
                 "the command's supervisor was killed, so everything that ran in the sandbox was; "
                 "its files are still there");
}

static void obey_report(struct csn_serve *serve, const struct csn_report *report) {
  switch (report->kind) {
  case CSN_REPORT_FAILED: fail_to_launch(serve, &report->failure); break;
  case CSN_REPORT_EMPTY: csn_call_empty(serve); break;
  case CSN_REPORT_ENDED:
    command_ended(serve, report->status);
    if (report->left == 0)
      csn_call_empty(serve);
    else if (serve->call.state == CSN_CALL_RUNNING)
      leave_running(serve, report->left);
    break;
  default: supervisor_died(serve); break;
  }
}

void csn_call_hear_supervisor(struct csn_serve *serve) {
  struct csn_report report = {0};
  ssize_t size;
  /* A note that the supervisor did not read before it ended shows as a reset, once, ahead of
   * what it said. */
  do
    size = recv(serve->call.process.control, &report, sizeof report, MSG_DONTWAIT);
  while (size < 0 && errno == ECONNRESET);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size == (ssize_t)sizeof report)
    obey_report(serve, &report);
  else
    supervisor_died(serve);
}
