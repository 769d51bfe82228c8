/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The incremental frame reader. It is handed slices cut anywhere and hands out frames; it copies
 * only control frames that arrive in more than one slice. It knows sizes and senders, not meanings.
 */
#include "wire/frame.h"
#include "wire/protocol.h"

#include <stdio.h>
#include <string.h>

void csn_frame_reader_init(struct csn_frame_reader *reader, enum csn_frame_sender sender,
                           uint8_t *buffer) {
  memset(reader, 0, sizeof *reader);
  reader->buffer = buffer;
  reader->sender = (uint8_t)sender;
}

bool csn_frame_reader_between(const struct csn_frame_reader *reader) {
  return reader->type == NULL && reader->head_size == 0 && reader->error[0] == '\0';
}

static const char *sender_name(const struct csn_frame_reader *reader) {
  return reader->sender == CSN_FROM_HOST ? "host" : "helper";
}

/* The head is complete: find its row and check everything that can be checked without the
 * payload. */
static int accept_head(struct csn_frame_reader *reader) {
  uint8_t code = reader->head[4];
  uint64_t size = csn_wire_load(reader->head, 4);
  const struct csn_frame_type *type = csn_frame_type_find(code);

  if (type == NULL || (type->sender & reader->sender) == 0) {
    snprintf(reader->error, sizeof reader->error, "the %s sent a frame of type 0x%02x (%s)%s",
             sender_name(reader), code, type != NULL ? type->name : "unknown",
             reader->greeted ? ", which it must not" : " where HELLO belongs");
    return -1;
  }
  if ((code == CSN_FRAME_HELLO) == reader->greeted) {
    snprintf(reader->error, sizeof reader->error, "the %s sent %s %s", sender_name(reader),
             type->name, reader->greeted ? "twice" : "before HELLO");
    return -1;
  }
  if (size < type->min || size > type->max) {
    snprintf(reader->error, sizeof reader->error,
             "the %s sent a %s frame of %llu bytes (allowed: %u to %u)", sender_name(reader),
             type->name, (unsigned long long)size, type->min, type->max);
    return -1;
  }
  reader->greeted = true;
  reader->type = type;
  reader->left = (uint32_t)size;
  reader->gathered = 0;
  return 0;
}

static int check_version(struct csn_frame_reader *reader, const struct csn_frame *frame) {
  if (frame->type != CSN_FRAME_HELLO || frame->bytes[0] == CSN_WIRE_VERSION)
    return 1;
  snprintf(reader->error, sizeof reader->error,
           "the %s speaks version %u of the protocol, this side version %u", sender_name(reader),
           frame->bytes[0], (unsigned)CSN_WIRE_VERSION);
  return -1;
}

static void advance(const uint8_t **bytes, size_t *size, size_t used) {
  *bytes += used;
  *size -= used;
}

/* Hand out `size` bytes of the current frame. */
static void hand_out(struct csn_frame_reader *reader, const uint8_t *bytes, size_t size,
                     struct csn_frame *out) {
  out->type = reader->type->type;
  out->bytes = bytes;
  out->size = size;
  if (reader->left == 0) {
    reader->type = NULL;
    reader->head_size = 0;
  }
}

static int read_bulk(struct csn_frame_reader *reader, const uint8_t **bytes, size_t *size,
                     struct csn_frame *out) {
  size_t piece = *size < reader->left ? *size : reader->left;
  if (piece == 0)
    return 0;
  reader->left -= (uint32_t)piece;
  hand_out(reader, *bytes, piece, out);
  advance(bytes, size, piece);
  return 1;
}

static int read_control(struct csn_frame_reader *reader, const uint8_t **bytes, size_t *size,
                        struct csn_frame *out) {
  size_t piece = *size < reader->left ? *size : reader->left;
  const uint8_t *payload = *bytes;

  if (piece < reader->left || reader->gathered > 0) {
    if (piece > 0)
      memcpy(reader->buffer + reader->gathered, *bytes, piece);
    reader->gathered += (uint32_t)piece;
    payload = reader->buffer;
  }
  size_t whole = reader->gathered > 0 ? reader->gathered : piece;
  reader->left -= (uint32_t)piece;
  advance(bytes, size, piece);
  if (reader->left > 0)
    return 0;
  hand_out(reader, payload, whole, out);
  return check_version(reader, out);
}

int csn_frame_read(struct csn_frame_reader *reader, const uint8_t **bytes, size_t *size,
                   struct csn_frame *out) {
  if (reader->error[0] != '\0')
    return -1;
  if (reader->type == NULL) {
    size_t missing = CSN_FRAME_HEAD - reader->head_size;
    size_t piece = *size < missing ? *size : missing;
    if (piece == 0)
      return 0;
    memcpy(reader->head + reader->head_size, *bytes, piece);
    reader->head_size = (uint8_t)(reader->head_size + piece);
    advance(bytes, size, piece);
    if (reader->head_size < CSN_FRAME_HEAD)
      return 0;
    if (accept_head(reader) < 0)
      return -1;
  }
  return reader->type->bulk ? read_bulk(reader, bytes, size, out)
                            : read_control(reader, bytes, size, out);
}
