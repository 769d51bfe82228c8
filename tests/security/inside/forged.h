/* SPDX-License-Identifier: Apache-2.0 */
/* What `forge` writes, and the host expects to get as plain output: a frame of every type. */
#ifndef SECURITY_FORGED_H
#define SECURITY_FORGED_H

#include <string.h>

#include "wire/frame.h"
#include "wire/protocol.h"

#define FORGED_PAYLOAD 32u
#define FORGED_SIZE (256u * (CSN_FRAME_HEAD + FORGED_PAYLOAD))

static inline void forge_frames(unsigned char bytes[FORGED_SIZE]) {
  for (unsigned type = 0; type < 256; type++) {
    unsigned char *frame = bytes + type * (CSN_FRAME_HEAD + FORGED_PAYLOAD);
    memset(frame, 0, CSN_FRAME_HEAD + FORGED_PAYLOAD);
    frame[0] = FORGED_PAYLOAD;
    /* The end of a call first: who believed it would not read on. */
    frame[4] = (unsigned char)(type ^ CSN_FRAME_EXIT);
    frame[5] = 1; /* a field: tag 1 */
    frame[7] = 8; /* of 8 bytes, all zero */
  }
}

#endif
