/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS 256

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct csn_handle *buckets[BUCKETS];
static uint64_t last_id;
static atomic_int owner; /* the process, once something was registered */

int csn_registry_is_forked(void) {
  int pid = atomic_load(&owner);
  return pid != 0 && pid != getpid();
}

void csn_registry_add(struct csn_handle *handle, enum csn_handle_kind kind,
                      void (*free_handle)(struct csn_handle *)) {
  int none = 0;
  atomic_compare_exchange_strong(&owner, &none, getpid());
  pthread_mutex_lock(&mutex);
  handle->id = ++last_id;
  handle->kind = kind;
  handle->refs = 2;
  handle->free = free_handle;
  handle->next = buckets[handle->id % BUCKETS];
  buckets[handle->id % BUCKETS] = handle;
  pthread_mutex_unlock(&mutex);
}

struct csn_handle *csn_registry_get(enum csn_handle_kind kind, uint64_t id) {
  pthread_mutex_lock(&mutex);
  struct csn_handle *h = buckets[id % BUCKETS];
  while (h && (h->id != id || h->kind != kind)) h = h->next;
  if (h) h->refs++;
  pthread_mutex_unlock(&mutex);
  return h;
}

struct csn_handle *csn_registry_any(enum csn_handle_kind kind,
                                    int (*match)(const struct csn_handle *handle, const void *arg),
                                    const void *arg) {
  struct csn_handle *found = NULL;
  pthread_mutex_lock(&mutex);
  for (int b = 0; b < BUCKETS && !found; b++)
    for (struct csn_handle *h = buckets[b]; h && !found; h = h->next)
      if (h->kind == kind && match(h, arg)) found = h;
  if (found) found->refs++;
  pthread_mutex_unlock(&mutex);
  return found;
}

struct csn_handle *csn_registry_hold(struct csn_handle *handle) {
  pthread_mutex_lock(&mutex);
  handle->refs++;
  pthread_mutex_unlock(&mutex);
  return handle;
}

void csn_registry_put(struct csn_handle *handle) {
  pthread_mutex_lock(&mutex);
  int last = --handle->refs == 0;
  pthread_mutex_unlock(&mutex);
  if (last) handle->free(handle);
}

void csn_registry_await_last(struct csn_handle *handle) {
  static const struct timespec tick = {.tv_nsec = 100000};
  for (;;) {
    pthread_mutex_lock(&mutex);
    int last = handle->refs == 1;
    pthread_mutex_unlock(&mutex);
    if (last) return;
    nanosleep(&tick, NULL);
  }
}

int csn_registry_forget(struct csn_handle *handle) {
  pthread_mutex_lock(&mutex);
  struct csn_handle **at = &buckets[handle->id % BUCKETS];
  while (*at && *at != handle) at = &(*at)->next;
  int found = *at != NULL;
  if (found) *at = handle->next;
  pthread_mutex_unlock(&mutex);
  if (found) csn_registry_put(handle);
  return found;
}
