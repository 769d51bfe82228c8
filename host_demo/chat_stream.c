/* SPDX-License-Identifier: Apache-2.0 */
/* chat_stream.c: bytes become lines, lines become events. Does no I/O. */
#include "chat_stream.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static bool add_data(struct csn_sse *stream, const char *value, size_t n) {
  if (stream->has_data && !csn_bytes_add(&stream->data, CSN_SSE_MAX, "\n", 1))
    return false;
  stream->has_data = true;
  return csn_bytes_add(&stream->data, CSN_SSE_MAX, value, n);
}

/* "data:VALUE", "data: VALUE" or "data"; comments and other fields are passed over. */
static bool take_field(struct csn_sse *stream, const char *line, size_t n) {
  static const char name[] = "data";
  const size_t length = sizeof name - 1;
  if (n < length || memcmp(line, name, length) != 0 || (n > length && line[length] != ':'))
    return true;
  size_t skip = n == length ? n : length + 1;
  if (skip < n && line[skip] == ' ')
    skip++;
  return add_data(stream, line + skip, n - skip);
}

static int end_line(struct csn_sse *stream,
                    int (*event)(void *ctx, const char *data, size_t n), void *ctx) {
  const char *line = csn_bytes_text(&stream->line);
  size_t n = stream->line.n;
  if (!stream->begun && n >= 3 && memcmp(line, BYTE_ORDER_MARK, 3) == 0) {
    line += 3;
    n -= 3;
  }
  stream->begun = true;
  int result = 0;
  if (n > 0) {
    result = take_field(stream, line, n) ? 0 : CSN_SSE_TOO_LONG;
  } else if (stream->has_data) {
    result = event(ctx, csn_bytes_text(&stream->data), stream->data.n);
    stream->has_data = false;
    csn_bytes_clear(&stream->data);
  }
  csn_bytes_clear(&stream->line);
  return result;
}

static size_t length_of_line(const char *bytes, size_t n) {
  size_t length = 0;
  while (length < n && bytes[length] != '\n' && bytes[length] != '\r')
    length++;
  return length;
}

int csn_sse_feed(struct csn_sse *stream, const char *bytes, size_t n,
                    int (*event)(void *ctx, const char *data, size_t n), void *ctx) {
  while (n > 0) {
    bool newline_of_cr = stream->after_cr && *bytes == '\n';
    stream->after_cr = false;
    if (newline_of_cr) {
      bytes++;
      n--;
      continue;
    }
    size_t length = length_of_line(bytes, n);
    if (!csn_bytes_add(&stream->line, CSN_SSE_MAX, bytes, length))
      return CSN_SSE_TOO_LONG;
    if (length == n)
      return 0;
    stream->after_cr = bytes[length] == '\r';
    bytes += length + 1;
    n -= length + 1;
    int result = end_line(stream, event, ctx);
    if (result)
      return result;
  }
  return 0;
}

void csn_sse_free(struct csn_sse *stream) {
  csn_bytes_free(&stream->line);
  csn_bytes_free(&stream->data);
}
