/* SPDX-License-Identifier: Apache-2.0 */
/* Pins beside swaps: whoever has a generation pinned finds it whole, however the threads meet. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "host_demo/slot.h"
#include "tap.h"

#define THREADS 4
#define SWAPS 200
#define LOOKS 50

static struct csn_slot slot;
static atomic_bool stop;
static atomic_uint_least64_t pinned, broken;

/* Looks at it more than once: it must neither be ended nor become another one. */
static int is_whole(const struct csn_generation *g) {
  const volatile uint64_t *instance = &g->instance;
  const uint64_t first = *instance;
  for (int i = 0; i < LOOKS; i++)
    if (*instance == 0 || *instance != first) return 0;
  return 1;
}

static void *pin(void *arg) {
  (void)arg;
  while (!atomic_load(&stop)) {
    struct csn_generation *g = csn_slot_pin(&slot);
    if (!g || !is_whole(g)) (void)atomic_fetch_add(&broken, 1);
    if (g) csn_slot_unpin(g);
    (void)atomic_fetch_add(&pinned, 1);
  }
  return NULL;
}

static void test_swaps(struct csn_failure *failure) {
  pthread_t threads[THREADS];
  unsigned swaps = 0;
  struct csn_swap swap;
  for (int i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, pin, NULL)) BAIL_OUT("no thread");
  while (swaps < SWAPS && csn_slot_swap(&slot, NULL, 0, &swap, failure) == 0) swaps++;
  atomic_store(&stop, true);
  for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
  if (!is_int(swaps, SWAPS, "every swap is made")) diag("%s", failure->message);
  is_int(swap.is.generation, SWAPS + 1, "each is another generation");
  ok(atomic_load(&pinned) > 0, "it was pinned meanwhile");
  is_int((long)atomic_load(&broken), 0, "and whole each time");
  is_int(atomic_load(&slot.generations[0].pins) + atomic_load(&slot.generations[1].pins), 0,
         "no pin is left");
}

int main(void) {
  const caisson_host offer = {
      .struct_size = sizeof offer, .abi_minor = CAISSON_ABI_MINOR, .name = "t", .version = "1"};
  const struct csn_setup setup = {
      .plugin = getenv("CAISSON_PLUGIN"), .lazy = true, .offer = &offer};
  struct csn_failure failure = {.status = 0};
  ok(!csn_slot_pin(&slot), "an empty slot has nothing to pin");
  if (!ok(csn_slot_load(&slot, &setup, &failure) == 0 && csn_slot_create(&slot, &failure) == 0,
          "a plugin is at work"))
    BAIL_OUT("%s", failure.message);
  test_swaps(&failure);
  csn_slot_close(&slot);
  ok(!csn_slot_pin(&slot), "a closed one has nothing to pin");
  return done_testing();
}
