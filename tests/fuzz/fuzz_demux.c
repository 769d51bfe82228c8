/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the demultiplexer. The first byte of the input says in pieces of which size the rest
 * comes; however it is cut, each stream must get the same bytes, and none from outside the
 * input. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/demux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
  int rc;
  int idle;
  size_t total[4];
  uint32_t hash[4];
};

static void take(struct outcome *o, const struct csn_demux_slice *slice, const uint8_t *begin,
                 const uint8_t *end) {
  if (slice->stream < 1 || slice->stream > 3 || slice->n == 0) abort();
  if (slice->bytes < begin || slice->bytes + slice->n > end) abort();
  o->total[slice->stream] += slice->n;
  for (size_t i = 0; i < slice->n; i++)
    o->hash[slice->stream] = (o->hash[slice->stream] ^ slice->bytes[i]) * 16777619U;
}

static struct outcome run(const uint8_t *data, size_t n, size_t piece) {
  struct outcome o = {0};
  struct csn_demux d;
  struct csn_demux_slice slice;
  csn_demux_init(&d);
  for (size_t at = 0; o.rc == 0 && at < n; at += piece) {
    size_t left = piece < n - at ? piece : n - at;
    const void *in = data + at;
    while ((o.rc = csn_demux_next(&d, &in, &left, &slice, NULL)) == 1)
      take(&o, &slice, data, data + n);
    if (o.rc == 0 && left) abort();
  }
  o.idle = csn_demux_idle(&d);
  return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct outcome whole = run(data + 1, size - 1, size);
  struct outcome cut = run(data + 1, size - 1, 1 + data[0] % 16U);
  if (whole.rc != cut.rc || whole.idle != cut.idle ||
      memcmp(whole.total, cut.total, sizeof cut.total) != 0 ||
      memcmp(whole.hash, cut.hash, sizeof cut.hash) != 0)
    abort();
  return 0;
}
