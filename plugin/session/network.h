/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox's network: made on demand, joined, and made safe before anything runs in it. See
 * network.md. */
#ifndef CSN_SESSION_NETWORK_H
#define CSN_SESSION_NETWORK_H

#include "engine/networks.h"
#include "session/internal.h"

/* Can the network and the ports that a session's options come to be meant? options.invalid. */
int csn_network_check_shape(const struct csn_sessions *all, const cJSON *shape,
                            struct csn_error *err);

/* What a new container's body needs to know. All empty: no network. */
struct csn_network_joined {
  char id[CSN_NETWORK_ID_SIZE];
  char *routes;  /* the plan of what is denied, as text; NULL: nothing is */
  char *samples; /* as csn_network_samples() */
};
void csn_network_joined_free(struct csn_network_joined *joined);
#define CSN_CLEANUP_NETWORK_JOINED __attribute__((cleanup(csn_network_joined_free)))

/* Finds the network, or makes it where there is none. */
int csn_network_join(struct csn_sessions *all, const cJSON *shape,
                     const struct csn_control *control, struct csn_network_joined *out,
                     struct csn_error *err);

/* A container of that create body was just started: denies it what its plan says, and waits for the
 * hello of its first channel. */
int csn_network_await(struct csn_sessions *all, const char *container, const cJSON *body,
                      struct csn_channel *ch, const struct csn_control *control,
                      struct csn_error *err);

/* Denies a running container what its label says, again: whoever started it may have died. */
int csn_network_assert(struct csn_sessions *all, const struct csn_container *found,
                       const struct csn_control *control, struct csn_error *err);

/* Removes the networks that were made for this instance, but those that something is still in. */
int csn_network_remove_all(struct csn_sessions *all, const struct csn_control *control,
                           struct csn_error *err);

#endif
