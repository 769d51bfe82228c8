/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/demux.h"

#include <string.h>

void csn_demux_init(struct csn_demux *demux) {
  memset(demux, 0, sizeof *demux);
}

static int refuse(const uint8_t *h, struct csn_error *err) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "the container's stream is corrupt: a header of %02x%02x%02x%02x%02x%02x%02x%02x",
                  h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
}

/* A header that is refused stays, and is refused again: there is no way to find the next one. */
static int take_header(struct csn_demux *demux, struct csn_error *err) {
  const uint8_t *h = demux->header;
  uint32_t length =
      (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | (uint32_t)h[7];
  if (h[0] < CSN_DEMUX_STDOUT || h[0] > CSN_DEMUX_SYSTEM || h[1] || h[2] || h[3] ||
      length > CSN_DEMUX_LENGTH_MAX)
    return refuse(h, err);
  demux->have = 0;
  demux->stream = h[0];
  demux->left = length;
  return 0;
}

int csn_demux_next(struct csn_demux *demux, const void **bytes, size_t *n,
                   struct csn_demux_slice *slice, struct csn_error *err) {
  const uint8_t *in = *bytes;
  while (*n > 0 && demux->left == 0) {
    size_t want = sizeof demux->header - demux->have;
    size_t take = want < *n ? want : *n;
    memcpy(demux->header + demux->have, in, take);
    demux->have = (uint8_t)(demux->have + take);
    *bytes = in += take;
    *n -= take;
    if (demux->have < sizeof demux->header) return 0;
    int rc = take_header(demux, err);
    if (rc) return rc;
  }
  if (*n == 0) return 0;
  size_t take = demux->left < *n ? demux->left : *n;
  *slice = (struct csn_demux_slice){demux->stream, in, take};
  demux->left -= (uint32_t)take;
  *bytes = in + take;
  *n -= take;
  return 1;
}
