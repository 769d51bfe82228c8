/* SPDX-License-Identifier: Apache-2.0 */
/* One command over a channel: the request out, its input and output, its end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "channel/internal.h"
#include "channel/keeper.h"
#include "util/alloc.h"

#define PING_EVERY ((int64_t)CSN_PING_MS * CSN_MS)
/* Nothing heard for so long, pings unanswered: the engine or the sandbox is not there any more. */
#define SILENCE_MAX (20 * CSN_SECOND)
/* From CANCEL to EXIT: the worst that was measured, a fork bomb on a throttled CPU, takes 3 s. */
#define CANCEL_WAIT (15 * CSN_SECOND)
/* A helper answers pings while it kills: not to hear it for so long means that nobody is there. */
#define DEAF_WAIT (5 * CSN_SECOND)
#define DRAIN_PING_EVERY CSN_SECOND
#define INPUT_PIECE ((size_t)64 << 10)

struct call {
  struct csn_channel *ch;
  const struct csn_run *run;
  struct csn_run_result *result;
  int ended;           /* EXIT came: result is filled in */
  int failed;          /* ERROR came: error_code is what to return */
  size_t script_sent;
  uint64_t stdin_room; /* bytes of STDIN that the helper still takes */
  int stdin_open;
  int cancel_sent;
  int draining;        /* what is left to wait for is the answer to CANCEL */
  int64_t stopped;     /* since when */
  int output_stopped;  /* the host's output function asked to cancel */
  int64_t next_input;  /* when to ask the input again */
  int64_t next_ping;
  uint8_t *piece;      /* INPUT_PIECE bytes */
  const char *cancel_reason; /* in place of "call.cancelled" */
};

/* ---- the request ----------------------------------------------------------------------------- */

static void put_strings(struct csn_wire_out *out, uint16_t tag, const char *const *strings) {
  for (; strings && *strings; strings++) csn_field_put_string(out, tag, *strings);
}

static void put_fields(struct csn_wire_out *out, const struct csn_run *run) {
  if (run->operation) csn_field_put_string(out, CSN_FIELD_OPERATION, run->operation);
  put_strings(out, CSN_FIELD_OPERAND, run->operands);
  put_strings(out, CSN_FIELD_PROGRAM, run->programs);
  put_strings(out, CSN_FIELD_ARG, run->args);
  put_strings(out, CSN_FIELD_ENV, run->env);
  csn_field_put_string(out, CSN_FIELD_CWD, run->cwd);
  if (run->timeout_ms) csn_field_put_number(out, CSN_FIELD_TIMEOUT_MS, run->timeout_ms);
  if (run->spill_max) {
    uint64_t after = run->spill_after < CSN_SPILL_AFTER_MAX ? run->spill_after : CSN_SPILL_AFTER_MAX;
    csn_field_put_number(out, CSN_FIELD_SPILL_AFTER, after);
    csn_field_put_number(out, CSN_FIELD_SPILL_MAX, run->spill_max);
  }
  if (run->input) csn_field_put_number(out, CSN_FIELD_STDIN, 1);
  if (!run->script) return;
  csn_field_put_number(out, CSN_FIELD_SCRIPT_SIZE, run->script_size);
  csn_field_put_string(out, CSN_FIELD_SCRIPT_NAME, run->script_name);
  csn_field_put_string(out, CSN_FIELD_SCRIPT_MARK, CSN_RUN_SCRIPT);
}

static int send_request(struct call *c, struct csn_error *err) {
  struct csn_wire_out measure = {NULL, 0, 0};
  put_fields(&measure, c->run);
  if (measure.size > CSN_RUN_MAX)
    return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                    "the command and its environment are %zu bytes, at most %u can be passed; write "
                    "long text to a file or give it as stdin",
                    measure.size, CSN_RUN_MAX);
  if (c->run->script_size > CSN_SCRIPT_MAX)
    return csn_fail(err, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS,
                    "the program text is %zu bytes, at most %u can be passed", c->run->script_size,
                    CSN_SCRIPT_MAX);
  uint8_t *fields CSN_CLEANUP_FREE = csn_alloc(measure.size);
  if (!fields) return csn_fail_nomem(err);
  struct csn_wire_out request = {fields, measure.size, 0};
  put_fields(&request, c->run);
  struct csn_wire_out framed = {NULL, 0, 0}, out;
  csn_wire_put_request(&framed, fields, request.size);
  int rc = csn_link_reserve(&c->ch->link, framed.size, &out, err);
  if (rc) return rc;
  csn_wire_put_request(&out, fields, request.size);
  csn_link_commit(&c->ch->link, &out);
  return 0;
}

