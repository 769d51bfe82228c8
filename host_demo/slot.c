/* SPDX-License-Identifier: Apache-2.0 */
/* slot.c: pin, unpin and swap.
 *
 * Between loading `current` and counting its pin a thread holds a pointer that nobody knows of.
 * That is safe for two reasons. The memory is the slot's own and is never freed, so the count that
 * is touched is always one. And each side writes before it reads: the caller counts its pin and then
 * looks whether its generation is still the current one; the swap changes the current one and then
 * looks at the count. So one of them sees the other: either the caller steps back, having touched
 * nothing but the count, or the swap waits for it. */
#include "slot.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Between two looks at a generation whose last calls are about to return. */
#define NAP_NS 100000

static double now_ms(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Milliseconds since *from, which becomes now. */
static double lap(double *from) {
  double before = *from;
  *from = now_ms();
  return *from - before;
}

static void copy_version(const struct csn_generation *g, struct csn_version *out) {
  const caisson_plugin *p = g->loaded.plugin;
  (void)snprintf(out->id, sizeof out->id, "%s", p->id);
  (void)snprintf(out->version, sizeof out->version, "%s", p->version);
  (void)snprintf(out->build_id, sizeof out->build_id, "%s", p->build_id);
  (void)snprintf(out->path, sizeof out->path, "%s", g->loaded.path);
  out->abi_minor = p->abi_minor;
  out->generation = g->number;
}

/* ---- calls ----------------------------------------------------------------------------------- */

struct csn_generation *csn_slot_pin(struct csn_slot *slot) {
  struct csn_generation *g;
  while ((g = atomic_load(&slot->current))) {
    (void)atomic_fetch_add(&g->pins, 1);
    if (atomic_load(&slot->current) == g)
      return g;
    (void)atomic_fetch_sub(&g->pins, 1);
  }
  return NULL;
}

void csn_slot_unpin(struct csn_generation *generation) {
  (void)atomic_fetch_sub(&generation->pins, 1);
}

/* ---- the first and the last ------------------------------------------------------------------ */

static void publish(struct csn_slot *slot, struct csn_generation *g) {
  g->number = ++slot->made;
  atomic_store(&slot->current, g);
}

/* Nobody can pin it any more. Refused calls and those that were cancelled need a moment to return
 * after the plugin has let them go. */
static void await_unpinned(struct csn_generation *g) {
  const struct timespec nap = {.tv_nsec = NAP_NS};
  while (atomic_load(&g->pins) > 0)
    (void)nanosleep(&nap, NULL);
}

int csn_slot_load(struct csn_slot *slot, const struct csn_setup *setup,
                  struct csn_failure *failure) {
  memset(slot, 0, sizeof *slot);
  slot->setup = *setup;
  (void)pthread_mutex_init(&slot->swapping, NULL);
  return csn_generation_load(&slot->generations[0], setup, failure);
}

int csn_slot_create(struct csn_slot *slot, struct csn_failure *failure) {
  if (csn_generation_create(&slot->generations[0], &slot->setup, failure) < 0)
    return -1;
  publish(slot, &slot->generations[0]);
  return 0;
}

void csn_slot_close(struct csn_slot *slot) {
  atomic_store(&slot->current, NULL);
  for (size_t i = 0; i < 2; i++) {
    await_unpinned(&slot->generations[i]);
    csn_generation_end(&slot->generations[i]);
  }
  (void)pthread_mutex_destroy(&slot->swapping);
}

/* ---- the swap -------------------------------------------------------------------------------- */

static struct csn_generation *other(struct csn_slot *slot, const struct csn_generation *g) {
  return &slot->generations[g == &slot->generations[0] ? 1 : 0];
}

/* Load, create, self-test, beside the one that serves; whatever was made is gone again if one of
 * them fails. The count of pins is left alone: a caller that is late may be stepping back. */
static int bring_up(struct csn_slot *slot, const char *plugin, struct csn_generation *next,
                    const struct csn_generation *before, struct csn_swap *swap,
                    struct csn_failure *failure) {
  struct csn_setup setup = slot->setup;
  double clock = now_ms();
  if (plugin)
    setup.plugin = plugin;
  *swap = (struct csn_swap){.drained = CAISSON_OK};
  copy_version(before, &swap->was);
  int failed = csn_generation_load(next, &setup, failure);
  swap->load_ms = lap(&clock);
  if (!failed) {
    copy_version(next, &swap->is);
    failed = csn_generation_create(next, &setup, failure);
    swap->create_ms = lap(&clock);
  }
  if (!failed) {
    failed = csn_generation_test(next, before, failure);
    if (!failed && setup.suits)
      failed = setup.suits(setup.suits_ctx, next, failure);
    swap->test_ms = lap(&clock);
  }
  if (failed)
    csn_generation_end(next);
  return failed;
}

/* Calls that reached the old one before it was replaced end there, or are refused and go to the new
 * one (host.c). drain() cancels those that outstay the grace. */
static void retire(struct csn_generation *g, uint64_t grace_ms, struct csn_swap *swap) {
  double clock = now_ms();
  swap->drained = g->loaded.plugin->drain(g->instance, grace_ms);
  await_unpinned(g);
  swap->drain_ms = lap(&clock);
  csn_generation_end(g);
  swap->end_ms = lap(&clock);
}

int csn_slot_swap(struct csn_slot *slot, const char *plugin, uint64_t grace_ms,
                  struct csn_swap *swap, struct csn_failure *failure) {
  (void)pthread_mutex_lock(&slot->swapping);
  struct csn_generation *old = atomic_load(&slot->current), *next = other(slot, old);
  int failed = bring_up(slot, plugin, next, old, swap, failure);
  if (!failed) {
    publish(slot, next);
    swap->is.generation = next->number;
    if (slot->published)
      slot->published(slot->published_ctx);
    retire(old, grace_ms, swap);
  }
  (void)pthread_mutex_unlock(&slot->swapping);
  return failed;
}

int csn_slot_try(struct csn_slot *slot, const char *plugin, struct csn_swap *swap,
                 struct csn_failure *failure) {
  (void)pthread_mutex_lock(&slot->swapping);
  struct csn_generation *current = atomic_load(&slot->current), *next = other(slot, current);
  int failed = bring_up(slot, plugin, next, current, swap, failure);
  if (!failed)
    csn_generation_end(next);
  (void)pthread_mutex_unlock(&slot->swapping);
  return failed;
}

void csn_slot_version(struct csn_slot *slot, struct csn_version *version) {
  struct csn_generation *g = csn_slot_pin(slot);
  copy_version(g ? g : &slot->generations[0], version);
  if (g)
    csn_slot_unpin(g);
}
