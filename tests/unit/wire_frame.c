/* SPDX-License-Identifier: Apache-2.0 */
/* The frame reader and writer: any way of cutting a stream gives the same frames, and what a
 * side may not send is refused, for good. */
#include "tap.h"
#include "wire/frame.h"
#include "wire/protocol.h"

static uint8_t buffer[CSN_FRAME_MAX];
static uint8_t stream[4 * CSN_FRAME_MAX];

static struct csn_wire_out new_stream(void) {
  return (struct csn_wire_out){stream, sizeof stream, 0};
}

static void put_hello(struct csn_wire_out *out) {
  csn_frame_put(out, CSN_FRAME_HELLO, &(uint8_t){CSN_WIRE_VERSION}, 1);
}

/* What a reader made of a stream, as text: "type:bytes;" with pieces of bulk frames joined. */
struct transcript {
  uint8_t bytes[sizeof stream];
  size_t size;
  uint8_t types[64];
  size_t frames;
  int last;
};

static struct transcript seen, expected;

static void note(struct transcript *t, const struct csn_frame *frame) {
  bool bulk = csn_frame_type_find(frame->type)->bulk;
  bool joins = bulk && t->frames > 0 && t->types[t->frames - 1] == frame->type;
  if (!joins && t->frames < sizeof t->types) t->types[t->frames++] = frame->type;
  memcpy(t->bytes + t->size, frame->bytes, frame->size);
  t->size += frame->size;
}

/* Each slice is copied into a block of its own size, so that a sanitizer sees any step outside. */
static void read_all(struct transcript *t, enum csn_frame_sender sender, size_t size, size_t step,
                     struct csn_frame_reader *reader) {
  memset(t, 0, sizeof *t);
  csn_frame_reader_init(reader, sender, buffer);
  for (size_t at = 0; at < size; at += step) {
    size_t piece = size - at < step ? size - at : step;
    uint8_t *slice = malloc(piece);
    memcpy(slice, stream + at, piece);
    const uint8_t *bytes = slice;
    struct csn_frame frame;
    while ((t->last = csn_frame_read(reader, &bytes, &piece, &frame)) > 0) note(t, &frame);
    free(slice);
    if (t->last < 0) return;
  }
}

static void test_cuts(void) {
  struct csn_frame_reader reader;
  struct csn_wire_out out = new_stream();
  uint8_t big[3000];
  for (size_t i = 0; i < sizeof big; i++) big[i] = (uint8_t)(i * 7);
  put_hello(&out);
  csn_frame_put(&out, CSN_FRAME_RUN_PART, big, sizeof big);
  csn_frame_put(&out, CSN_FRAME_RUN, big, 500);
  csn_frame_put(&out, CSN_FRAME_STDIN, "x", 1);
  csn_frame_put(&out, CSN_FRAME_PING, "12345678", 8);
  csn_frame_put(&out, CSN_FRAME_RUN, NULL, 0);
  csn_frame_put(&out, CSN_FRAME_STDIN_END, NULL, 0);
  csn_frame_put(&out, CSN_FRAME_SCRIPT, big, 10);
  read_all(&expected, CSN_FROM_HOST, out.size, out.size, &reader);
  is_int(expected.frames, 8, "eight frames come out of one slice");
  is_int(expected.size, 1 + sizeof big + 500 + 1 + 8 + 10, "with all their bytes");
  ok(csn_frame_reader_between(&reader), "and the reader is between frames");
  size_t wrong = 0;
  for (size_t step = 1; step < out.size; step++) {
    read_all(&seen, CSN_FROM_HOST, out.size, step, &reader);
    wrong += seen.frames != expected.frames || seen.size != expected.size ||
             memcmp(seen.bytes, expected.bytes, seen.size) != 0 ||
             memcmp(seen.types, expected.types, seen.frames) != 0 || seen.last != 0;
  }
  is_int(wrong, 0, "every other way of cutting the stream gives the same");
}

static void test_in_place(void) {
  struct csn_frame_reader reader;
  struct csn_wire_out out = new_stream();
  struct csn_frame frame;
  put_hello(&out);
  csn_frame_put(&out, CSN_FRAME_OUT, stream + sizeof stream / 2, CSN_FRAME_MAX);
  csn_frame_reader_init(&reader, CSN_FROM_GUEST, NULL);
  const uint8_t *bytes = stream;
  size_t size = out.size - 100;
  is_int(csn_frame_read(&reader, &bytes, &size, &frame), 1, "a whole control frame is read");
  ok(frame.bytes == stream + CSN_FRAME_HEAD, "in place");
  is_int(csn_frame_read(&reader, &bytes, &size, &frame), 1, "a part of a bulk frame is read");
  ok(frame.bytes == stream + 2 * CSN_FRAME_HEAD + 1, "in place");
  is_int(frame.size, CSN_FRAME_MAX - 100, "as far as it came");
  is_int(csn_frame_read(&reader, &bytes, &size, &frame), 0, "then more is needed");
  ok(!csn_frame_reader_between(&reader), "and the stream must not end here");
}

