/* A growing byte buffer that states its maximum when it is made. Its content is always followed by
 * a NUL that is not counted, so text can be used as a C string. */
#ifndef CSN_UTIL_BUFFER_H
#define CSN_UTIL_BUFFER_H

#include <stddef.h>

#include "util/error.h"

struct csn_buffer {
  char *data; /* NULL while empty */
  size_t size;
  size_t capacity;
  size_t max; /* of size */
};

#define CSN_BUFFER(maximum) {NULL, 0, 0, (maximum)}

/* 0, CAISSON_E_NOMEM, or CAISSON_E_LIMIT when it would grow past its maximum; then nothing of this
 * piece was added. */
int csn_buffer_add(struct csn_buffer *b, const void *bytes, size_t n);
int csn_buffer_addz(struct csn_buffer *b, const char *text);
int csn_buffer_addf(struct csn_buffer *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for n more bytes at data + size, of which the caller then counts those it used. */
int csn_buffer_reserve(struct csn_buffer *b, size_t n);
/* Drops the first n bytes. */
void csn_buffer_consume(struct csn_buffer *b, size_t n);
void csn_buffer_reset(struct csn_buffer *b); /* size 0, memory kept */
void csn_buffer_free(struct csn_buffer *b);
/* Hands the bytes over (to be freed by csn_free); the buffer is then empty. Never NULL unless out
 * of memory. */
char *csn_buffer_steal(struct csn_buffer *b);
const char *csn_buffer_text(const struct csn_buffer *b); /* "" while empty */

#define CSN_CLEANUP_BUFFER __attribute__((cleanup(csn_buffer_free)))

#endif
