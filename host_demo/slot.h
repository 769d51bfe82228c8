/* SPDX-License-Identifier: Apache-2.0 */
/* slot.h: the place of one configured plugin, whose version can change while calls run.
 *
 * A call pins the generation that serves just then, works with it to its end and unpins it. A swap
 * brings another generation up beside it, publishes that by one store to `current`, and waits until
 * nobody works with the old one any more; then it ends that. Nothing is handed over: the container
 * engine knows what sessions there are, and the new version finds them there. */
#ifndef HOST_SLOT_H
#define HOST_SLOT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "generation.h"

/* As csn_slot_swap's grace: calls on the old version end by themselves, however long they take. */
#define CSN_GRACE_UNLIMITED UINT64_MAX

struct csn_slot {
  struct csn_setup setup;
  /* Where `current` points: NULL before csn_slot_create(). There is room for the one that serves
   * and the one that comes or goes, and both places stay as long as the slot does. */
  _Atomic(struct csn_generation *) current;
  struct csn_generation generations[2];
  unsigned made;            /* generations that were published */
  pthread_mutex_t swapping; /* one swap at a time */
  /* Told that calls now go to another generation, while those on the old one may still run; NULL:
   * nobody is. */
  void (*published)(void *ctx);
  void *published_ctx;
};

/* A version, for people and reports. */
struct csn_version {
  char id[64], version[64], build_id[128];
  char path[CSN_LOADER_PATH];
  unsigned abi_minor;
  unsigned generation; /* of its slot: 1, 2, ...; 0: not published */
};

/* What a swap did. */
struct csn_swap {
  struct csn_version was, is;
  int32_t drained; /* CAISSON_OK, or CAISSON_E_DEADLINE: calls were cancelled after the grace */
  double load_ms, create_ms, test_ms; /* while the old version served alone */
  double drain_ms, end_ms; /* while the new one served: until the last call on the old one had
                              ended, and until that was gone */
};

/* The first generation, in two steps, since they fail for different reasons. `setup` is copied.
 * 0, or -1 with the reason in `failure`; csn_slot_close() is needed in any case. */
int csn_slot_load(struct csn_slot *slot, const struct csn_setup *setup,
                  struct csn_failure *failure);
int csn_slot_create(struct csn_slot *slot, struct csn_failure *failure);

/* Ends what was started, once no call runs; sessions live on. */
void csn_slot_close(struct csn_slot *slot);

/* The generation that serves, which stays as it is until it is unpinned; NULL if none does. Any
 * thread, without a lock. */
struct csn_generation *csn_slot_pin(struct csn_slot *slot);
void csn_slot_unpin(struct csn_generation *generation);

/* Replaces the version by the one at `plugin` (NULL: what the setup's path leads to by now), and
 * returns when the old one is gone; calls that ran on it have then ended, those that still ran
 * after `grace_ms` by a cancel. Any thread; not from inside a call, which would wait for itself.
 * Returns 0, or -1 with the reason in `failure`: then nothing has changed. */
int csn_slot_swap(struct csn_slot *slot, const char *plugin, uint64_t grace_ms,
                  struct csn_swap *swap, struct csn_failure *failure);

/* The same without the change: would csn_slot_swap() work? */
int csn_slot_try(struct csn_slot *slot, const char *plugin, struct csn_swap *swap,
                 struct csn_failure *failure);

/* Of the version that serves, or of one that is only loaded. */
void csn_slot_version(struct csn_slot *slot, struct csn_version *version);

#endif