static int send_bulk(struct call *c, uint8_t type, const void *bytes, size_t n,
                     struct csn_error *err) {
  struct csn_wire_out out;
  int rc = csn_link_reserve(&c->ch->link, CSN_FRAME_HEAD + n, &out, err);
  if (rc) return rc;
  csn_frame_put(&out, type, bytes, n);
  csn_link_commit(&c->ch->link, &out);
  return 0;
}

static int send_cancel(struct call *c, uint8_t why, struct csn_error *err) {
  struct csn_wire_out out;
  int rc = csn_link_reserve(&c->ch->link, CSN_FRAME_HEAD + 1, &out, err);
  if (rc) return rc;
  csn_wire_put_cancel(&out, why);
  csn_link_commit(&c->ch->link, &out);
  c->cancel_sent = 1;
  return 0;
}

static int send_ping(struct call *c, int64_t now, struct csn_error *err) {
  struct csn_wire_out out;
  int rc = csn_link_reserve(&c->ch->link, CSN_FRAME_HEAD + 8, &out, err);
  if (rc) return rc;
  csn_wire_put_u64(&out, CSN_FRAME_PING, (uint64_t)now);
  csn_link_commit(&c->ch->link, &out);
  c->next_ping = now + (c->draining ? DRAIN_PING_EVERY : PING_EVERY);
  return 0;
}

/* ---- feeding it ------------------------------------------------------------------------------ */

static int outbox_full(const struct call *c) {
  return csn_link_unsent(&c->ch->link) >= CSN_LINK_OUT_FULL;
}

static int feed_script(struct call *c, struct csn_error *err) {
  while (c->script_sent < c->run->script_size && !outbox_full(c)) {
    size_t n = c->run->script_size - c->script_sent;
    if (n > CSN_FRAME_MAX) n = CSN_FRAME_MAX;
    int rc = send_bulk(c, CSN_FRAME_SCRIPT, c->run->script + c->script_sent, n, err);
    if (rc) return rc;
    c->script_sent += n;
  }
  return 0;
}

static int end_input(struct call *c, struct csn_error *err) {
  c->stdin_open = 0;
  return send_bulk(c, CSN_FRAME_STDIN_END, NULL, 0, err);
}

/* One piece of stdin from the host. */
static int feed_piece(struct call *c, struct csn_error *err) {
  uint64_t room = c->stdin_room < INPUT_PIECE ? c->stdin_room : INPUT_PIECE;
  csn_keeper_begin(c->ch);
  int64_t n = c->run->input(c->run->input_ctx, c->piece, room);
  csn_keeper_end(c->ch);
  if (n == CAISSON_INPUT_AGAIN) {
    c->next_input = csn_clock_now() + CSN_CONTROL_TICK;
    return 0;
  }
  c->next_input = 0;
  if (n == CAISSON_INPUT_END) return end_input(c, err);
  if (n < 0 || (uint64_t)n > room) {
    c->stdin_open = 0;
    c->cancel_reason = CAISSON_REASON_INPUT;
    return send_cancel(c, CSN_CANCEL_CANCEL, err);
  }
  c->stdin_room -= (uint64_t)n;
  c->result->touched = 1;
  return send_bulk(c, CSN_FRAME_STDIN, c->piece, (size_t)n, err);
}

static int wants_input(const struct call *c) {
  return c->stdin_open && !c->cancel_sent && c->stdin_room > 0 &&
         c->script_sent == c->run->script_size;
}

static int feed(struct call *c, struct csn_error *err) {
  int rc = feed_script(c, err);
  while (rc == 0 && wants_input(c) && !outbox_full(c) && csn_clock_now() >= c->next_input)
    rc = feed_piece(c, err);
  return rc;
}

