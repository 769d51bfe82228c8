/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A serve's end of the talk with process 1: being registered, saying when a call runs, and asking
 * for kills. It knows the messages of hub_message.h and nothing of calls.
 */
#ifndef CSN_GUEST_REGISTRY_H
#define CSN_GUEST_REGISTRY_H

#include "guest/hub_message.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct csn_registry {
  int fd;
  uint32_t number;      /* of the last request */
  bool told_busy;       /* what process 1 believes of us */
  uint64_t told_ns;     /* when we last told it */
};

/* Connect to process 1 and get its STATUS, waiting for it a few seconds at most. 0, or -1 with
 * errno. */
int csn_registry_open(struct csn_registry *registry, struct csn_hub_answer *status);

/* Ask for something. Returns the number that comes back in the answer. */
uint32_t csn_registry_ask(struct csn_registry *registry, uint8_t kind);

/* Ask for a kill of everything under `pid`; `flags` is 0 or CSN_HUB_FREEZE. */
uint32_t csn_registry_ask_kill(struct csn_registry *registry, pid_t pid, uint32_t flags);

/* Tell process 1 its session's key; ask it to end the sandbox if that has been idle for so long.
 * Each as csn_registry_ask(). */
uint32_t csn_registry_take(struct csn_registry *registry, const void *key, size_t size);
uint32_t csn_registry_retire(struct csn_registry *registry, uint64_t idle_ms);

/* Give process 1 the far end of an operation's socket. The descriptor stays the caller's. */
void csn_registry_attach(struct csn_registry *registry, int fd);

/* Ask for the end of a background job; nothing comes back. */
void csn_registry_kill_job(struct csn_registry *registry, uint32_t number);

/* Say that a call runs, or that none does. */
void csn_registry_tell(struct csn_registry *registry, bool busy, uint64_t now);

/* The next answer, without waiting: 1 it is in *answer, 0 none now, -1 process 1 hung up. */
int csn_registry_hear(struct csn_registry *registry, struct csn_hub_answer *answer);

/* Say goodbye, so that closing is no alarm. */
void csn_registry_close(struct csn_registry *registry);

#endif
