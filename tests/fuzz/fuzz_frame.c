/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and messages from either side. The first byte chooses the side, the second how the rest
 * is cut. What comes out must not depend on the cuts, and every message must be readable or
 * refused. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
  uint64_t hash;
  uint64_t bytes;
  int last;
};

static void mix(struct digest *digest, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) digest->hash = (digest->hash ^ bytes[i]) * 0x100000001b3u;
  digest->bytes += size;
}

/* Whatever is accepted must lie inside the payload and have its NUL. */
static void touch(struct csn_wire_text text) {
  volatile uint8_t sum = 0;
  for (size_t i = 0; i < text.size; i++) sum = (uint8_t)(sum + (uint8_t)text.bytes[i]);
}

static void read_run(const uint8_t *payload, size_t size, char *error) {
  struct csn_wire_run run;
  const char *strings[16];
  if (csn_wire_get_run(payload, size, &run, error) < 0) return;
  size_t count = csn_wire_get_run_strings(payload, size, CSN_FIELD_ARG, strings, 16);
  if (count != run.arg_count) abort();
  for (size_t i = 0; i < count && i < 16; i++)
    touch((struct csn_wire_text){strings[i], strlen(strings[i])});
  if (run.cwd != NULL) touch((struct csn_wire_text){run.cwd, strlen(run.cwd)});
}

static void read_message(const struct csn_frame *frame) {
  char error[CSN_FRAME_ERROR_MAX] = "";
  struct csn_wire_status status;
  struct csn_wire_exit ended;
  struct csn_wire_fault fault;
  bool hello = frame->type == CSN_FRAME_HELLO;
  if (csn_wire_get_status(frame->bytes, frame->size, hello, &status, error) == 0) touch(status.key);
  if (csn_wire_get_exit(frame->bytes, frame->size, &ended, error) == 0) touch(ended.spill_path);
  if (csn_wire_get_fault(frame->bytes, frame->size, &fault, error) == 0) touch(fault.text);
  read_run(frame->bytes, frame->size, error);
}

static struct digest read_stream(const uint8_t *data, size_t size, uint8_t side, size_t step) {
  static uint8_t buffer[CSN_FRAME_MAX];
  struct csn_frame_reader reader;
  struct digest digest = {0xcbf29ce484222325u, 0, 0};
  csn_frame_reader_init(&reader, side & 1 ? CSN_FROM_HOST : CSN_FROM_GUEST, buffer);
  for (size_t at = 0; at < size && digest.last == 0; at += step) {
    const uint8_t *bytes = data + at;
    size_t left = size - at < step ? size - at : step;
    struct csn_frame frame;
    while ((digest.last = csn_frame_read(&reader, &bytes, &left, &frame)) > 0) {
      if (csn_frame_type_find(frame.type)->bulk) {
        if (frame.size == 0) abort();
      } else {
        mix(&digest, &frame.type, 1);
        read_message(&frame);
      }
      mix(&digest, frame.bytes, frame.size);
    }
  }
  if ((digest.last < 0) != (reader.error[0] != '\0')) abort();
  return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  struct digest whole = read_stream(data + 2, size - 2, data[0], size);
  struct digest cut = read_stream(data + 2, size - 2, data[0], data[1] + 1u);
  if (whole.hash != cut.hash || whole.bytes != cut.bytes || whole.last != cut.last) abort();
  return 0;
}
