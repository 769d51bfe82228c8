#include "util/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long fail_after;

static int must_fail(void) {
  if (atomic_load_explicit(&fail_after, memory_order_relaxed) == 0) return 0;
  return atomic_fetch_sub(&fail_after, 1) == 1;
}

long csn_alloc_fail_after(long n) {
  return atomic_exchange(&fail_after, n);
}

void *csn_alloc(size_t size) {
  return must_fail() ? NULL : malloc(size ? size : 1);
}

void *csn_calloc(size_t count, size_t size) {
  return must_fail() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *csn_realloc(void *old, size_t size) {
  return must_fail() ? NULL : realloc(old, size ? size : 1);
}

char *csn_strndup(const char *text, size_t n) {
  char *copy = n < SIZE_MAX ? csn_alloc(n + 1) : NULL;
  if (!copy) return NULL;
  if (n) memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}

char *csn_strdup(const char *text) {
  return csn_strndup(text, strlen(text));
}

char *csn_asprintf(const char *fmt, ...) {
  va_list args, again;
  va_start(args, fmt);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  char *text = n < 0 ? NULL : csn_alloc((size_t)n + 1);
  if (text) vsnprintf(text, (size_t)n + 1, fmt, again);
  va_end(again);
  return text;
}

void csn_free(void *p) {
  free(p);
}

void csn_close_ptr(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}
