/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading an operation's input: see intake.h.
 */
#include "guest/files/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE ((size_t)256 << 10)

int csn_intake_begin(struct csn_intake *intake, struct csn_op *op) {
  *intake = (struct csn_intake){.op = op, .memory = malloc(PIECE)};
  csn_entry_reader_init(&intake->reader);
  if (intake->memory != NULL) return 0;
  return csn_op_fail(op, CSN_OP_MEMORY, "", "out of memory in the sandbox");
}

void csn_intake_end(struct csn_intake *intake) {
  free(intake->memory);
  intake->memory = NULL;
}

static int refill(struct csn_intake *intake) {
  ssize_t got;
  do
    got = read(intake->op->in, intake->memory, PIECE);
  while (got < 0 && errno == EINTR);
  if (got < 0) return csn_op_fail_errno(intake->op, errno, "read", "the input");
  if (got == 0)
    return csn_op_fail(intake->op, CSN_OP_INPUT, "Send it again.", "the input ended before its end");
  intake->at = intake->memory;
  intake->left = (size_t)got;
  return 0;
}

int csn_intake_next(struct csn_intake *intake, struct csn_entry_event *event) {
  for (;;) {
    int rc = csn_entry_read(&intake->reader, &intake->at, &intake->left, event);
    if (rc > 0) return 0;
    if (rc < 0)
      return csn_op_fail(intake->op, CSN_OP_INPUT, "", "the input is none: %s",
                         intake->reader.error);
    if (refill(intake) < 0) return -1;
  }
}
