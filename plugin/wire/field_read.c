/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking fields out of a control payload, each checked against its row in the table of tags before
 * anybody looks at it.
 */
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

static int malformed(char *error, const char *name, const char *what) {
  snprintf(error, CSN_FRAME_ERROR_MAX, "field %s %s", name, what);
  return -1;
}

static int check_value(const struct csn_field_type *type, struct csn_field *field, char *error) {
  const uint8_t *nul;
  switch ((enum csn_field_kind)type->kind) {
  case CSN_FIELD_NUMBER:
    if (field->size != 8)
      return malformed(error, type->name, "is a number that is not 8 bytes long");
    field->number = csn_wire_load(field->bytes, 8);
    return 1;
  case CSN_FIELD_STRING:
    nul = field->size > 0 ? memchr(field->bytes, '\0', field->size) : NULL;
    if (nul == NULL || nul != field->bytes + field->size - 1)
      return malformed(error, type->name, "is a string that does not end in its only NUL");
    return 1;
  case CSN_FIELD_BYTES:
    return 1;
  }
  return malformed(error, type->name, "is of no known kind");
}

int csn_field_read(const uint8_t **bytes, size_t *size, struct csn_field *field, char *error) {
  if (*size == 0)
    return 0;
  if (*size < CSN_FIELD_HEAD)
    return malformed(error, "head", "is cut off");

  memset(field, 0, sizeof *field);
  field->tag = (uint16_t)csn_wire_load(*bytes, 2);
  field->size = (size_t)csn_wire_load(*bytes + 2, 4);
  field->bytes = *bytes + CSN_FIELD_HEAD;

  const struct csn_field_type *type = csn_field_type_find(field->tag);
  if (type == NULL) {
    snprintf(error, CSN_FRAME_ERROR_MAX, "field 0x%04x is unknown", field->tag);
    return -1;
  }
  if (field->size > *size - CSN_FIELD_HEAD)
    return malformed(error, type->name, "is cut off");
  if (field->size > type->max)
    return malformed(error, type->name, "is longer than it may be");
  *bytes += CSN_FIELD_HEAD + field->size;
  *size -= CSN_FIELD_HEAD + field->size;
  return check_value(type, field, error);
}
