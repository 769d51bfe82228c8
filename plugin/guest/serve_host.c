/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host says, frame by frame, and the small things that are due to it. Reading never waits
 * for anything: a frame either takes effect at once or is remembered.
 */
#include "guest/basics.h"
#include "guest/report.h"
#include "guest/serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint8_t input[CSN_FRAME_MAX];

void csn_serve_leave(struct csn_serve *serve) {
  serve->leaving = true;
  csn_call_kill(serve, CSN_OUTCOME_CANCELLED);
}

/* The host broke the rules. Kill what runs, as if it were gone, and say why at the end. */
static void refuse(struct csn_serve *serve, const char *why) {
  snprintf(serve->refusal, sizeof serve->refusal, "%s", why);
  serve->host_gone = true;
  csn_serve_leave(serve);
}

static void take_run(struct csn_serve *serve, const struct csn_frame *frame) {
  enum csn_call_state state = serve->call.state;
  if (state == CSN_CALL_PURGING) return;   /* LOST is on its way and ends this call too */
  if (state != CSN_CALL_NONE && state != CSN_CALL_GATHERING)
    refuse(serve, "RUN came while a call was running");
  else
    csn_call_gather(serve, frame->bytes, frame->size, frame->type == CSN_FRAME_RUN);
}

static void take_script(struct csn_serve *serve, const struct csn_frame *frame) {
  const struct csn_call *call = &serve->call;
  if (call->state == CSN_CALL_NONE) return;   /* of a call that ended early */
  if (call->state != CSN_CALL_SCRIPT || frame->size > call->script.left)
    refuse(serve, "SCRIPT came that was not announced");
  else
    csn_call_add_script(serve, frame->bytes, frame->size);
}

static bool has_command(const struct csn_call *call) {
  return call->state == CSN_CALL_RUNNING || call->state == CSN_CALL_KILLING ||
         call->state == CSN_CALL_PURGING || call->state == CSN_CALL_DRAINING;
}

static void take_stdin(struct csn_serve *serve, const struct csn_frame *frame) {
  struct csn_call *call = &serve->call;
  /* Of one that is over, or that never got a process, it concerns nobody. */
  if (call->state == CSN_CALL_NONE || call->state == CSN_CALL_CLEARING ||
      call->state == CSN_CALL_PURGING)
    return;
  if (!has_command(call))
    refuse(serve, "STDIN came before the request and its script were complete");
  else if (frame->type == CSN_FRAME_STDIN_END)
    csn_feed_end(&call->feed);
  else if (csn_feed_add(&call->feed, frame->bytes, frame->size) < 0)
    refuse(serve, "more STDIN came than was granted");
}

static void take_cancel(struct csn_serve *serve, const struct csn_frame *frame) {
  switch (frame->bytes[0]) {
  case CSN_CANCEL_CANCEL: csn_call_kill(serve, CSN_OUTCOME_CANCELLED); break;
  case CSN_CANCEL_DEADLINE: csn_call_kill(serve, CSN_OUTCOME_DEADLINE); break;
  default: refuse(serve, "CANCEL came with an unknown reason"); break;
  }
}

static void take_ping(struct csn_serve *serve, const struct csn_frame *frame) {
  memcpy(serve->pong, frame->bytes, sizeof serve->pong);
  serve->pong_due = true;
}

static void take_stat(struct csn_serve *serve, const struct csn_frame *frame) {
  (void)frame;
  serve->status_number = csn_registry_ask(&serve->registry, CSN_HUB_STAT);
}

static void take_take(struct csn_serve *serve, const struct csn_frame *frame) {
  if (serve->call.state != CSN_CALL_NONE)
    refuse(serve, "TAKE came during a call");
  else
    serve->status_number = csn_registry_take(&serve->registry, frame->bytes, frame->size);
}

static void take_retire(struct csn_serve *serve, const struct csn_frame *frame) {
  if (serve->call.state != CSN_CALL_NONE)
    refuse(serve, "RETIRE came during a call");
  else
    serve->status_number =
        csn_registry_retire(&serve->registry, csn_wire_load(frame->bytes, frame->size));
}

static void take_inspect(struct csn_serve *serve, const struct csn_frame *frame) {
  (void)frame;
  if (serve->call.state != CSN_CALL_NONE)
    refuse(serve, "INSPECT came during a call");
  else
    serve->report_due = true;
}