/* ---- what comes back ------------------------------------------------------------------------- */

static int take_output(struct call *c, int stream, const struct csn_frame *frame,
                       struct csn_error *err) {
  if (!c->run->output || c->output_stopped) return 0;
  csn_keeper_begin(c->ch);
  int stop = c->run->output(c->run->output_ctx, stream, frame->bytes, frame->size);
  csn_keeper_end(c->ch);
  if (!stop) return 0;
  c->output_stopped = 1;
  return c->cancel_sent ? 0 : send_cancel(c, CSN_CANCEL_CANCEL, err);
}

static int take_grant(struct call *c, const struct csn_frame *frame) {
  uint64_t more = csn_wire_load(frame->bytes, 8);
  /* A hostile grant cannot make more than one piece at a time be read from the host. */
  c->stdin_room = more > UINT32_MAX ? UINT32_MAX : c->stdin_room + more;
  return 1; /* the pump waits for what was due before there was room */
}

static const struct {
  uint64_t wire;
  int outcome, exit_code;
} outcomes[] = {
    {CSN_OUTCOME_EXITED, CAISSON_OUTCOME_EXITED, 0},
    {CSN_OUTCOME_CANCELLED, CAISSON_OUTCOME_CANCELLED, CAISSON_EXIT_CANCELLED},
    {CSN_OUTCOME_DEADLINE, CAISSON_OUTCOME_DEADLINE, CAISSON_EXIT_DEADLINE},
    {CSN_OUTCOME_OOM, CAISSON_OUTCOME_OOM, CAISSON_EXIT_OOM},
};

static void set_status(struct csn_run_result *r, const struct csn_wire_exit *e) {
  int status = e->status < 256 ? (int)e->status : 255;
  if (e->how == CSN_HOW_SIGNALLED) r->term_signal = status;
  if (r->outcome != CAISSON_OUTCOME_EXITED) return;
  r->exit_code = e->how == CSN_HOW_SIGNALLED ? 128 + status : status;
}

/* Only a path where the helper puts such files may be repeated to a model. */
static void set_spill(struct csn_run_result *r, const struct csn_wire_exit *e) {
  static const char where[] = "/tmp/.caisson/";
  if (e->spill_path.size < sizeof where || e->spill_path.size >= sizeof r->spill_path ||
      memcmp(e->spill_path.bytes, where, sizeof where - 1) != 0)
    return;
  csn_channel_plain(r->spill_path, sizeof r->spill_path, e->spill_path);
  r->spill_whole = e->spill_whole == 1;
}

