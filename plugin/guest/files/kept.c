/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kept_put`, `kept_get`: bytes that process 1 keeps for the session, in memory that no file name
 * leads to. A host puts there, once, what is in no label; any host gets it back. Operand: size.
 */
#include "guest/basics.h"
#include "guest/files/op.h"
#include "guest/hub_message.h"
#include "guest/job_given.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_WAIT_MS 10000
#define KEPT_MAX ((uint64_t)4 << 20)
#define PIECE 65536

static int fail_unanswered(struct csn_op *op) {
  return csn_op_fail(op, CSN_OP_FAILED, "Remove the session, and a new one will have it.",
                     "process 1 of this sandbox does not answer about what it keeps");
}

/* *fd is what came with the answer, or -1. */
static int await(struct csn_op *op, struct csn_hub_answer *answer, int *fd) {
  while (csn_hub_receive_answer(CSN_JOB_HUB, ANSWER_WAIT_MS, answer, fd)) {
    if (answer->kind == CSN_HUB_KEPT) return 0;
    if (*fd >= 0) close(*fd);
  }
  return fail_unanswered(op);
}

static int copy_input(struct csn_op *op, int to, uint64_t left) {
  char piece[PIECE];
  while (left > 0) {
    ssize_t got = read(op->in, piece, left < PIECE ? (size_t)left : PIECE);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return csn_op_fail_errno(op, errno, "read", "the input");
    if (got == 0)
      return csn_op_fail(op, CSN_OP_INPUT, "Send it again.", "the input ended before its end");
    if (csn_guest_write_all(to, piece, (size_t)got) < 0)
      return csn_op_fail_errno(op, errno, "keep", "the input");
    left -= (uint64_t)got;
  }
  return 0;
}

static int hand_over(struct csn_op *op, int memory, uint64_t size) {
  const struct csn_hub_request request = {.version = CSN_HUB_VERSION, .kind = CSN_HUB_KEEP};
  struct csn_hub_answer answer;
  int fd;
  if (copy_input(op, memory, size) < 0) return -1;
  fcntl(memory, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  if (!csn_hub_send(CSN_JOB_HUB, &request, &memory, 1, 0)) return fail_unanswered(op);
  if (await(op, &answer, &fd) < 0) return -1;
  if (fd >= 0) close(fd);
  csn_answer_bool(&op->answer, "new", answer.found != 0);
  return 0;
}

int csn_op_kept_put(struct csn_op *op) {
  uint64_t size = csn_op_number(op, "size", 0);
  if (size > KEPT_MAX)
    return csn_op_fail(op, CSN_OP_INVALID, "", "that is more than is kept");
  int memory = memfd_create("kept", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory < 0) return csn_op_fail_errno(op, errno, "get memory for", "what is to be kept");
  int rc = hand_over(op, memory, size);
  close(memory);
  return rc;
}

static int show(struct csn_op *op, int memory) {
  char piece[PIECE];
  off_t at = 0;
  for (;;) {
    ssize_t got = pread(memory, piece, sizeof piece, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return csn_op_fail_errno(op, errno, "read", "what is kept");
    if (got == 0) return 0;
    if (csn_op_put(op, piece, (size_t)got) < 0) return -1;
    at += got;
  }
}

int csn_op_kept_get(struct csn_op *op) {
  const struct csn_hub_request request = {.version = CSN_HUB_VERSION, .kind = CSN_HUB_RECALL};
  struct csn_hub_answer answer;
  int memory, rc = 0;
  if (send(CSN_JOB_HUB, &request, sizeof request, MSG_NOSIGNAL) < 0) return fail_unanswered(op);
  if (await(op, &answer, &memory) < 0) return -1;
  if (memory >= 0) {
    rc = show(op, memory);
    close(memory);
  }
  csn_answer_bool(&op->answer, "found", answer.found != 0 && memory >= 0);
  return rc;
}
