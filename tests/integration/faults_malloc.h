/* SPDX-License-Identifier: Apache-2.0 */
/* A malloc that fails when it is told to: the n-th allocation from now, of all that the plugin, its
 * libraries and its threads ask for; never one of the test's own. Under AddressSanitizer it is laid
 * over the sanitizer's, which goes on looking for leaks. For one file of a program. */
#ifndef INTEGRATION_FAULTS_MALLOC_H
#define INTEGRATION_FAULTS_MALLOC_H

#include <dlfcn.h>
#include <errno.h>
#include <locale.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define BENEATH(name) __interceptor_##name
#else
#define BENEATH(name) __libc_##name
#endif
void *BENEATH(malloc)(size_t n);
void *BENEATH(calloc)(size_t count, size_t size);
void *BENEATH(realloc)(void *old, size_t n);
void *BENEATH(memalign)(size_t alignment, size_t n);

/* Of a thread that is the test's, or the plugin's while it is inside a callback of the test's. */
static _Thread_local int at_host;

static atomic_bool is_armed;
static atomic_long asked;    /* since it was armed */
static atomic_long to_fail;  /* which one: the first is 1 */
static atomic_bool fails_on; /* and all behind it */

/* libarchive does not look whether it got what it asks for inside, or ends the process where it
 * did not, and takes no other malloc. So of what it asks for only its objects fail, which it gives
 * to the plugin to look at. */
__attribute__((noinline)) static bool is_hopeless(const void *caller) {
  static const char *const objects[] = {"archive_read_new", "archive_write_new",
                                        "archive_entry_new2"};
  Dl_info at;
  if (!dladdr(caller, &at) || !at.dli_fname || !strstr(at.dli_fname, "/libarchive")) return false;
  for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
    if (at.dli_sname && strcmp(at.dli_sname, objects[i]) == 0) return false;
  return true;
}

/* They are in use before the sanitizer is ready. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

EARLY static bool must_fail(const void *caller) {
  if (!atomic_load_explicit(&is_armed, memory_order_relaxed) || at_host) return false;
  long nth = atomic_fetch_add(&asked, 1) + 1, which = atomic_load(&to_fail);
  if (nth != which && !(nth > which && atomic_load(&fails_on))) return false;
  if (is_hopeless(caller)) return false;
  errno = ENOMEM;
  return true;
}

static void arm(long nth, bool and_on) {
  atomic_store(&asked, 0);
  atomic_store(&to_fail, nth);
  atomic_store(&fails_on, and_on);
  atomic_store(&is_armed, true);
}

/* Returns whether the n-th was asked for. */
static bool disarm(void) {
  atomic_store(&is_armed, false);
  return atomic_load(&asked) >= atomic_load(&to_fail);
}

#pragma GCC visibility push(default)

EARLY void *malloc(size_t n) {
  return must_fail(__builtin_return_address(0)) ? NULL : BENEATH(malloc)(n);
}

EARLY void *calloc(size_t count, size_t size) {
  return must_fail(__builtin_return_address(0)) ? NULL : BENEATH(calloc)(count, size);
}

EARLY void *realloc(void *old, size_t n) {
  return must_fail(__builtin_return_address(0)) ? NULL : BENEATH(realloc)(old, n);
}

EARLY void *memalign(size_t alignment, size_t n) {
  return must_fail(__builtin_return_address(0)) ? NULL : BENEATH(memalign)(alignment, n);
}

EARLY void *aligned_alloc(size_t alignment, size_t n) {
  return memalign(alignment, n);
}

EARLY int posix_memalign(void **out, size_t alignment, size_t n) {
  void *at = memalign(alignment, n);
  if (at) *out = at;
  return at ? 0 : ENOMEM;
}

/* glibc leaks what it had when memory ended inside of this one: it fails as a whole. */
EARLY locale_t newlocale(int mask, const char *name, locale_t base) {
  typedef locale_t function(int, const char *, locale_t);
  if (must_fail(__builtin_return_address(0))) return (locale_t)0;
  at_host++;
  function *real = (function *)dlsym(RTLD_NEXT, "newlocale");
  locale_t made = real(mask, name, base);
  at_host--;
  return made;
}

/* The sanitizer's own would not come by here. */
EARLY char *strndup(const char *text, size_t most) {
  size_t n = strnlen(text, most);
  char *copy = malloc(n + 1);
  if (!copy) return NULL;
  copy[n] = '\0';
  return memcpy(copy, text, n);
}

EARLY char *strdup(const char *text) {
  return strndup(text, strlen(text));
}

/* What the loader keeps of a library: the sanitizer no longer sees that it was the loader's. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:_dl_map_object_deps\nleak:_dl_new_object\nleak:_dl_check_map_versions\n";
}

#pragma GCC visibility pop

#endif