static uint32_t clamp32(uint64_t n) {
  return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int take_exit(struct call *c, const struct csn_frame *frame, struct csn_error *err) {
  char why[CSN_FRAME_ERROR_MAX];
  struct csn_wire_exit e;
  if (csn_wire_get_exit(frame->bytes, frame->size, &e, why))
    return csn_channel_malformed("exit", why, err);
  struct csn_run_result *r = c->result;
  for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
    if (outcomes[i].wire == e.outcome) {
      r->outcome = outcomes[i].outcome;
      r->exit_code = outcomes[i].exit_code;
    }
  if (r->outcome == CAISSON_OUTCOME_NONE)
    return csn_channel_malformed("exit", "an outcome that does not exist", err);
  set_status(r, &e);
  set_spill(r, &e);
  r->duration_ns = e.duration_ns;
  r->bytes_stdout = e.out_bytes;
  r->bytes_stderr = e.err_bytes;
  r->still_running = clamp32(e.still_running);
  r->survivors = clamp32(e.survivors);
  csn_channel_plain(r->survivors_text, sizeof r->survivors_text, e.survivor_text);
  if (r->outcome == CAISSON_OUTCOME_CANCELLED && c->cancel_reason)
    snprintf(r->reason, sizeof r->reason, "%s", c->cancel_reason);
  if (r->outcome == CAISSON_OUTCOME_OOM)
    snprintf(r->reason, sizeof r->reason, "%s", CAISSON_REASON_MEMORY_LIMIT);
  c->ended = 1;
  return 1;
}

/* What the helper's reasons are called on this side, and whose fault they are. */
static const struct {
  const char *wire;
  int code;
  const char *reason;
} faults[] = {
    {CSN_REASON_NOT_FOUND, CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_NOT_FOUND},
    {CSN_REASON_EXEC, CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_FAILED},
    {CSN_REASON_TOO_BIG, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS},
    {CSN_REASON_CWD, CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS},
    {CSN_REASON_PROCESSES, CAISSON_E_SANDBOX, CAISSON_REASON_PROCESS_LIMIT},
    {CSN_REASON_FILES, CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_FAILED},
    {CSN_REASON_MEMORY, CAISSON_E_SANDBOX, CAISSON_REASON_MEMORY_LIMIT},
    {CSN_REASON_SCRIPT, CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_FAILED},
};

static int take_error(struct call *c, const struct csn_frame *frame, struct csn_error *err) {
  char why[CSN_FRAME_ERROR_MAX], text[400];
  struct csn_wire_fault f;
  if (csn_wire_get_fault(frame->bytes, frame->size, &f, why))
    return csn_channel_malformed("error", why, err);
  csn_channel_plain(text, sizeof text, f.text);
  int code = CAISSON_E_INTERNAL;
  const char *reason = CAISSON_REASON_INTERNAL;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    if (f.reason.size == strlen(faults[i].wire) &&
        memcmp(f.reason.bytes, faults[i].wire, f.reason.size) == 0) {
      code = faults[i].code;
      reason = faults[i].reason;
    }
  if (f.number == 28) reason = CAISSON_REASON_DISK_FULL; /* ENOSPC, as Linux numbers it */
  c->failed = csn_fail(err, code, reason, "%s", text);
  err->sys_errno = f.number < 4096 ? (int)f.number : 0;
  c->ended = 1;
  return 1;
}

static int is_word(struct csn_wire_text text, const char *word) {
  return text.size == strlen(word) && memcmp(text.bytes, word, text.size) == 0;
}

static int take_lost(struct call *c, const struct csn_frame *frame, struct csn_error *err) {
  char why[CSN_FRAME_ERROR_MAX], text[400];
  struct csn_wire_fault f;
  if (csn_wire_get_fault(frame->bytes, frame->size, &f, why))
    return csn_channel_malformed("farewell", why, err);
  csn_channel_plain(text, sizeof text, f.text);
  /* Without process 1 the whole sandbox is about to end, and the engine knows why. */
  c->result->explained = !is_word(f.reason, CSN_REASON_INIT);
  return csn_fail(err, CAISSON_E_LOST,
                  is_word(f.reason, CSN_REASON_SQUEEZED) ? CAISSON_REASON_SANDBOX_SQUEEZED
                                                         : CAISSON_REASON_HELPER_LOST,
                  "%s", text);
}

/* Nothing but the answer to a ping belongs behind the end of a call: what else comes there spoils
 * the channel, not the result. */
static int after_end(struct call *c, const struct csn_frame *frame) {
  if (frame->type != CSN_FRAME_PONG) c->ch->link.dead = 1;
  return 1;
}

static int on_frame(void *ctx, const struct csn_frame *frame, struct csn_error *err) {
  struct call *c = ctx;
  if (c->ended) return after_end(c, frame);
  c->result->touched = 1;
  switch (frame->type) {
    case CSN_FRAME_OUT: return take_output(c, CAISSON_STREAM_STDOUT, frame, err);
    case CSN_FRAME_ERR: return take_output(c, CAISSON_STREAM_STDERR, frame, err);
    case CSN_FRAME_STDIN_WANT: return take_grant(c, frame);
    case CSN_FRAME_STDIN_CLOSED: c->stdin_open = 0; return 0;
    case CSN_FRAME_EXIT: return take_exit(c, frame, err);
    case CSN_FRAME_ERROR: return take_error(c, frame, err);
    case CSN_FRAME_LOST: return take_lost(c, frame, err);
    default: break;
  }
  int rc = csn_channel_common_frame(c->ch, frame, err);
  return rc < 0 ? rc : 0;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int silent(const struct call *c, int64_t now, struct csn_error *err) {
  if (now - c->ch->link.heard < SILENCE_MAX) return 0;
  c->ch->link.dead = 1;
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                  "the sandbox has not answered for %d s", (int)(SILENCE_MAX / CSN_SECOND));
}

/* For input that had nothing when it was asked. */
static int told_by(const struct call *c) {
  return wants_input(c) && c->next_input > 0 ? c->run->input_fd : 0;
}

static int64_t next_event(const struct call *c) {
  int64_t until = c->next_ping;
  if (wants_input(c) && c->next_input < until) until = c->next_input;
  return until;
}

/* Pumps until the call has ended: 0, or the stop of the control, or CAISSON_E_LOST. */
static int drive(struct call *c, const struct csn_control *control, struct csn_error *err) {
  while (!c->ended) {
    int rc = feed(c, err);
    if (rc == 0 && csn_clock_now() >= c->next_ping) {
      rc = silent(c, csn_clock_now(), err);
      if (rc == 0) rc = send_ping(c, csn_clock_now(), err);
    }
    c->ch->link.also_fd = told_by(c);
    if (rc == 0)
      rc = csn_link_pump(&c->ch->link, control, next_event(c), outbox_full(c), on_frame, c, err);
    if (rc < 0) return rc;
    if (rc == CSN_LINK_ALSO) c->next_input = 0;
    if (c->cancel_sent && !c->draining && !c->ended) return CAISSON_E_CANCELLED;
  }
  return 0;
}

static int is_deaf(void *ctx) {
  const struct call *c = ctx;
  int64_t heard = c->ch->link.heard > c->stopped ? c->ch->link.heard : c->stopped;
  return csn_clock_now() - heard > DEAF_WAIT;
}

/* The control said stop: have the helper kill everything, and wait for it to say so. */
static int stop_and_drive(struct call *c, int why, struct csn_error *err) {
  uint8_t wire = why == CAISSON_E_DEADLINE ? CSN_CANCEL_DEADLINE : CSN_CANCEL_CANCEL;
  int rc = c->cancel_sent ? 0 : send_cancel(c, wire, err);
  c->draining = 1;
  c->stopped = c->next_ping = csn_clock_now();
  struct csn_control patience = {csn_clock_after(CANCEL_WAIT), -1, is_deaf, c};
  if (rc == 0) rc = drive(c, &patience, err);
  if (!csn_is_stop(rc)) return rc;
  c->ch->link.dead = 1;
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                  "the helper in the sandbox did not confirm the end of the command within %d s",
                  (int)((csn_clock_now() - c->stopped) / CSN_SECOND));
}

