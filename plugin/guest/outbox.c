/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffer towards the host: see outbox.h.
 */
#include "guest/outbox.h"

#include "guest/basics.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NO_FRAME SIZE_MAX

/* A full frame fills whole pages with its head: what carries it on takes it in even pieces, with
 * none of a few bytes between them, each of which would cost as much as a large one. */
#define BULK_MAX (CSN_FRAME_MAX - CSN_FRAME_HEAD)

void csn_outbox_drop(struct csn_outbox *outbox) {
  outbox->sent = outbox->size = 0;
  outbox->open = NO_FRAME;
  outbox->held_until = 0;
}

void csn_outbox_release(struct csn_outbox *outbox) {
  csn_guest_release(outbox->bytes, sizeof outbox->bytes);
}

static void compact(struct csn_outbox *outbox) {
  if (outbox->sent == 0) return;
  memmove(outbox->bytes, outbox->bytes + outbox->sent, csn_outbox_pending(outbox));
  if (outbox->open != NO_FRAME)
    outbox->open = outbox->open >= outbox->sent ? outbox->open - outbox->sent : NO_FRAME;
  outbox->size -= outbox->sent;
  outbox->sent = 0;
}

bool csn_outbox_has_room(const struct csn_outbox *outbox) {
  return csn_outbox_pending(outbox) <= CSN_OUTBOX_BULK / 2;
}

/* The frame that output of this type goes to: the last one if it is of the type, has room and
 * none of it was written; else a new one. Returns how many bytes it can take. */
static size_t open_frame(struct csn_outbox *outbox, uint8_t type) {
  if (outbox->open != NO_FRAME && outbox->open >= outbox->sent &&
      outbox->bytes[outbox->open + 4] == type) {
    size_t size = outbox->size - outbox->open - CSN_FRAME_HEAD;
    if (size <= BULK_MAX / 2) return BULK_MAX - size;
  }
  outbox->open = outbox->size;
  csn_frame_head(outbox->bytes + outbox->size, type, 0);
  outbox->size += CSN_FRAME_HEAD;
  return BULK_MAX;
}

static void close_frame(struct csn_outbox *outbox) {
  size_t size = outbox->size - outbox->open - CSN_FRAME_HEAD;
  csn_wire_store(outbox->bytes + outbox->open, size, 4);
  if (size > 0) return;
  outbox->size = outbox->open;
  outbox->open = NO_FRAME;
}

ssize_t csn_outbox_take(struct csn_outbox *outbox, uint8_t type, int fd, size_t limit, uint64_t now,
                        const uint8_t **bytes) {
  bool was_empty = csn_outbox_pending(outbox) == 0;
  compact(outbox);
  size_t room = open_frame(outbox, type);
  *bytes = outbox->bytes + outbox->size;
  ssize_t got = read(fd, outbox->bytes + outbox->size, limit < room ? limit : room);
  if (got > 0) outbox->size += (size_t)got;
  int why = errno;
  close_frame(outbox);
  if (got > 0 && was_empty) outbox->held_until = now + CSN_OUTBOX_HOLD_NS;
  if (csn_outbox_pending(outbox) >= CSN_OUTBOX_HOLD_BYTES) outbox->held_until = 0;
  errno = why;
  return got;
}

struct csn_wire_out csn_outbox_control(struct csn_outbox *outbox) {
  compact(outbox);
  return (struct csn_wire_out){outbox->bytes, sizeof outbox->bytes, outbox->size};
}

bool csn_outbox_commit(struct csn_outbox *outbox, const struct csn_wire_out *out) {
  if (!csn_wire_fits(out)) return false;
  outbox->size = out->size;
  outbox->open = NO_FRAME;
  outbox->held_until = 0;
  return true;
}

int csn_outbox_flush(struct csn_outbox *outbox, int fd, uint64_t now) {
  if (csn_outbox_pending(outbox) == 0 || now < outbox->held_until) return 0;
  outbox->held_until = 0;
  ssize_t wrote = write(fd, outbox->bytes + outbox->sent, csn_outbox_pending(outbox));
  if (wrote < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  outbox->sent += (size_t)wrote;
  if (outbox->sent == outbox->size) csn_outbox_drop(outbox);
  return 0;
}
