/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be written to the host: one bounded buffer of frames. Command output goes straight
 * from its pipe into the frame that carries it. It knows frames and two descriptors, not calls.
 *
 * A little output is held back for a moment (CSN_OUTBOX_HOLD_NS), so that what a short command
 * prints and its EXIT leave in one write, and so do many small writes of a long one.
 */
#ifndef CSN_GUEST_OUTBOX_H
#define CSN_GUEST_OUTBOX_H

#include "wire/frame.h"

#include <sys/types.h>

#define CSN_OUTBOX_HOLD_NS 1500000ull
#define CSN_OUTBOX_HOLD_BYTES 65000u
#define CSN_OUTBOX_BULK (2u * (CSN_FRAME_HEAD + CSN_FRAME_MAX))
#define CSN_OUTBOX_CONTROL 32768u   /* room that output never takes: all control frames fit there */

struct csn_outbox {
  size_t sent, size;     /* bytes[sent, size) are to be written */
  size_t open;           /* where the last bulk frame starts, while it may grow; else SIZE_MAX */
  uint64_t held_until;   /* 0: write at once */
  uint8_t bytes[CSN_OUTBOX_BULK + CSN_OUTBOX_CONTROL];
};

/* Whether there is room to take output from a pipe. */
bool csn_outbox_has_room(const struct csn_outbox *outbox);

/* Read at most `limit` bytes from `fd` into a frame of `type`. Returns the number read, with *bytes
 * pointing to them; 0 at end-of-file; -1 with errno. There must be room. */
ssize_t csn_outbox_take(struct csn_outbox *outbox, uint8_t type, int fd, size_t limit, uint64_t now,
                        const uint8_t **bytes);

/* Append control frames: put them into *out, then commit. They leave at once, with all before them.
 * Returns false when not even they fit, which only a host that floods us can bring about. */
struct csn_wire_out csn_outbox_control(struct csn_outbox *outbox);
bool csn_outbox_commit(struct csn_outbox *outbox, const struct csn_wire_out *out);

/* Write what is due. 0, or -1 when the host is gone. */
int csn_outbox_flush(struct csn_outbox *outbox, int fd, uint64_t now);

static inline size_t csn_outbox_pending(const struct csn_outbox *outbox) {
  return outbox->size - outbox->sent;
}

/* Forget everything: nobody reads any more. */
void csn_outbox_drop(struct csn_outbox *outbox);

/* Give its memory back; nothing may be pending. */
void csn_outbox_release(struct csn_outbox *outbox);

#endif
