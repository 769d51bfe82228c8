/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over a hijacked stream, both ways: the demultiplexer, the frame reader and an outbox,
 * pumped by one poll loop. It knows which frames are well-formed, not what they mean. */
#ifndef CSN_CHANNEL_LINK_H
#define CSN_CHANNEL_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "engine/demux.h"
#include "transport/stream.h"
#include "util/buffer.h"
#include "util/control.h"
#include "wire/frame.h"

#define CSN_LINK_OUT_MAX ((size_t)4 << 20) /* of frames not yet written */
#define CSN_LINK_OUT_FULL ((size_t)256 << 10) /* beyond it, bulk data waits */
#define CSN_LINK_NOISE_MAX 512

struct csn_link {
  struct csn_stream *stream;
  struct csn_demux demux;
  struct csn_frame_reader reader;
  uint8_t *memory;       /* what a read and a frame in pieces need; NULL while nothing is under way */
  struct csn_buffer out; /* frames to be written, from out_at on */
  size_t out_at;
  char noise[CSN_LINK_NOISE_MAX]; /* what came on stderr: the last words of a helper or an engine */
  size_t noise_size;
  int64_t heard; /* when something last came */
  int64_t deaf;  /* since when the other end takes nothing any more; 0: it does */
  int dead;      /* no more frames will come or can be sent */
  int also_fd;   /* > 0: something else that ends a pump once it is readable */
};

/* Takes the stream. */
void csn_link_init(struct csn_link *link, struct csn_stream *stream);
void csn_link_free(struct csn_link *link);

/* Room for n more bytes in the outbox, as a csn_wire_out that csn_link_commit() then takes. */
int csn_link_reserve(struct csn_link *link, size_t n, struct csn_wire_out *out,
                     struct csn_error *err);
void csn_link_commit(struct csn_link *link, const struct csn_wire_out *out);
static inline size_t csn_link_unsent(const struct csn_link *link) {
  return link->out.size - link->out_at;
}

/* Gets each frame, or each piece of a bulk one. 0: go on. 1: the pump returns once what was read
 * is dealt with. Negative: it returns that at once and the link is dead. */
typedef int csn_link_frame_fn(void *ctx, const struct csn_frame *frame, struct csn_error *err);

#define CSN_LINK_ALSO 2

/* Reads and writes until a frame function says 1 (returns 1), also_fd is readable (CSN_LINK_ALSO),
 * `until` has come or, if `room` is set, the outbox has room for more bulk data (returns 0), or
 * something fails: the control's stop
 * (the link stays usable), or CAISSON_E_LOST with reason helper.lost or helper.protocol (it is
 * dead). */
int csn_link_pump(struct csn_link *link, const struct csn_control *control, int64_t until, int room,
                  csn_link_frame_fn *on_frame, void *ctx, struct csn_error *err);

/* Writes what it can of the outbox without waiting. An end that takes nothing any more is no error
 * here: what it said before it went is still to be read. */
int csn_link_flush(struct csn_link *link, struct csn_error *err);

/* Between two calls: has the other end gone, or said something unasked? */
int csn_link_is_quiet(struct csn_link *link);

/* Gives the memory back if nothing is half read. */
void csn_link_rest(struct csn_link *link);

#endif
