/* SPDX-License-Identifier: Apache-2.0 */
/* See own_cjson.h. The functions of cJSON.h that the plugin calls are defined here, hidden, and pass
 * what they get on to libcjson. One that is not in the table does not link. */
#include "util/own_cjson.h"

#include <cjson/cJSON.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#define LIBRARY "libcjson.so.1"

/* The library's calls of its own functions would go to the host's too. It frees itself what it has
 * allocated, so that it may find libc's malloc() where the host has another. The sanitizers end a
 * process that asks for this: a host that is built with one must not export a cJSON of its own. */
static int own_first(void) {
#ifdef RTLD_DEEPBIND
  return dlsym(RTLD_DEFAULT, "__interceptor_dlopen") ? 0 : RTLD_DEEPBIND;
#else
  return 0;
#endif
}

/* ROW for what returns something, VOID for what does not: name, parameters, their names. */
#define FUNCTIONS(ROW, VOID) \
  ROW(cJSON *, AddArrayToObject, (cJSON * o, const char *n), (o, n)) \
  ROW(cJSON *, AddBoolToObject, (cJSON * o, const char *n, cJSON_bool v), (o, n, v)) \
  ROW(cJSON_bool, AddItemToArray, (cJSON * a, cJSON * i), (a, i)) \
  ROW(cJSON_bool, AddItemToObject, (cJSON * o, const char *n, cJSON *i), (o, n, i)) \
  ROW(cJSON *, AddNumberToObject, (cJSON * o, const char *n, double v), (o, n, v)) \
  ROW(cJSON *, AddObjectToObject, (cJSON * o, const char *n), (o, n)) \
  ROW(cJSON *, AddStringToObject, (cJSON * o, const char *n, const char *v), (o, n, v)) \
  ROW(cJSON_bool, Compare, (const cJSON *a, const cJSON *b, cJSON_bool c), (a, b, c)) \
  ROW(cJSON *, CreateArray, (void), ()) \
  ROW(cJSON *, CreateBool, (cJSON_bool v), (v)) \
  ROW(cJSON *, CreateNull, (void), ()) \
  ROW(cJSON *, CreateNumber, (double v), (v)) \
  ROW(cJSON *, CreateObject, (void), ()) \
  ROW(cJSON *, CreateRaw, (const char *v), (v)) \
  ROW(cJSON *, CreateString, (const char *v), (v)) \
  VOID(Delete, (cJSON * i), (i)) \
  VOID(DeleteItemFromObjectCaseSensitive, (cJSON * o, const char *n), (o, n)) \
  ROW(cJSON *, DetachItemFromObjectCaseSensitive, (cJSON * o, const char *n), (o, n)) \
  ROW(cJSON *, DetachItemViaPointer, (cJSON * o, cJSON * i), (o, i)) \
  ROW(cJSON *, Duplicate, (const cJSON *i, cJSON_bool r), (i, r)) \
  ROW(cJSON *, GetArrayItem, (const cJSON *a, int i), (a, i)) \
  ROW(int, GetArraySize, (const cJSON *a), (a)) \
  ROW(cJSON *, GetObjectItemCaseSensitive, (const cJSON *o, const char *n), (o, n)) \
  ROW(char *, GetStringValue, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsArray, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsBool, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsFalse, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsNull, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsNumber, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsObject, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsString, (const cJSON *i), (i)) \
  ROW(cJSON_bool, IsTrue, (const cJSON *i), (i)) \
  ROW(cJSON *, Parse, (const char *t), (t)) \
  ROW(cJSON *, ParseWithLength, (const char *t, size_t n), (t, n)) \
  ROW(cJSON *, ParseWithLengthOpts, (const char *t, size_t n, const char **e, cJSON_bool z), \
      (t, n, e, z)) \
  ROW(char *, PrintUnformatted, (const cJSON *i), (i)) \
  ROW(cJSON_bool, ReplaceItemInObjectCaseSensitive, (cJSON * o, const char *n, cJSON *i), \
      (o, n, i)) \
  VOID(free, (void *p), (p))

/* ---- the library ----------------------------------------------------------------------------- */

static struct {
#define ROW(type, name, parameters, names) type(*name) parameters;
#define VOID(name, parameters, names) void(*name) parameters;
  FUNCTIONS(ROW, VOID)
#undef ROW
#undef VOID
} own;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int is_found;
static char missing[200]; /* what and why; empty: nothing is. Under the lock */
static int no_memory;     /* that is why; likewise */

static void *find_function(void *so, const char *name) {
  void *function = so ? dlsym(so, name) : NULL;
  if (so && !function && !missing[0]) snprintf(missing, sizeof missing, "it has no %s", name);
  return function;
}

static void find_all(void) {
  missing[0] = '\0';
  errno = 0;
  void *so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | own_first());
  no_memory = !so && errno == ENOMEM;
  if (!so) {
    const char *why = dlerror();
    snprintf(missing, sizeof missing, "%s", why ? why : "it cannot be loaded");
  }
#define ROW(type, name, parameters, names) \
  own.name = (__typeof__(own.name))(uintptr_t)find_function(so, "cJSON_" #name);
#define VOID(name, parameters, names) ROW(void, name, parameters, names)
  FUNCTIONS(ROW, VOID)
#undef ROW
#undef VOID
  atomic_store_explicit(&is_found, !missing[0], memory_order_release);
}

/* What was not found, for want of memory say, is looked for again the next time. */
int csn_own_cjson_find(struct csn_error *err) {
  int rc = 0;
  if (atomic_load_explicit(&is_found, memory_order_acquire)) return 0;
  pthread_mutex_lock(&lock);
  if (!atomic_load(&is_found)) find_all();
  if (missing[0] && no_memory)
    rc = csn_fail_nomem(err);
  else if (missing[0])
    rc = csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL,
                  "the library " LIBRARY " is needed (Debian's package libcjson1): %s", missing);
  pthread_mutex_unlock(&lock);
  return rc;
}

/* ---- its functions --------------------------------------------------------------------------- */

#define ROW(type, name, parameters, names) \
  type cJSON_##name parameters { \
    (void)csn_own_cjson_find(NULL); \
    return own.name names; \
  }
#define VOID(name, parameters, names) \
  void cJSON_##name parameters { \
    (void)csn_own_cjson_find(NULL); \
    own.name names; \
  }
FUNCTIONS(ROW, VOID)
