/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending frames and fields to a caller's buffer, and little-endian numbers. Nothing is ever
 * written past the capacity; the size goes on counting, so the caller learns what it needs.
 */
#include "wire/frame.h"

#include <string.h>

void csn_wire_store(uint8_t *at, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; i++)
    at[i] = (uint8_t)(value >> (8 * i));
}

uint64_t csn_wire_load(const uint8_t *at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; i++)
    value |= (uint64_t)at[i] << (8 * i);
  return value;
}

bool csn_wire_fits(const struct csn_wire_out *out) {
  return out->size <= out->capacity;
}

void csn_wire_put(struct csn_wire_out *out, const void *bytes, size_t size) {
  if (size > 0 && out->size <= out->capacity && size <= out->capacity - out->size)
    memcpy(out->bytes + out->size, bytes, size);
  out->size += size;
}

void csn_frame_head(uint8_t head[CSN_FRAME_HEAD], uint8_t type, size_t size) {
  csn_wire_store(head, size, 4);
  head[4] = type;
}

void csn_frame_put(struct csn_wire_out *out, uint8_t type, const void *payload, size_t size) {
  uint8_t head[CSN_FRAME_HEAD];
  csn_frame_head(head, type, size);
  csn_wire_put(out, head, sizeof head);
  csn_wire_put(out, payload, size);
}

size_t csn_frame_begin(struct csn_wire_out *out, uint8_t type) {
  size_t mark = out->size;
  csn_frame_put(out, type, NULL, 0);
  return mark;
}

void csn_frame_end(struct csn_wire_out *out, size_t mark) {
  if (csn_wire_fits(out))
    csn_wire_store(out->bytes + mark, out->size - mark - CSN_FRAME_HEAD, 4);
}

static void put_field_head(struct csn_wire_out *out, uint16_t tag, size_t size) {
  uint8_t head[CSN_FIELD_HEAD];
  csn_wire_store(head, tag, 2);
  csn_wire_store(head + 2, size, 4);
  csn_wire_put(out, head, sizeof head);
}

void csn_field_put_number(struct csn_wire_out *out, uint16_t tag, uint64_t value) {
  uint8_t number[8];
  csn_wire_store(number, value, sizeof number);
  csn_field_put_bytes(out, tag, number, sizeof number);
}

void csn_field_put_bytes(struct csn_wire_out *out, uint16_t tag, const void *bytes, size_t size) {
  put_field_head(out, tag, size);
  csn_wire_put(out, bytes, size);
}

void csn_field_put_string(struct csn_wire_out *out, uint16_t tag, const char *string) {
  csn_field_put_bytes(out, tag, string, strlen(string) + 1);
}
