/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that holds a call's whole output when there is much of it. Until then the output is kept
 * in memory, so that short calls make no file and the file of a long one starts at the beginning.
 */
#ifndef CSN_GUEST_SPILL_H
#define CSN_GUEST_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_spill {
  uint64_t after, max;   /* as in the request; max 0: no file */
  uint8_t *kept;         /* what came so far, while there is no file */
  size_t kept_size, kept_capacity;
  int fd;                /* -1: no file (yet) */
  bool given_up;         /* it could not be made, filled or grow any more */
  uint64_t size;         /* of the file */
  char path[64];         /* "" when no file was made */
};

void csn_spill_begin(struct csn_spill *spill, uint64_t after, uint64_t max);

/* Take what stdout or stderr just brought. Never fails: a file that cannot grow is not whole. */
void csn_spill_add(struct csn_spill *spill, const uint8_t *bytes, size_t size);

/* The call is over: close the file, which stays, and free the memory. */
void csn_spill_end(struct csn_spill *spill);

#endif
