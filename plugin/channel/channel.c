/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "channel/delivery.h"
#include "channel/internal.h"
#include "engine/containers.h"
#include "engine/exec.h"
#include "util/alloc.h"

/* For an exec to give its helper's first word. */
#define HELLO_WAIT (30 * CSN_SECOND)
#define STAT_WAIT (10 * CSN_SECOND)

/* ---- what is said outside a call ------------------------------------------------------------- */

void csn_channel_plain(char *out, size_t capacity, struct csn_wire_text text) {
  size_t n = text.size < capacity ? text.size : capacity - 1;
  for (size_t i = 0; i < n; i++)
    out[i] = text.bytes[i] >= ' ' && text.bytes[i] < 0x7f ? text.bytes[i] : '?';
  out[n] = '\0';
}

int csn_channel_malformed(const char *what, const char *why, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "the helper in the sandbox sent a malformed %s: %s", what, why);
}

static uint32_t clamp32(uint64_t n) {
  return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int take_status(struct csn_channel *ch, const struct csn_frame *frame, bool hello,
                       struct csn_error *err) {
  char why[CSN_FRAME_ERROR_MAX];
  struct csn_wire_status s;
  if (csn_wire_get_status(frame->bytes, frame->size, hello, &s, why))
    return csn_channel_malformed(hello ? "hello" : "status", why, err);
  struct csn_channel_hello *h = &ch->hello;
  if (hello) {
    h->uid = clamp32(s.uid);
    h->gid = clamp32(s.gid);
  }
  h->channels_others = clamp32(s.channels_others);
  h->busy_others = clamp32(s.busy_others);
  h->age_ms = s.age_ms;
  h->idle_ms = s.idle_ms;
  /* A key is any UTF-8, so it is compared, never shown as it came. */
  h->key[0] = '\0';
  if (s.key.size < sizeof h->key && s.key.bytes) {
    memcpy(h->key, s.key.bytes, s.key.size);
    h->key[s.key.size] = '\0';
  }
  ch->greeted = 1;
  ch->answered = !hello;
  return 1;
}

int csn_channel_common_frame(struct csn_channel *ch, const struct csn_frame *frame,
                             struct csn_error *err) {
  switch (frame->type) {
    case CSN_FRAME_HELLO: return take_status(ch, frame, true, err);
    case CSN_FRAME_STATUS: return take_status(ch, frame, false, err);
    case CSN_FRAME_REPORT: return csn_channel_take_report(ch, frame, err);
    case CSN_FRAME_PONG: return 1;
    default: return 0;
  }
}

/* The helper's last word outside a call: why it is going. */
static int gone(const struct csn_frame *frame, struct csn_error *err) {
  char why[CSN_FRAME_ERROR_MAX], text[256];
  struct csn_wire_fault fault;
  if (csn_wire_get_fault(frame->bytes, frame->size, &fault, why))
    return csn_channel_malformed("farewell", why, err);
  csn_channel_plain(text, sizeof text, fault.text);
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                  "the helper in the sandbox ended: %s", text);
}

/* Returns 1, so the pump stops, once a hello, a status or a report has come. */
static int idle_frame(void *ctx, const struct csn_frame *frame, struct csn_error *err) {
  int rc = csn_channel_common_frame(ctx, frame, err);
  if (rc < 0) return rc;
  if (rc > 0) return frame->type != CSN_FRAME_PONG;
  if (frame->type == CSN_FRAME_LOST) return gone(frame, err);
  return csn_channel_malformed("conversation", "a frame that belongs to a call, outside one", err);
}

int csn_channel_pump_idle(struct csn_channel *ch, const struct csn_control *control, int64_t until,
                          struct csn_error *err) {
  return csn_link_pump(&ch->link, control, until, 0, idle_frame, ch, err);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static int open_on(struct csn_stream *stream, struct csn_keeper *keeper, struct csn_channel **out,
                   struct csn_error *err) {
  struct csn_channel *ch = csn_calloc(1, sizeof *ch);
  if (!ch) {
    csn_stream_free(stream);
    return csn_fail_nomem(err);
  }
  csn_link_init(&ch->link, stream);
  ch->keeper = keeper;
  struct csn_wire_out frames;
  int rc = csn_link_reserve(&ch->link, CSN_FRAME_HEAD + 1, &frames, err);
  if (rc) {
    csn_channel_close(ch);
    return rc;
  }
  csn_wire_put_hello_host(&frames);
  csn_link_commit(&ch->link, &frames);
  *out = ch;
  return 0;
}

int csn_channel_open_attach(struct csn_engine *engine, const char *container,
                            struct csn_keeper *keeper, const struct csn_control *control,
                            struct csn_channel **out, struct csn_error *err) {
  struct csn_stream *stream;
  int rc = csn_container_attach(engine, container, control, &stream, err);
  return rc ? rc : open_on(stream, keeper, out, err);
}

int csn_channel_await_hello(struct csn_channel *ch, const struct csn_control *control,
                            struct csn_error *err) {
  int64_t until = csn_clock_after(HELLO_WAIT);
  while (!ch->greeted) {
    int rc = csn_channel_pump_idle(ch, control, until, err);
    if (rc < 0) return rc;
    if (rc == 0 && csn_clock_now() >= until)
      return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                      "the helper in the sandbox said nothing for 30 s after its start");
  }
  csn_link_rest(&ch->link);
  return 0;
}

