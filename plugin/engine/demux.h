/* SPDX-License-Identifier: Apache-2.0 */
/* Takes apart the stream in which an engine mixes a process's outputs: 8-byte headers (stream,
 * three zeros, big-endian length), each followed by its payload. Pure: no I/O, no memory, no
 * copies. */
#ifndef CSN_ENGINE_DEMUX_H
#define CSN_ENGINE_DEMUX_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define CSN_DEMUX_STDOUT 1
#define CSN_DEMUX_STDERR 2
#define CSN_DEMUX_SYSTEM 3 /* the engine's own words about an error */

/* Of one payload. Engines send what one read() of theirs gave, some 32 KiB. */
#define CSN_DEMUX_LENGTH_MAX ((uint32_t)16 << 20)

struct csn_demux {
  uint8_t header[8];
  uint8_t have;   /* bytes of the header */
  uint8_t stream; /* of the payload that is under way */
  uint32_t left;  /* of it */
};

struct csn_demux_slice {
  int stream;           /* CSN_DEMUX_* */
  const uint8_t *bytes; /* into what was fed */
  size_t n;
};

void csn_demux_init(struct csn_demux *demux);

/* Takes bytes from *bytes, *n, which it moves on. 1 with a slice (n > 0; a payload may come as
 * several), 0 when all were taken, or CAISSON_E_ENGINE (engine.protocol) for a header that no
 * engine sends; then the demultiplexer stays broken. */
int csn_demux_next(struct csn_demux *demux, const void **bytes, size_t *n,
                   struct csn_demux_slice *slice, struct csn_error *err);

/* Is it between two payloads, where a stream may end? */
static inline int csn_demux_idle(const struct csn_demux *demux) {
  return demux->have == 0 && demux->left == 0;
}

#endif
