/* SPDX-License-Identifier: Apache-2.0 */
/* Pings for channels whose thread is inside one of the host's own callbacks: a slow reader of
 * output (a paused terminal) must make the command wait, not get it killed as one whose host has
 * gone. One thread for an instance, started by the first call that enters such a callback. */
#ifndef CSN_CHANNEL_KEEPER_H
#define CSN_CHANNEL_KEEPER_H

#include "util/error.h"

struct csn_channel;
struct csn_keeper;

int csn_keeper_new(struct csn_keeper **out, struct csn_error *err);
/* Ends and joins its thread. No channel may be away. NULL is fine. */
void csn_keeper_free(struct csn_keeper *keeper);

/* The channel's thread goes into a callback, and comes back. Between the two only the keeper
 * touches the channel. */
void csn_keeper_begin(struct csn_channel *ch);
void csn_keeper_end(struct csn_channel *ch);

#endif
