/* SPDX-License-Identifier: Apache-2.0 */
/* A host with a malloc of its own inside, as jemalloc and tcmalloc are linked in: what one of the
 * two has allocated is never freed by the other. It uses nothing of tests/support. AddressSanitizer
 * has the place already, and ends the program where they are mixed up. */
#include "integration/coexist_raw.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#ifndef __SANITIZE_ADDRESS__
static atomic_int own, foreign;

#pragma GCC visibility push(default)

#define MARK UINT64_C(0x6c6c6f63206f776e)

void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *at);

/* Before each block: where it really begins, its size, and the mark. */
struct head {
  void *base;
  size_t size;
  uint64_t mark, unused;
};

void *memalign(size_t alignment, size_t n) {
  size_t before = alignment < sizeof(struct head) ? sizeof(struct head) : alignment;
  if (n > SIZE_MAX / 2 || before > SIZE_MAX / 4) {
    errno = ENOMEM;
    return NULL;
  }
  char *base = __libc_memalign(before, before + n);
  if (!base) return NULL;
  struct head *h = (struct head *)(void *)(base + before) - 1;
  *h = (struct head){base, n, MARK, 0};
  atomic_fetch_add(&own, 1);
  return h + 1;
}

void *malloc(size_t n) {
  return memalign(16, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
  return memalign(alignment, n);
}

int posix_memalign(void **out, size_t alignment, size_t n) {
  void *at = memalign(alignment, n);
  if (at) *out = at;
  return at ? 0 : ENOMEM;
}

static struct head *head_of(void *at) {
  struct head *h = (struct head *)at - 1;
  if (h->mark == MARK) return h;
  atomic_fetch_add(&foreign, 1);
  return NULL;
}

/* What is not ours stays, so that the test can say so. */
void free(void *at) {
  struct head *h = at ? head_of(at) : NULL;
  if (!h) return;
  h->mark = 0;
  __libc_free(h->base);
}

/* Not by malloc(), which with memset() the compiler would make calloc() again. */
void *calloc(size_t count, size_t size) {
  size_t n;
  if (__builtin_mul_overflow(count, size, &n)) return NULL;
  void *at = memalign(16, n);
  return at ? memset(at, 0, n) : NULL;
}

void *realloc(void *old, size_t n) {
  struct head *h = old ? head_of(old) : NULL;
  void *at = memalign(16, n);
  if (at && h) memcpy(at, old, h->size < n ? h->size : n);
  if (at) free(old);
  return at;
}

#pragma GCC visibility pop

static void test_malloc(void) {
  is_int(atomic_load(&foreign), 0, "nothing was freed that it had not allocated");
  ok(atomic_load(&own) > 1000, "the host's malloc serves the process");
  free(__libc_memalign(64, 64));
  is_int(atomic_load(&foreign), 1, "what is not its own would show");
}

#else

static void test_malloc(void) {}

#endif

int main(void) {
  test_plugin(env("CAISSON_PLUGIN"), "tmalloc");
  test_malloc();
  return done_testing();
}
