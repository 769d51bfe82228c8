/* SPDX-License-Identifier: Apache-2.0 */
/* See capture.h. A character is at most four bytes, so 4 bytes for each character to be shown hold
 * it whatever the bytes are. Also in the tail, whose first bytes may be the end of a character: 4 n
 * bytes without up to three of them still begin n characters. Where memory runs out, head and tail
 * stay as long as they are, and the result says that something is missing. */
#include "util/capture.h"

#include <string.h>

#include "util/alloc.h"
#include "util/utf8.h"

#define BYTES_PER_CHARACTER 4

void csn_capture_init(struct csn_capture *c, uint64_t limit) {
  size_t n = limit < CSN_CAPTURE_LIMIT_MAX ? (size_t)limit : CSN_CAPTURE_LIMIT_MAX;
  memset(c, 0, sizeof *c);
  c->head.max = BYTES_PER_CHARACTER * (n - n / 2);
  c->tail.max = BYTES_PER_CHARACTER * (n / 2);
}

void csn_capture_free(struct csn_capture *c) {
  csn_buffer_free(&c->head);
  csn_buffer_free(&c->tail);
}

/* The ring is full: the new bytes take the places of the oldest. */
static void overwrite_oldest(struct csn_capture *c, const char *bytes, size_t n) {
  size_t to_end = c->tail.max - c->tail_at;
  size_t first = n < to_end ? n : to_end;
  memcpy(c->tail.data + c->tail_at, bytes, first);
  memcpy(c->tail.data, bytes + first, n - first);
  c->tail_at = (c->tail_at + n) % c->tail.max;
}

static void add_to_tail(struct csn_capture *c, const char *bytes, size_t n) {
  if (!c->tail.max) return;
  size_t free = c->tail.max - c->tail.size;
  size_t skip = n > c->tail.max ? n - c->tail.max : 0; /* a longer piece leaves only its end */
  size_t fill = n - skip < free ? n - skip : free;
  if (csn_buffer_add(&c->tail, bytes + skip, fill)) {
    c->tail.max = c->tail.size;
    add_to_tail(c, bytes, n); /* once: there is nothing more to fill */
    return;
  }
  if (n - skip > fill) overwrite_oldest(c, bytes + skip + fill, n - skip - fill);
}

void csn_capture_add(struct csn_capture *c, const void *bytes, size_t n) {
  const char *p = bytes;
  size_t free = c->head.max - c->head.size;
  size_t first = n < free ? n : free;
  c->total += n;
  if (first && csn_buffer_add(&c->head, p, first)) {
    c->head.max = c->head.size;
    first = 0;
  }
  if (n > first) add_to_tail(c, p + first, n - first);
}

static uint64_t dropped(const struct csn_capture *c) {
  return c->total - c->head.size - c->tail.size;
}

/* Head and tail in the stream's order; what was dropped is missing at offset head.size. */
static int flatten(const struct csn_capture *c, struct csn_buffer *all) {
  int rc = csn_buffer_reserve(all, c->head.size + c->tail.size);
  if (rc) return rc;
  csn_buffer_add(all, c->head.data, c->head.size);
  if (c->tail.size) {
    csn_buffer_add(all, c->tail.data + c->tail_at, c->tail.size - c->tail_at);
    csn_buffer_add(all, c->tail.data, c->tail_at);
  }
  return 0;
}

size_t csn_capture_characters(const struct csn_capture *c) {
  if (dropped(c)) return SIZE_MAX;
  if (!c->tail.size) return csn_utf8_count(c->head.data, c->head.size);
  CSN_CLEANUP_BUFFER struct csn_buffer all = CSN_BUFFER(SIZE_MAX / 2);
  /* Without memory for an exact count, one that is never too low. */
  if (flatten(c, &all)) return c->head.size + c->tail.size;
  return csn_utf8_count(all.data, all.size);
}

/* Which bytes of the flattened stream are shown: [0, first) and [last, size). */
struct cut {
  size_t first, last;
};

static struct cut make_cut(const struct csn_capture *c, const struct csn_buffer *all,
                           size_t limit) {
  size_t tail_chars = limit / 2;
  size_t head_chars = limit - tail_chars;
  if (!dropped(c)) {
    size_t count = csn_utf8_count(all->data, all->size);
    if (count <= limit) return (struct cut){all->size, all->size};
    return (struct cut){csn_utf8_span(all->data, all->size, head_chars),
                        csn_utf8_span(all->data, all->size, count - tail_chars)};
  }
  const char *tail = all->data + c->head.size;
  size_t sync = csn_utf8_resync(tail, c->tail.size);
  size_t count = csn_utf8_count(tail + sync, c->tail.size - sync);
  size_t skip = count > tail_chars ? count - tail_chars : 0;
  size_t at = sync + csn_utf8_span(tail + sync, c->tail.size - sync, skip);
  return (struct cut){csn_utf8_span(all->data, c->head.size, head_chars), c->head.size + at};
}

int csn_capture_text(const struct csn_capture *c, size_t limit, struct csn_capture_text *out) {
  CSN_CLEANUP_BUFFER struct csn_buffer all = CSN_BUFFER(SIZE_MAX / 2);
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER(SIZE_MAX / 2);
  if (flatten(c, &all)) return CAISSON_E_NOMEM;
  struct cut cut = make_cut(c, &all, limit);
  if (csn_utf8_repair(all.data, cut.first, &text)) return CAISSON_E_NOMEM;
  out->gap = text.size;
  if (csn_utf8_repair(all.data + cut.last, all.size - cut.last, &text)) return CAISSON_E_NOMEM;
  out->omitted = dropped(c) + (cut.last - cut.first);
  out->size = text.size;
  out->text = csn_buffer_steal(&text);
  return out->text ? 0 : CAISSON_E_NOMEM;
}

void csn_capture_share(size_t limit, size_t out_chars, size_t err_chars, size_t *out_limit,
                       size_t *err_limit) {
  size_t left = out_chars < limit ? limit - out_chars : 0;
  size_t most = left > limit / 4 ? left : limit / 4;
  *err_limit = err_chars < most ? err_chars : most;
  *out_limit = limit - *err_limit;
}
