/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation is sent on its input: entries (wire/entry.h), read in large pieces.
 */
#ifndef CSN_GUEST_FILES_INTAKE_H
#define CSN_GUEST_FILES_INTAKE_H

#include "guest/files/op.h"
#include "wire/entry.h"

struct csn_intake {
  struct csn_op *op;
  uint8_t *memory;
  const uint8_t *at;
  size_t left;
  struct csn_entry_reader reader;
};

int csn_intake_begin(struct csn_intake *intake, struct csn_op *op);

/* 0 with the next event. -1 after csn_op_fail: input that ends before its end is the sender's way
 * to give up, and nothing of it counts. */
int csn_intake_next(struct csn_intake *intake, struct csn_entry_event *event);

void csn_intake_end(struct csn_intake *intake);

#endif
