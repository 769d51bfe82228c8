/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the head and the tail of a stream of any length, for a result of at most `limit`
 * characters. Memory: as much as was written, never more than 4 x limit bytes. It keeps bytes as
 * they came, so that a gigabyte costs no more than copying it; text is made of them at the end. */
#ifndef CSN_UTIL_CAPTURE_H
#define CSN_UTIL_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

#define CSN_CAPTURE_LIMIT_MAX 10000000

struct csn_capture {
  uint64_t total; /* bytes written so far */
  struct csn_buffer head;
  struct csn_buffer tail; /* a ring once full: its oldest byte is at tail_at */
  size_t tail_at;
};

/* A limit beyond CSN_CAPTURE_LIMIT_MAX is that. Allocates nothing yet. */
void csn_capture_init(struct csn_capture *c, uint64_t limit);
/* Cannot fail: where memory runs out, less is kept. */
void csn_capture_add(struct csn_capture *c, const void *bytes, size_t n);
void csn_capture_free(struct csn_capture *c);

/* The characters written so far; SIZE_MAX once some of them are not kept. */
size_t csn_capture_characters(const struct csn_capture *c);

/* What is shown: valid UTF-8 without NUL of at most `limit` characters (no more than the capture's
 * own limit). Where it is too long, its first half and its last, and `omitted` bytes of the stream
 * belong at offset `gap`. */
struct csn_capture_text {
  char *text; /* NUL-terminated; csn_free */
  size_t size;
  size_t gap;
  uint64_t omitted; /* 0: it is whole */
};
int csn_capture_text(const struct csn_capture *c, size_t limit, struct csn_capture_text *out);

/* How two streams of so many characters share one limit: whole where both fit; else standard
 * error, which says what went wrong, gets what it needs up to a quarter and whatever standard
 * output leaves. */
void csn_capture_share(size_t limit, size_t out_chars, size_t err_chars, size_t *out_limit,
                       size_t *err_limit);

#endif