int csn_channel_open_exec(struct csn_engine *engine, const char *container, const char *helper,
                          struct csn_keeper *keeper, const struct csn_control *control,
                          struct csn_channel **out, struct csn_error *err) {
  const char *const argv[] = {helper, "serve", NULL};
  struct csn_exec_spec spec = {.argv = argv};
  struct csn_stream *stream;
  struct csn_channel *ch = NULL;
  int rc = csn_exec_open(engine, container, &spec, control, &stream, NULL, err);
  if (rc == 0) rc = open_on(stream, keeper, &ch, err);
  if (rc == 0) rc = csn_channel_await_hello(ch, control, err);
  if (rc) {
    csn_channel_close(ch);
    return rc;
  }
  *out = ch;
  return 0;
}

void csn_channel_close(struct csn_channel *ch) {
  if (!ch) return;
  struct csn_wire_out frames;
  if (!ch->link.dead && csn_link_reserve(&ch->link, CSN_FRAME_HEAD, &frames, NULL) == 0) {
    csn_wire_put_empty(&frames, CSN_FRAME_BYE);
    csn_link_commit(&ch->link, &frames);
    csn_link_flush(&ch->link, NULL);
  }
  csn_link_free(&ch->link);
  cJSON_Delete(ch->report);
  csn_free(ch);
}

/* ---- between calls --------------------------------------------------------------------------- */

const struct csn_channel_hello *csn_channel_hello(const struct csn_channel *ch) {
  return &ch->hello;
}

/* What was put into the outbox is answered by a STATUS. */
static int await_status(struct csn_channel *ch, const struct csn_control *control,
                        struct csn_error *err) {
  ch->answered = 0;
  int64_t until = csn_clock_after(STAT_WAIT);
  while (!ch->answered) {
    int rc = csn_channel_pump_idle(ch, control, until, err);
    if (rc < 0) return rc;
    if (rc == 0 && csn_clock_now() >= until)
      return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                      "the helper in the sandbox did not answer within 10 s");
  }
  csn_link_rest(&ch->link);
  return 0;
}

int csn_channel_stat(struct csn_channel *ch, const struct csn_control *control,
                     struct csn_channel_hello *out, struct csn_error *err) {
  struct csn_wire_out frames;
  int rc = csn_link_reserve(&ch->link, CSN_FRAME_HEAD, &frames, err);
  if (rc) return rc;
  csn_wire_put_empty(&frames, CSN_FRAME_STAT);
  csn_link_commit(&ch->link, &frames);
  rc = await_status(ch, control, err);
  if (rc == 0) *out = ch->hello;
  return rc;
}

int csn_channel_take(struct csn_channel *ch, const char *key, const struct csn_control *control,
                     struct csn_error *err) {
  struct csn_wire_out frames;
  size_t n = strlen(key);
  int rc = csn_link_reserve(&ch->link, CSN_FRAME_HEAD + n, &frames, err);
  if (rc) return rc;
  csn_frame_put(&frames, CSN_FRAME_TAKE, key, n);
  csn_link_commit(&ch->link, &frames);
  rc = await_status(ch, control, err);
  if (rc || strcmp(ch->hello.key, key) == 0) return rc;
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                  "the sandbox that was started ahead says that it is another session's");
}

int csn_channel_retire(struct csn_channel *ch, uint64_t idle_ms, const struct csn_control *control,
                       struct csn_error *err) {
  struct csn_wire_out frames;
  int rc = csn_link_reserve(&ch->link, CSN_FRAME_HEAD + 8, &frames, err);
  if (rc) return rc;
  csn_wire_put_u64(&frames, CSN_FRAME_RETIRE, idle_ms);
  csn_link_commit(&ch->link, &frames);
  rc = await_status(ch, control, err);
  return rc == CAISSON_E_LOST && ch->link.dead ? 1 : rc;
}

int csn_channel_is_usable(struct csn_channel *ch) {
  if (csn_link_is_quiet(&ch->link)) return 1;
  if (ch->link.dead) return 0;
  /* The answer to a ping may come after the end of the call that sent it: look what it is. */
  struct csn_control now = CSN_CONTROL_NONE;
  int rc = csn_link_pump(&ch->link, &now, csn_clock_now(), 0, idle_frame, ch, NULL);
  csn_link_rest(&ch->link);
  return rc >= 0 && csn_link_is_quiet(&ch->link);
}