static void take_bye(struct csn_serve *serve, const struct csn_frame *frame) {
  (void)frame;
  serve->host_gone = true;
  csn_serve_leave(serve);
}

/* The reader has checked the version, and there is nothing else in it. */
static void take_hello(struct csn_serve *serve, const struct csn_frame *frame) {
  (void)serve;
  (void)frame;
}

static const struct {
  uint8_t type;
  void (*take)(struct csn_serve *serve, const struct csn_frame *frame);
} takers[] = {
  {CSN_FRAME_HELLO, take_hello},   {CSN_FRAME_PING, take_ping},
  {CSN_FRAME_BYE, take_bye},       {CSN_FRAME_STAT, take_stat},
  {CSN_FRAME_TAKE, take_take},     {CSN_FRAME_RETIRE, take_retire},
  {CSN_FRAME_INSPECT, take_inspect},
  {CSN_FRAME_RUN_PART, take_run},  {CSN_FRAME_RUN, take_run},
  {CSN_FRAME_SCRIPT, take_script}, {CSN_FRAME_STDIN, take_stdin},
  {CSN_FRAME_STDIN_END, take_stdin}, {CSN_FRAME_CANCEL, take_cancel},
};

static void obey(struct csn_serve *serve, const struct csn_frame *frame) {
  for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
    if (takers[i].type == frame->type) takers[i].take(serve, frame);
  }
}

void csn_serve_hear_host(struct csn_serve *serve) {
  ssize_t size = read(STDIN_FILENO, input, sizeof input);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    serve->host_gone = true;
    csn_serve_leave(serve);
    return;
  }
  serve->heard = serve->now;
  serve->moved += (size_t)size;
  const uint8_t *bytes = input;
  size_t left = (size_t)size;
  struct csn_frame frame;
  int got = 0;
  while (!serve->leaving && (got = csn_frame_read(&serve->reader, &bytes, &left, &frame)) > 0)
    obey(serve, &frame);
  if (got < 0) refuse(serve, serve->reader.error);
}

void csn_serve_release_input(struct csn_serve *serve) {
  csn_guest_release(input, sizeof input);
  if (csn_frame_reader_between(&serve->reader))
    csn_guest_release(serve->reader.buffer, CSN_FRAME_MAX);
}

/* Put one frame if there is room; else it stays due. */
static bool put_due(struct csn_serve *serve, uint8_t type, uint64_t number, bool numbered) {
  struct csn_wire_out out = csn_outbox_control(&serve->outbox);
  if (numbered)
    csn_wire_put_u64(&out, type, number);
  else
    csn_wire_put_empty(&out, type);
  return csn_outbox_commit(&serve->outbox, &out);
}

static void send_stdin_due(struct csn_serve *serve) {
  struct csn_call *call = &serve->call;
  if (call->state != CSN_CALL_RUNNING) return;
  uint64_t grant = csn_feed_grant(&call->feed);
  if (grant > 0) put_due(serve, CSN_FRAME_STDIN_WANT, grant, true);
  if (call->feed.broken && !call->stdin_refusal_told)
    call->stdin_refusal_told = put_due(serve, CSN_FRAME_STDIN_CLOSED, 0, false);
}

/* Straight into the frame that carries it. It is large, so it waits until nothing else does. */
static void send_report(struct csn_serve *serve) {
  if (csn_outbox_pending(&serve->outbox) > 0) return;
  struct csn_wire_out out = csn_outbox_control(&serve->outbox);
  size_t mark = csn_frame_begin(&out, CSN_FRAME_REPORT);
  out.size += csn_report_write((char *)out.bytes + out.size, CSN_FRAME_MAX,
                               serve->registry.fd >= 0);
  csn_frame_end(&out, mark);
  csn_outbox_commit(&serve->outbox, &out);
  serve->moved += out.size;
  serve->report_due = false;
}

void csn_serve_send_due(struct csn_serve *serve) {
  if (serve->report_due) send_report(serve);
  /* EXIT and the like must always find room. */
  if (csn_outbox_pending(&serve->outbox) > CSN_OUTBOX_BULK + CSN_OUTBOX_CONTROL / 2) return;
  if (serve->pong_due)
    serve->pong_due = !put_due(serve, CSN_FRAME_PONG, csn_wire_load(serve->pong, 8), true);
  send_stdin_due(serve);
}
