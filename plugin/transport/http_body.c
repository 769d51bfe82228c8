/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/http_body.h"

#include <string.h>

#include "util/ascii.h"

enum mode { BODY_LENGTH, BODY_CHUNKED, BODY_TO_END };
enum state { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_DATA_CR, CHUNK_DATA_LF, TRAILER, DONE };

#define CHUNK_DIGITS_MAX 15  /* fits in 64 bits with room to spare */
#define SKIPPED_MAX 4096     /* bytes of one chunk's extension, or of all trailers */

static int bad(struct csn_error *err, const char *why) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "the body of the answer makes no sense: %s", why);
}

static int parse_length(const char *text, uint64_t *length) {
  size_t n = strspn(text, "0123456789");
  if (n == 0 || n > 18 || text[n]) return -1;
  *length = 0;
  for (size_t i = 0; i < n; i++) *length = *length * 10 + (uint64_t)(text[i] - '0');
  return 0;
}

/* Two lengths, or a length beside chunks, are how answers are smuggled: neither is believed. */
int csn_http_body_init(struct csn_http_body *body, const struct csn_http_head *head,
                       struct csn_buffer *out, struct csn_error *err) {
  *body = (struct csn_http_body){.mode = BODY_TO_END, .state = CHUNK_SIZE, .out = out};
  int lengths = 0, encodings = 0;
  for (size_t i = 0; i < head->count; i++) {
    const char *name = head->text.data + head->headers[i].name;
    const char *value = head->text.data + head->headers[i].value;
    if (csn_ascii_equal(name, "Content-Length")) {
      lengths++;
      body->mode = BODY_LENGTH;
      if (parse_length(value, &body->left)) return bad(err, "a malformed Content-Length");
    } else if (csn_ascii_equal(name, "Transfer-Encoding")) {
      encodings++;
      body->mode = BODY_CHUNKED;
      if (!csn_ascii_equal(value, "chunked")) return bad(err, "an unknown Transfer-Encoding");
    }
  }
  if (lengths + encodings > 1) return bad(err, "it has more than one length");
  if (head->status < 200 || head->status == 204 || head->status == 304) {
    body->mode = BODY_LENGTH;
    body->left = 0;
  }
  return 0;
}

/* Keeps what there is room for. */
static int keep(struct csn_http_body *body, const char *bytes, size_t n, struct csn_error *err) {
  size_t room = body->out->max - body->out->size;
  if (csn_buffer_add(body->out, bytes, n < room ? n : room)) return csn_fail_nomem(err);
  return 0;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The length ends at the first byte that is no digit, which the rest of the line then takes. */
static int chunk_size(struct csn_http_body *body, char c, struct csn_error *err) {
  int value = hex_value(c);
  if (value >= 0) {
    if (body->digits == CHUNK_DIGITS_MAX) return bad(err, "too long a chunk");
    body->digits++;
    body->left = body->left * 16 + (uint64_t)value;
    return 0;
  }
  if (body->digits == 0 || !strchr("\r; \t", c) || c == '\0') return bad(err, "a malformed chunk");
  body->state = CHUNK_EXTENSION;
  body->digits = 0;
  body->skipped = 1;
  return 0;
}

static int chunk_extension(struct csn_http_body *body, char c, struct csn_error *err) {
  if (++body->skipped > SKIPPED_MAX) return bad(err, "too long a chunk line");
  if (c != '\n') return 0;
  body->state = body->left ? CHUNK_DATA : TRAILER;
  body->in_line = 0;
  body->skipped = 0;
  return 0;
}

static int trailer(struct csn_http_body *body, char c, struct csn_error *err) {
  if (++body->skipped > SKIPPED_MAX) return bad(err, "too long trailers");
  if (c == '\n') {
    if (body->in_line == 0) body->state = DONE;
    body->in_line = 0;
  } else if (c != '\r') {
    body->in_line = 1;
  }
  return 0;
}

static int chunk_end(struct csn_http_body *body, char c, struct csn_error *err) {
  char want = body->state == CHUNK_DATA_CR ? '\r' : '\n';
  if (c != want) return bad(err, "a chunk of another length than it says");
  body->state = body->state == CHUNK_DATA_CR ? CHUNK_DATA_LF : CHUNK_SIZE;
  return 0;
}

static int chunk_byte(struct csn_http_body *body, char c, struct csn_error *err) {
  switch ((enum state)body->state) {
    case CHUNK_SIZE: return chunk_size(body, c, err);
    case CHUNK_EXTENSION: return chunk_extension(body, c, err);
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF: return chunk_end(body, c, err);
    case TRAILER: return trailer(body, c, err);
    case CHUNK_DATA:
    case DONE: break;
  }
  return 0;
}

static int take_data(struct csn_http_body *body, const char *in, size_t n, size_t *taken,
                     struct csn_error *err) {
  *taken = body->left < n ? (size_t)body->left : n;
  body->left -= *taken;
  return keep(body, in, *taken, err);
}

static int feed_chunked(struct csn_http_body *body, const char *in, size_t n,
                        struct csn_error *err) {
  size_t i = 0;
  while (i < n && body->state != DONE) {
    size_t taken = 1;
    int rc;
    if (body->state == CHUNK_DATA) {
      rc = take_data(body, in + i, n - i, &taken, err);
      if (body->left == 0) body->state = CHUNK_DATA_CR;
    } else {
      rc = chunk_byte(body, in[i], err);
    }
    if (rc) return rc;
    i += taken;
  }
  return body->state == DONE;
}

int csn_http_body_feed(struct csn_http_body *body, const void *bytes, size_t n,
                       struct csn_error *err) {
  if (body->mode == BODY_CHUNKED) return feed_chunked(body, bytes, n, err);
  if (body->mode == BODY_TO_END) return keep(body, bytes, n, err);
  size_t taken;
  int rc = take_data(body, bytes, n, &taken, err);
  return rc ? rc : body->left == 0;
}

int csn_http_body_end(const struct csn_http_body *body, struct csn_error *err) {
  int complete = body->mode == BODY_TO_END || (body->mode == BODY_LENGTH && body->left == 0) ||
                 (body->mode == BODY_CHUNKED && body->state == DONE);
  return complete ? 0 : bad(err, "it ends too early");
}
