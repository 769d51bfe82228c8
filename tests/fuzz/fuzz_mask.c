/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes masks. The first byte is a size of pieces; then come texts that are to be masked, each
 * with a newline, up to an empty one; the rest is a stream. However it comes, the result must be
 * what looking at all of it at once gives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/buffer.h"
#include "util/mask.h"

#define TEXTS_MAX 8
#define STREAM_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int keep(void *ctx, const void *bytes, size_t n) {
  return csn_buffer_add(ctx, bytes, n);
}

/* Takes the texts off the input. */
static size_t read_texts(char **at, char *end, const char **texts) {
  size_t count = 0;
  while (count < TEXTS_MAX && *at < end) {
    char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    if (!line_end) break;
    char *text = *at;
    *at = line_end + 1;
    while (text < line_end && strchr(" \t\r", *text)) text++;
    while (line_end > text && strchr(" \t\r", line_end[-1])) line_end--;
    *line_end = '\0';
    if (!*text) break;
    texts[count++] = text;
  }
  return count;
}

static void expect(const char *const *texts, size_t count, const char *bytes, size_t n,
                   struct csn_buffer *out) {
  static char hidden[STREAM_MAX];
  memset(hidden, 0, n);
  for (size_t t = 0; t < count; t++) {
    size_t length = strlen(texts[t]);
    for (size_t i = 0; length >= CSN_MASK_MIN && i + length <= n; i++)
      if (memcmp(bytes + i, texts[t], length) == 0) memset(hidden + i, 1, length);
  }
  for (size_t i = 0; i < n; i++) {
    if (!hidden[i])
      csn_buffer_add(out, bytes + i, 1);
    else if (i == 0 || !hidden[i - 1])
      csn_buffer_addz(out, CSN_MASK_TEXT);
  }
}

static void check(const struct csn_mask *mask, const char *bytes, size_t n, size_t piece,
                  const struct csn_buffer *wanted) {
  CSN_CLEANUP_BUFFER struct csn_buffer got = CSN_BUFFER(2 * STREAM_MAX);
  struct csn_mask_stream s;
  if (csn_mask_begin(&s, mask, keep, &got, NULL)) abort();
  for (size_t at = 0; at < n; at += piece)
    csn_mask_add(&s, bytes + at, piece < n - at ? piece : n - at);
  csn_mask_end(&s);
  csn_mask_free(&s);
  if (got.size != wanted->size) abort();
  if (got.size && memcmp(got.data, wanted->data, got.size) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char input[STREAM_MAX];
  const char *texts[TEXTS_MAX];
  CSN_CLEANUP_BUFFER struct csn_buffer wanted = CSN_BUFFER(2 * STREAM_MAX);
  struct csn_mask *mask;
  if (size < 2 || size > sizeof input) return 0;
  memcpy(input, data, size);
  char *at = input + 1, *end = input + size;
  size_t count = read_texts(&at, end, texts), n = (size_t)(end - at);
  if (csn_mask_new(texts, count, &mask, NULL)) abort();
  expect(texts, count, at, n, &wanted);
  check(mask, at, n, 1 + data[0] % 64U, &wanted);
  check(mask, at, n, n + 1, &wanted);
  csn_mask_drop(mask);
  return 0;
}
