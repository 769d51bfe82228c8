/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/link.h"

#include <errno.h>
#include <string.h>

#include "util/alloc.h"
#include "wire/protocol.h"

#define READ_SIZE ((size_t)128 << 10)
/* How long the last words of an end that takes nothing any more are waited for. */
#define LAST_WORDS_NS CSN_SECOND

void csn_link_init(struct csn_link *link, struct csn_stream *stream) {
  memset(link, 0, sizeof *link);
  link->stream = stream;
  link->out.max = CSN_LINK_OUT_MAX;
  link->heard = csn_clock_now();
  csn_demux_init(&link->demux);
  csn_frame_reader_init(&link->reader, CSN_FROM_GUEST, NULL);
}

void csn_link_free(struct csn_link *link) {
  csn_stream_free(link->stream);
  csn_buffer_free(&link->out);
  csn_free(link->memory);
  link->stream = NULL;
  link->memory = NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

int csn_link_reserve(struct csn_link *link, size_t n, struct csn_wire_out *out,
                     struct csn_error *err) {
  /* What is left is moved no more often than as much has gone out as stays. */
  if (link->out_at > csn_link_unsent(link)) {
    csn_buffer_consume(&link->out, link->out_at);
    link->out_at = 0;
  }
  int rc = csn_buffer_reserve(&link->out, n);
  if (rc == CAISSON_E_NOMEM) return csn_fail_nomem(err);
  if (rc)
    return csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_ARGUMENTS,
                    "the request is larger than a channel can carry (%zu bytes)", CSN_LINK_OUT_MAX);
  *out = (struct csn_wire_out){.bytes = (uint8_t *)link->out.data + link->out.size, .capacity = n};
  return 0;
}

void csn_link_commit(struct csn_link *link, const struct csn_wire_out *out) {
  link->out.size += out->size;
}

int csn_link_flush(struct csn_link *link, struct csn_error *err) {
  struct csn_error why;
  while (csn_link_unsent(link) > 0 && !link->deaf) {
    ssize_t n = csn_stream_write(link->stream, link->out.data + link->out_at,
                                 csn_link_unsent(link), &why);
    if (n == CSN_STREAM_AGAIN) return 0;
    if (n == CAISSON_E_NOMEM) {
      link->dead = 1;
      return csn_fail_nomem(err);
    }
    if (n < 0)
      link->deaf = csn_clock_now();
    else
      link->out_at += (size_t)n;
  }
  csn_buffer_reset(&link->out);
  link->out_at = 0;
  return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int get_memory(struct csn_link *link, struct csn_error *err) {
  if (link->memory) return 0;
  link->memory = csn_alloc(READ_SIZE + CSN_FRAME_MAX);
  if (!link->memory) return csn_fail_nomem(err);
  link->reader.buffer = link->memory + READ_SIZE;
  return 0;
}

void csn_link_rest(struct csn_link *link) {
  if (!csn_demux_idle(&link->demux) || !csn_frame_reader_between(&link->reader)) return;
  csn_free(link->memory);
  link->memory = NULL;
  link->reader.buffer = NULL;
  if (csn_link_unsent(link) == 0) csn_buffer_free(&link->out);
}

/* Keeps the last words of the other end, as plain text, for an error. */
static void add_noise(struct csn_link *link, const void *bytes, size_t n) {
  const unsigned char *b = bytes;
  for (size_t i = 0; i < n; i++) {
    if (link->noise_size + 1 == sizeof link->noise) {
      link->noise_size /= 2;
      memmove(link->noise, link->noise + link->noise_size + 1, link->noise_size);
    }
    link->noise[link->noise_size++] =
        b[i] == '\n' || (b[i] >= ' ' && b[i] < 0x7f) ? (char)b[i] : '?';
  }
  link->noise[link->noise_size] = '\0';
}

static const char *last_words(struct csn_link *link) {
  char *text = link->noise;
  size_t n = strlen(text);
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '?' || text[n - 1] == ' ')) text[--n] = 0;
  for (char *p = text; *p; p++)
    if (*p == '\n') *p = ' ';
  return text;
}

static int ended(struct csn_link *link, struct csn_error *err) {
  link->dead = 1;
  const char *words = last_words(link);
  return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_LOST,
                  "the connection to the helper in the sandbox ended%s%s", *words ? ": " : "",
                  words);
}

static int read_frames(struct csn_link *link, const struct csn_demux_slice *slice,
                       csn_link_frame_fn *on_frame, void *ctx, struct csn_error *err) {
  const uint8_t *bytes = slice->bytes;
  size_t n = slice->n;
  int stop = 0;
  for (;;) {
    struct csn_frame frame;
    int rc = csn_frame_read(&link->reader, &bytes, &n, &frame);
    if (rc == 0) return stop;
    if (rc < 0 && !link->reader.greeted) { /* an engine's words in place of a helper's hello */
      add_noise(link, slice->bytes, slice->n);
      return ended(link, err);
    }
    if (rc < 0) {
      link->dead = 1;
      return csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_HELPER_PROTOCOL,
                      "the helper in the sandbox sent a malformed frame: %s", link->reader.error);
    }
    rc = on_frame(ctx, &frame, err);
    if (rc < 0) {
      link->dead = 1;
      return rc;
    }
    if (rc > 0) stop = 1;
  }
}

