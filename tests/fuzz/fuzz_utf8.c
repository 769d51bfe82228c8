/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes repair and capture. The first two bytes are a limit and a size of pieces; the rest is a
 * stream. However it comes, the result must be what looking at all of it at once gives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/capture.h"
#include "util/log.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_walks(const uint8_t *data, size_t n) {
  size_t count = csn_utf8_count(data, n), at = 0;
  for (size_t i = 0; i < count; i++) {
    size_t step = csn_utf8_span(data + at, n - at, 1);
    if (step < 1 || step > 4) abort();
    at += step;
  }
  if (at != n || csn_utf8_span(data, n, count) != n) abort();
  if (csn_utf8_is_valid(data, n) != (csn_utf8_valid_prefix(data, n) == n)) abort();
}

static char *repaired(const uint8_t *data, size_t n) {
  char *text = csn_utf8_repaired(data, n);
  if (!text || !csn_utf8_is_valid(text, strlen(text))) abort();
  if (csn_utf8_count(text, strlen(text)) != csn_utf8_count(data, n)) abort();
  return text;
}

static void check_cut(const struct csn_capture *c, const uint8_t *data, size_t n, size_t limit) {
  struct csn_capture_text got;
  if (csn_capture_text(c, limit, &got)) abort();
  size_t count = csn_utf8_count(data, n), tail = limit / 2, first = n, last = n;
  if (count > limit) {
    first = csn_utf8_span(data, n, limit - tail);
    last = csn_utf8_span(data, n, count - tail);
  }
  char *head = repaired(data, first), *end = repaired(data + last, n - last);
  if (got.gap != strlen(head) || memcmp(got.text, head, got.gap) != 0) abort();
  if (strcmp(got.text + got.gap, end) != 0 || got.omitted != last - first) abort();
  if (got.size != strlen(got.text)) abort();
  csn_free(head);
  csn_free(end);
  csn_free(got.text);
}

static void check_line(void *ctx, int32_t level, const char *text, uint64_t n) {
  (void)ctx, (void)level;
  if (strlen(text) != n || n > 2048 || !csn_utf8_is_valid(text, n)) abort();
  for (uint64_t i = 0; i < n; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  size_t limit = data[0], piece = 1 + data[1] % 40U, n = size - 2;
  const uint8_t *bytes = data + 2;
  struct csn_capture c;
  const struct csn_log log = {.sink = check_line};
  check_walks(bytes, n);
  csn_capture_init(&c, limit);
  for (size_t at = 0; at < n; at += piece)
    csn_capture_add(&c, bytes + at, piece < n - at ? piece : n - at);
  check_cut(&c, bytes, n, limit);
  check_cut(&c, bytes, n, limit / 3);
  csn_capture_free(&c);
  csn_log(&log, 6, "%.*s", (int)n, (const char *)bytes);
  return 0;
}
