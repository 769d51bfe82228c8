/* SPDX-License-Identifier: Apache-2.0 */
/* The transport itself: an endpoint and the handles that are not in use, each with a connection
 * that it keeps. The parts of transport/ share it; nothing above includes it. */
#ifndef CSN_TRANSPORT_POOL_H
#define CSN_TRANSPORT_POOL_H

#include "transport/handle.h"
#include "transport/http.h"

const struct csn_endpoint *csn_pool_endpoint(const struct csn_transport *transport);

/* The one that was used last, whose connection is the most likely to live, or a new one. */
int csn_pool_take(struct csn_transport *transport, struct csn_handle **handle,
                  struct csn_error *err);
/* After a success only: with a connection in an unknown state it is to be freed instead. Where
 * there are enough idle ones, the one that has been idle longest goes. */
void csn_pool_give(struct csn_transport *transport, struct csn_handle *handle);

#endif
