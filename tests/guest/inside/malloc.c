/* SPDX-License-Identifier: Apache-2.0 */
/* The allocations of a helper that asks each time whether there is memory: by a system call that no
 * kernel has, which whoever filters its system calls may answer with ENOMEM. Linked with --wrap,
 * so that its libraries' go by here too. */
#include "guest/inside/malloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t n);

static bool must_fail(void) {
  int before = errno;
  bool fails = syscall(INSIDE_ASKS) < 0 && errno == ENOMEM;
  if (!fails) errno = before;
  return fails;
}

void *__wrap_malloc(size_t n) {
  return must_fail() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t size) {
  return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t n) {
  return must_fail() ? NULL : __real_realloc(old, n);
}