static void set_lost(struct csn_run_result *r, const struct csn_error *err) {
  r->outcome = CAISSON_OUTCOME_LOST;
  r->exit_code = CAISSON_EXIT_UNKNOWN;
  snprintf(r->reason, sizeof r->reason, "%s", err->reason);
  snprintf(r->message, sizeof r->message, "%.*s", (int)sizeof r->message - 1, err->message);
}

static int run_call(struct call *c, const struct csn_control *control, struct csn_error *err) {
  int rc = send_request(c, err);
  if (rc) return rc;
  rc = drive(c, control, err);
  if (csn_is_stop(rc)) rc = stop_and_drive(c, rc, err);
  if (rc == 0) return c->failed;
  /* From here on nobody can say how far the command got. */
  set_lost(c->result, err);
  c->ch->link.dead = 1;
  return 0;
}

int csn_channel_run(struct csn_channel *ch, const struct csn_run *run,
                    const struct csn_control *control, struct csn_run_result *result,
                    struct csn_error *err) {
  memset(result, 0, sizeof *result);
  int64_t now = csn_clock_now();
  struct call c = {.ch = ch,
                   .run = run,
                   .result = result,
                   .stdin_room = CSN_STDIN_GRANT,
                   .stdin_open = run->input != NULL,
                   .next_ping = now + PING_EVERY};
  ch->link.heard = now;
  int rc = csn_control_check(control, err);
  if (rc) return rc;
  if (run->input && !(c.piece = csn_alloc(INPUT_PIECE))) return csn_fail_nomem(err);
  rc = run_call(&c, control, err);
  csn_free(c.piece);
  ch->link.also_fd = 0;
  csn_link_rest(&ch->link);
  return rc;
}
