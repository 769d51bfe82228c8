#include "util/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/alloc.h"

int csn_buffer_reserve(struct csn_buffer *b, size_t n) {
  if (b->size > b->max || n > b->max - b->size) return CAISSON_E_LIMIT;
  size_t need = b->size + n + 1;
  if (need <= b->capacity) return 0;
  size_t capacity = b->capacity ? b->capacity : 64;
  while (capacity < need) capacity += capacity / 2;
  if (capacity > b->max + 1) capacity = b->max + 1;
  char *data = csn_realloc(b->data, capacity);
  if (!data) return CAISSON_E_NOMEM;
  b->data = data;
  b->capacity = capacity;
  b->data[b->size] = '\0';
  return 0;
}

int csn_buffer_add(struct csn_buffer *b, const void *bytes, size_t n) {
  int rc = csn_buffer_reserve(b, n);
  if (rc) return rc;
  if (n) memcpy(b->data + b->size, bytes, n);
  b->size += n;
  b->data[b->size] = '\0';
  return 0;
}

int csn_buffer_addz(struct csn_buffer *b, const char *text) {
  return csn_buffer_add(b, text, strlen(text));
}

int csn_buffer_addf(struct csn_buffer *b, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n < 0) return CAISSON_E_INTERNAL;
  int rc = csn_buffer_reserve(b, (size_t)n);
  if (rc) return rc;
  va_start(args, fmt);
  vsnprintf(b->data + b->size, (size_t)n + 1, fmt, args);
  va_end(args);
  b->size += (size_t)n;
  return 0;
}

void csn_buffer_consume(struct csn_buffer *b, size_t n) {
  if (n >= b->size) {
    csn_buffer_reset(b);
    return;
  }
  memmove(b->data, b->data + n, b->size - n);
  b->size -= n;
  b->data[b->size] = '\0';
}

void csn_buffer_reset(struct csn_buffer *b) {
  b->size = 0;
  if (b->data) b->data[0] = '\0';
}

void csn_buffer_free(struct csn_buffer *b) {
  csn_free(b->data);
  b->data = NULL;
  b->size = b->capacity = 0;
}

char *csn_buffer_steal(struct csn_buffer *b) {
  if (!b->data && csn_buffer_reserve(b, 0) != 0) return NULL;
  char *data = b->data;
  b->data = NULL;
  b->size = b->capacity = 0;
  return data;
}

const char *csn_buffer_text(const struct csn_buffer *b) {
  return b->data ? b->data : "";
}
