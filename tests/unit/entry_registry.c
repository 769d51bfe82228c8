/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that are never reused, and handles that live as long as somebody works with them. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "entry/registry.h"
#include "tap.h"

#define THREADS 8
#define ROUNDS 2000

static atomic_int alive;

struct thing {
  struct csn_handle handle;
  int mark;
};

static void free_thing(struct csn_handle *handle) {
  atomic_fetch_sub(&alive, 1);
  free(handle);
}

static struct thing *make(enum csn_handle_kind kind, int mark) {
  struct thing *t = calloc(1, sizeof *t);
  if (!t) BAIL_OUT("out of memory");
  t->mark = mark;
  atomic_fetch_add(&alive, 1);
  csn_registry_add(&t->handle, kind, free_thing);
  return t;
}

/* ---- one thread ----------------------------------------------------------------------------- */

static void test_life(void) {
  struct thing *t = make(CSN_HANDLE_CALL, 7);
  uint64_t id = t->handle.id;
  ok(id != 0, "it has an id, and 0 is none");
  csn_registry_put(&t->handle);
  is_int(alive, 1, "the registry's own reference keeps it");
  struct csn_handle *found = csn_registry_get(CSN_HANDLE_CALL, id);
  ok(found == &t->handle, "its id finds it");
  ok(!csn_registry_get(CSN_HANDLE_INSTANCE, id), "but not as another kind");
  ok(!csn_registry_get(CSN_HANDLE_CALL, id + 1) && !csn_registry_get(CSN_HANDLE_CALL, 0) &&
         !csn_registry_get(CSN_HANDLE_CALL, UINT64_MAX) &&
         !csn_registry_get(CSN_HANDLE_CALL, id + 256),
     "nor do other ids");
  is_int(csn_registry_forget(found), 1, "it can be forgotten");
  is_int(alive, 1, "which leaves it to whoever still has it");
  ok(!csn_registry_get(CSN_HANDLE_CALL, id), "its id finds nothing any more");
  is_int(csn_registry_forget(found), 0, "nobody can do that twice");
  csn_registry_put(found);
  is_int(alive, 0, "the last reference frees it");
}

static void test_ids(void) {
  uint64_t last = 0;
  int down = 0;
  for (int i = 0; i < 1000; i++) {
    struct thing *t = make(CSN_HANDLE_CALL, i);
    down += t->handle.id <= last;
    last = t->handle.id;
    csn_registry_forget(&t->handle);
    csn_registry_put(&t->handle);
  }
  is_int(down, 0, "no id comes twice");
  is_int(alive, 0, "nothing is left");
}

static int has_mark(const struct csn_handle *handle, const void *arg) {
  return ((const struct thing *)handle)->mark == *(const int *)arg;
}

static void test_any(void) {
  struct thing *a = make(CSN_HANDLE_CALL, 1), *b = make(CSN_HANDLE_INSTANCE, 2);
  int one = 1, two = 2, three = 3;
  struct csn_handle *found = csn_registry_any(CSN_HANDLE_CALL, has_mark, &one);
  ok(found == &a->handle, "one is found by what it is");
  csn_registry_put(found);
  ok(!csn_registry_any(CSN_HANDLE_CALL, has_mark, &two), "not one of another kind");
  ok(!csn_registry_any(CSN_HANDLE_INSTANCE, has_mark, &three), "not one that is not there");
  for (int i = 0; i < 2; i++) {
    struct csn_handle *h = i ? &a->handle : &b->handle;
    csn_registry_forget(h);
    csn_registry_put(h);
  }
  is_int(alive, 0, "the look took no reference that was not given back");
}

/* ---- many ----------------------------------------------------------------------------------- */

static uint64_t shared_id;
static atomic_int forgotten;

static void *use(void *arg) {
  (void)arg;
  for (int i = 0; i < ROUNDS; i++) {
    struct thing *own = make(CSN_HANDLE_CALL, i);
    struct csn_handle *h = csn_registry_get(CSN_HANDLE_INSTANCE, shared_id);
    if (h) csn_registry_put(h);
    if (csn_registry_forget(&own->handle)) atomic_fetch_add(&forgotten, 1);
    csn_registry_put(&own->handle);
  }
  return NULL;
}

static void test_threads(void) {
  struct thing *shared = make(CSN_HANDLE_INSTANCE, 0);
  pthread_t threads[THREADS];
  shared_id = shared->handle.id;
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, use, NULL) != 0) BAIL_OUT("no thread");
  csn_registry_forget(&shared->handle);
  csn_registry_await_last(&shared->handle);
  is_int(shared->mark, 0, "with the last reference it is still there");
  csn_registry_put(&shared->handle);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  is_int(forgotten, THREADS * ROUNDS, "each of %d handles was forgotten once", THREADS * ROUNDS);
  is_int(alive, 0, "and freed");
}

static void *hold(void *arg) {
  usleep(50000);
  csn_registry_put(arg);
  return NULL;
}

static void test_await(void) {
  struct thing *t = make(CSN_HANDLE_INSTANCE, 0);
  pthread_t thread;
  struct csn_handle *theirs = csn_registry_get(CSN_HANDLE_INSTANCE, t->handle.id);
  csn_registry_forget(&t->handle);
  if (pthread_create(&thread, NULL, hold, theirs) != 0) BAIL_OUT("no thread");
  csn_registry_await_last(&t->handle);
  is_int(t->handle.refs, 1, "waiting ends when ours is the last reference");
  pthread_join(thread, NULL);
  csn_registry_put(&t->handle);
  is_int(alive, 0, "which frees it");
}

static void test_fork(void) {
  int status;
  is_int(csn_registry_is_forked(), 0, "this is the process that registered");
  pid_t pid = fork();
  if (pid == 0) _exit(csn_registry_is_forked() ? 0 : 1);
  if (pid < 0 || waitpid(pid, &status, 0) != pid) BAIL_OUT("fork");
  ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "its fork is told so");
}

static void test_before(void) {
  int status;
  pid_t pid = fork();
  if (pid == 0) _exit(csn_registry_is_forked() ? 1 : 0);
  if (pid < 0 || waitpid(pid, &status, 0) != pid) BAIL_OUT("fork");
  ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
     "a fork before anything was registered is a process like any other");
}

int main(void) {
  test_before();
  test_life();
  test_ids();
  test_any();
  test_threads();
  test_await();
  test_fork();
  return done_testing();
}
