/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: all at once and each byte apart, the events are the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host_demo/chat_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(void *ctx, const char *data, size_t n) {
  struct csn_bytes *all = ctx;
  if (data[n] != '\0') abort();
  (void)csn_bytes_add(all, SIZE_MAX / 2, data, n);
  (void)csn_bytes_add(all, SIZE_MAX / 2, "\x1e", 1);
  return n > 0 && *data == '!';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csn_sse whole = {.has_data = false}, apart = {.has_data = false};
  struct csn_bytes first = {.at = NULL}, second = {.at = NULL};
  const char *bytes = (const char *)data;
  int result = csn_sse_feed(&whole, bytes, size, keep, &first), other = 0;
  for (size_t i = 0; i < size && other == 0; i++)
    other = csn_sse_feed(&apart, bytes + i, 1, keep, &second);
  if (result != other || first.n != second.n) abort();
  if (first.n > 0 && memcmp(first.at, second.at, first.n) != 0) abort();
  csn_bytes_free(&first);
  csn_bytes_free(&second);
  csn_sse_free(&whole);
  csn_sse_free(&apart);
  return 0;
}