/* Process 1 says on stderr when the first channel's helper ends, since the engine does not. */
static int says_ended(const struct csn_link *link) {
  const char *at = strstr(link->noise, CSN_SERVE_ENDED_PREFIX);
  return at && (at == link->noise || at[-1] == '\n') && strchr(at, '\n');
}

/* A helper that exits has said why on its stdout, which may come later than process 1's stderr. */
static int may_have_said_why(const struct csn_link *link) {
  return strstr(link->noise, CSN_SERVE_ENDED_PREFIX "exit ") != NULL;
}

static int take(struct csn_link *link, const void *bytes, size_t n, csn_link_frame_fn *on_frame,
                void *ctx, struct csn_error *err) {
  const void *chunk = bytes;
  size_t chunk_size = n;
  int stop = 0;
  struct csn_demux_slice slice;
  for (;;) {
    int rc = csn_demux_next(&link->demux, &bytes, &n, &slice, err);
    if (rc == 0) break;
    if (rc < 0) { /* an engine that could not start the helper says so in plain text */
      add_noise(link, chunk, chunk_size);
      return ended(link, err);
    }
    if (slice.stream == CSN_DEMUX_STDOUT) {
      rc = read_frames(link, &slice, on_frame, ctx, err);
      if (rc < 0) return rc;
      stop |= rc;
    } else {
      add_noise(link, slice.bytes, slice.n);
    }
  }
  if (!says_ended(link)) return stop;
  if (!stop && may_have_said_why(link)) {
    link->deaf = link->deaf ? link->deaf : csn_clock_now();
    return 0;
  }
  link->dead = 1;
  return stop ? 1 : ended(link, err);
}

/* One read; 1 if a frame function wants the pump to stop. *more: there may be more to read. */
static int receive(struct csn_link *link, csn_link_frame_fn *on_frame, void *ctx, int *more,
                   struct csn_error *err) {
  ssize_t n = csn_stream_read(link->stream, link->memory, READ_SIZE, err);
  *more = n > 0;
  if (n == CSN_STREAM_AGAIN) return 0;
  if (n == CAISSON_E_NOMEM) {
    link->dead = 1;
    return csn_fail_nomem(err);
  }
  if (n <= 0) return ended(link, err);
  link->heard = csn_clock_now();
  return take(link, link->memory, (size_t)n, on_frame, ctx, err);
}

/* Waits for something to read, or for room to write. 1: read; 0: look again; CSN_LINK_ALSO; or the
 * control's stop. */
static int await(struct csn_link *link, const struct csn_control *control, int64_t until,
                 struct csn_error *err) {
  struct pollfd p[2] = {{.fd = csn_stream_fd(link->stream), .events = POLLIN},
                        {.fd = link->also_fd, .events = POLLIN}};
  if (csn_stream_pending(link->stream) > 0) return 1;
  if (csn_link_unsent(link) > 0) p[0].events |= POLLOUT;
  if (link->deaf && link->deaf + LAST_WORDS_NS < until) until = link->deaf + LAST_WORDS_NS;
  int rc = csn_control_poll(control, p, link->also_fd > 0 ? 2 : 1, until, err);
  if (rc <= 0) return rc;
  return (p[0].revents & ~POLLOUT) ? 1 : p[1].revents ? CSN_LINK_ALSO : 0;
}

int csn_link_pump(struct csn_link *link, const struct csn_control *control, int64_t until, int room,
                  csn_link_frame_fn *on_frame, void *ctx, struct csn_error *err) {
  int rc = get_memory(link, err);
  if (rc) return rc;
  for (;;) {
    rc = csn_link_flush(link, err);
    if (rc < 0) return rc;
    if (room && !link->deaf && csn_link_unsent(link) < CSN_LINK_OUT_FULL) return 0;
    rc = await(link, control, until, err);
    if (rc < 0 || rc == CSN_LINK_ALSO) return rc;
    if (rc == 0 && link->deaf && csn_clock_now() >= link->deaf + LAST_WORDS_NS)
      return ended(link, err);
    if (rc == 0 && csn_clock_now() >= until) return 0;
    if (rc == 0) continue;
    int more;
    rc = receive(link, on_frame, ctx, &more, err);
    if (rc != 0) return rc;
    /* A steady stream of output must not starve the caller's pings and input. */
    if (csn_clock_now() >= until) return 0;
  }
}

int csn_link_is_quiet(struct csn_link *link) {
  struct pollfd p = {.fd = csn_stream_fd(link->stream), .events = POLLIN};
  return !link->dead && !link->deaf && csn_stream_pending(link->stream) == 0 &&
         poll(&p, 1, 0) == 0;
}
