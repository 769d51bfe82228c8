/* SPDX-License-Identifier: Apache-2.0 */
/* Ids for what the host holds, never reused, so that a stale one finds nothing. Reference counted:
 * what an id names stays while somebody works with it. */
#ifndef CSN_ENTRY_REGISTRY_H
#define CSN_ENTRY_REGISTRY_H

#include <stdint.h>

enum csn_handle_kind { CSN_HANDLE_INSTANCE = 1, CSN_HANDLE_CALL = 2, CSN_HANDLE_QUEUE = 3 };

/* The first member of whatever is registered. */
struct csn_handle {
  struct csn_handle *next;
  uint64_t id;
  enum csn_handle_kind kind;
  unsigned refs;
  void (*free)(struct csn_handle *handle); /* when the last reference goes */
};

/* Gives it an id; the caller keeps the first reference, the registry has one of its own. */
void csn_registry_add(struct csn_handle *handle, enum csn_handle_kind kind,
                      void (*free_handle)(struct csn_handle *));
/* With a reference; NULL if there is no such id of that kind (any more). */
struct csn_handle *csn_registry_get(enum csn_handle_kind kind, uint64_t id);
/* One more reference for somebody who has one; returns it. */
struct csn_handle *csn_registry_hold(struct csn_handle *handle);
void csn_registry_put(struct csn_handle *handle);
/* Waits, once its id is forgotten, until the caller's reference is the last one: those who still
 * have theirs are about to return. */
void csn_registry_await_last(struct csn_handle *handle);
/* Makes the id unknown; 1 if this call did it. References go on. */
int csn_registry_forget(struct csn_handle *handle);
/* One handle of that kind for which `match` is true, with a reference, or NULL. */
struct csn_handle *csn_registry_any(enum csn_handle_kind kind,
                                    int (*match)(const struct csn_handle *handle, const void *arg),
                                    const void *arg);

/* True in a fork of the process that first used the registry: its locks may be held by threads that
 * do not exist here. */
int csn_registry_is_forked(void);

#endif
