/* The plugin's one allocator, so that tests can fail the n-th allocation, and the cleanup
 * attributes that free what it gave. */
#ifndef CSN_UTIL_ALLOC_H
#define CSN_UTIL_ALLOC_H

#include <stddef.h>

void *csn_alloc(size_t size);             /* NULL when there is none */
void *csn_calloc(size_t count, size_t size);
void *csn_realloc(void *old, size_t size);
char *csn_strdup(const char *text);
char *csn_strndup(const char *text, size_t n);
/* A formatted string, or NULL when there is no memory. */
char *csn_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void csn_free(void *p);

/* For tests: the n-th allocation from now fails (1 is the next), 0 turns it off. Returns what was left
 * of the last order: 0 where that allocation has failed. */
long csn_alloc_fail_after(long n);

static inline void csn_free_ptr(void *p) {
  csn_free(*(void **)p);
}
#define CSN_CLEANUP_FREE __attribute__((cleanup(csn_free_ptr)))

void csn_close_ptr(int *fd);
#define CSN_CLEANUP_CLOSE __attribute__((cleanup(csn_close_ptr)))

/* Hands over what a variable with a cleanup attribute holds. */
#define CSN_STEAL(p) \
  __extension__({ __auto_type csn_stolen = (p); (p) = NULL; csn_stolen; })

#endif
