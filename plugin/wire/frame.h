/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: how the bytes between host and helper are cut into messages, and how the fields inside a
 * message are laid out. Pure: no I/O, no allocation, no clock. What the messages mean is in
 * protocol.h; this file knows only their sizes, their direction and who may send them.
 *
 *   frame   u32 payload size (little-endian) | u8 type | payload
 *   field   u16 tag | u32 size | value          (both little-endian; fills control payloads)
 *
 * A payload is at most CSN_FRAME_MAX bytes. Control frames are always handed out whole. Bulk frames
 * (a command's input and output, scripts, parts of a request) are byte streams cut anywhere, so a
 * reader hands out whatever piece of one has arrived: that is what keeps them free of copies.
 */
#ifndef CSN_WIRE_FRAME_H
#define CSN_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSN_FRAME_HEAD 5u      /* bytes of a frame before its payload */
#define CSN_FRAME_MAX 65536u   /* largest payload of any frame */
#define CSN_FIELD_HEAD 6u      /* bytes of a field before its value */
#define CSN_FRAME_ERROR_MAX 160u

/* Who sends a frame. A reader is told whose frames it reads and refuses the other side's. */
enum csn_frame_sender { CSN_FROM_HOST = 1, CSN_FROM_GUEST = 2, CSN_FROM_BOTH = 3 };

/* One row of the table of frame types (frame_table.c). */
struct csn_frame_type {
  uint8_t type;
  uint8_t sender;      /* enum csn_frame_sender */
  bool bulk;           /* handed out in pieces */
  uint32_t min, max;   /* payload bytes */
  const char *name;
};

/* The row of a type, or NULL where there is none. */
const struct csn_frame_type *csn_frame_type_find(uint8_t type);

/* ---- reading ------------------------------------------------------------------------------- */

/* A whole control frame, or a piece of a bulk one (never empty). `bytes` points into the slice that
 * was given to csn_frame_read, or into the reader's buffer, and is good until the next call. */
struct csn_frame {
  uint8_t type;
  const uint8_t *bytes;
  size_t size;
};

struct csn_frame_reader {
  /* the caller's; gathers control frames that came in bits */
  uint8_t *buffer;
  uint8_t sender;                         /* whose frames these are */
  bool greeted;                           /* the first frame, CSN_FRAME_HELLO, has come */
  uint8_t head[CSN_FRAME_HEAD];
  uint8_t head_size;                      /* bytes of head[] that are there */
  const struct csn_frame_type *type;      /* of the frame being read; NULL between frames */
  uint32_t left;                          /* payload bytes still to come */
  uint32_t gathered;                      /* payload bytes in buffer */
  char error[CSN_FRAME_ERROR_MAX];        /* empty while all is well */
};

/* Prepare to read what `sender` sends. `buffer` must hold CSN_FRAME_MAX bytes and outlive the
 * reader; it is touched only when a control frame arrives in more than one slice. */
void csn_frame_reader_init(struct csn_frame_reader *reader, enum csn_frame_sender sender,
                           uint8_t *buffer);

/* Take the next frame out of the slice *bytes, *size, and advance both past what was used.
 *   1   *out holds a frame or a piece of one: deal with it and call again;
 *   0   the slice is used up, more bytes are needed;
 *  -1   malformed: reader->error says why. This is final: every later call answers -1 as well.
 * Malformed is: an unknown type, a frame that this sender may not send, a payload outside its
 * type's bounds, a first frame other than HELLO or of another version, a second HELLO. */
int csn_frame_read(struct csn_frame_reader *reader, const uint8_t **bytes, size_t *size,
                   struct csn_frame *out);

/* Whether the stream may end here: true between frames, false inside one. */
bool csn_frame_reader_between(const struct csn_frame_reader *reader);

/* ---- writing ------------------------------------------------------------------------------- */

/* Bytes being appended to a buffer of the caller's. `size` goes on counting past `capacity`
 * (nothing is written there), so a first pass with capacity 0 measures what is needed. */
struct csn_wire_out {
  uint8_t *bytes;
  size_t capacity;
  size_t size;
};

/* Whether everything that was put did fit. */
bool csn_wire_fits(const struct csn_wire_out *out);

/* Write the head of a frame of `size` payload bytes (<= CSN_FRAME_MAX) into head. */
void csn_frame_head(uint8_t head[CSN_FRAME_HEAD], uint8_t type, size_t size);

/* Append one whole frame. */
void csn_frame_put(struct csn_wire_out *out, uint8_t type, const void *payload, size_t size);

/* Append a frame whose payload is put piece by piece: begin returns a mark, the payload is put, end
 * fills the size in. */
size_t csn_frame_begin(struct csn_wire_out *out, uint8_t type);
void csn_frame_end(struct csn_wire_out *out, size_t mark);

void csn_wire_put(struct csn_wire_out *out, const void *bytes, size_t size);

/* Little-endian numbers, wherever they stand. */
void csn_wire_store(uint8_t *at, uint64_t value, size_t width);
uint64_t csn_wire_load(const uint8_t *at, size_t width);

/* ---- fields -------------------------------------------------------------------------------- */

enum csn_field_kind {
  CSN_FIELD_NUMBER = 1,   /* 8 bytes, little-endian, unsigned */
  CSN_FIELD_BYTES = 2,    /* any bytes; text meant for people is UTF-8 only if its sender says so */
  CSN_FIELD_STRING = 3    /* ends in its only NUL, so it can be used in place as a C string */
};

/* One row of the table of field tags (frame_table.c). */
struct csn_field_type {
  uint16_t tag;
  uint8_t kind;        /* enum csn_field_kind */
  uint32_t max;        /* bytes of the value; a string's NUL counts */
  const char *name;
};

const struct csn_field_type *csn_field_type_find(uint16_t tag);

struct csn_field {
  uint16_t tag;
  const uint8_t *bytes;   /* the value, in place */
  size_t size;
  uint64_t number;        /* of CSN_FIELD_NUMBER, else 0 */
};

/* The first field is taken from *bytes, *size, which are advanced past it. 1: *field is valid
 * for its type; 0: there are no more; -1: malformed, and `error` (CSN_FRAME_ERROR_MAX bytes)
 * says why. Unknown tags are malformed: both sides are of one version. */
int csn_field_read(const uint8_t **bytes, size_t *size, struct csn_field *field, char *error);

void csn_field_put_number(struct csn_wire_out *out, uint16_t tag, uint64_t value);
void csn_field_put_bytes(struct csn_wire_out *out, uint16_t tag, const void *bytes, size_t size);
void csn_field_put_string(struct csn_wire_out *out, uint16_t tag, const char *string);

#endif