/* One frame after HELLO (or instead of it), refused with these words, whatever follows. */
static void refuses(enum csn_frame_sender sender, bool greet, uint8_t type, size_t size,
                    const char *words) {
  struct csn_frame_reader reader;
  struct csn_wire_out out = new_stream();
  uint8_t head[CSN_FRAME_HEAD];
  if (greet) put_hello(&out);
  csn_frame_head(head, type, size);
  csn_wire_put(&out, head, sizeof head);
  read_all(&seen, sender, out.size, 1, &reader);
  is_int(seen.last, -1, "a frame of type 0x%02x and size %zu is refused", type, size);
  if (!ok(strstr(reader.error, words) != NULL, "with the words: %s", words))
    diag("%s", reader.error);
  out = new_stream();
  put_hello(&out);
  const uint8_t *bytes = stream;
  struct csn_frame frame;
  is_int(csn_frame_read(&reader, &bytes, &out.size, &frame), -1, "and so is everything after it");
}

static void test_refusals(void) {
  refuses(CSN_FROM_HOST, true, 0x99, 0, "0x99 (unknown)");
  refuses(CSN_FROM_HOST, true, CSN_FRAME_OUT, 1, "OUT");
  refuses(CSN_FROM_GUEST, true, CSN_FRAME_RUN, 1, "which it must not");
  refuses(CSN_FROM_GUEST, false, CSN_FRAME_OUT, 1, "before HELLO");
  refuses(CSN_FROM_GUEST, true, CSN_FRAME_HELLO, 1, "twice");
  refuses(CSN_FROM_HOST, true, CSN_FRAME_PING, 7, "7 bytes (allowed: 8 to 8)");
  refuses(CSN_FROM_HOST, true, CSN_FRAME_STDIN, 0, "0 bytes (allowed: 1 to 65536)");
  refuses(CSN_FROM_HOST, true, CSN_FRAME_STDIN, CSN_FRAME_MAX + 1, "65537 bytes");
  refuses(CSN_FROM_HOST, true, CSN_FRAME_RUN, 0xffffffffu, "4294967295 bytes");
  refuses(CSN_FROM_HOST, false, CSN_FRAME_HELLO, 0, "0 bytes");
}

static void test_version(void) {
  struct csn_frame_reader reader;
  struct csn_wire_out out = new_stream();
  csn_frame_put(&out, CSN_FRAME_HELLO, "\x63", 1);
  read_all(&seen, CSN_FROM_GUEST, out.size, 2, &reader);
  is_int(seen.last, -1, "another version is refused");
  ok(strstr(reader.error, "the helper speaks version 99") != NULL, "by its number");
}

static void test_measuring(void) {
  struct csn_wire_out measure = {NULL, 0, 0};
  size_t mark = csn_frame_begin(&measure, CSN_FRAME_EXIT);
  csn_field_put_string(&measure, CSN_FIELD_CWD, "/work");
  csn_field_put_number(&measure, CSN_FIELD_PID, 7);
  csn_frame_end(&measure, mark);
  is_int(measure.size, 5 + 6 + 6 + 6 + 8, "a buffer of no capacity measures");
  ok(!csn_wire_fits(&measure), "and says that it did not fit");
  uint8_t *exact = calloc(1, measure.size);
  for (size_t capacity = 0; capacity <= measure.size; capacity++) {
    struct csn_wire_out out = {exact, capacity, 0};
    csn_frame_put(&out, CSN_FRAME_OUT, "0123456789abcdef0123456789", 26);
    if (csn_wire_fits(&out) != (capacity >= 31)) ok(false, "capacity %zu", capacity);
  }
  free(exact);
  ok(true, "nothing is written past any capacity");
}

static void test_numbers(void) {
  uint8_t bytes[8];
  csn_wire_store(bytes, 0x0102030405060708u, 8);
  is_mem(bytes, "\x08\x07\x06\x05\x04\x03\x02\x01", 8, "numbers are little-endian");
  ok(csn_wire_load(bytes, 8) == 0x0102030405060708u, "and come back");
  ok(csn_wire_load(bytes, 2) == 0x0708, "in any width");
}

int main(void) {
  test_cuts();
  test_in_place();
  test_refusals();
  test_version();
  test_measuring();
  test_numbers();
  return done_testing();
}
