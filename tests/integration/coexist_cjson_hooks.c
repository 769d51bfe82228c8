/* SPDX-License-Identifier: Apache-2.0 */
/* A host that uses the same libcjson and has given it an allocator of its own (cJSON_InitHooks):
 * what that has allocated is freed by it, and by nothing else. It uses nothing of tests/support. */
#include "integration/coexist_raw.h"

#include <cjson/cJSON.h>
#include <stdatomic.h>

#define MARK UINT64_C(0x736b6f6f68206f75)

static atomic_int used, foreign, left;

struct head {
  uint64_t mark, unused;
};

static void *allocate(size_t n) {
  struct head *h = malloc(sizeof *h + n);
  if (!h) return NULL;
  h->mark = MARK;
  atomic_fetch_add(&used, 1);
  atomic_fetch_add(&left, 1);
  return h + 1;
}

/* What is not its own stays, so that the test can say so. */
static void deallocate(void *at) {
  struct head *h = at ? (struct head *)at - 1 : NULL;
  if (!h) return;
  if (h->mark != MARK) {
    atomic_fetch_add(&foreign, 1);
    return;
  }
  h->mark = 0;
  atomic_fetch_sub(&left, 1);
  free(h);
}

static void set_hooks(void) {
  cJSON_Hooks hooks = {allocate, deallocate};
  void *so = dlopen("libcjson.so.1", RTLD_NOW);
  void (*init)(cJSON_Hooks *) =
      so ? (void (*)(cJSON_Hooks *))(uintptr_t)dlsym(so, "cJSON_InitHooks") : NULL;
  if (!init) BAIL_OUT("libcjson: %s", dlerror());
  init(&hooks);
}

int main(void) {
  set_hooks();
  test_plugin(env("CAISSON_PLUGIN"), "tchooks");
  ok(atomic_load(&used) > 1000, "the host's allocator served the plugin's documents");
  is_int(atomic_load(&foreign), 0, "and freed nothing else");
  is_int(atomic_load(&left), 0, "nothing is left");
  return done_testing();
}
