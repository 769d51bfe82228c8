/* SPDX-License-Identifier: Apache-2.0 */
/* routes.h: several plugins at once, and which of them a name belongs to. */
#ifndef HOST_ROUTES_H
#define HOST_ROUTES_H

#include "options.h"
#include "plugins.h"
#include "slot.h"

struct csn_routes;

struct csn_route {
  struct csn_slot slot;
  const char *prefix; /* in front of the names of its tools and operations; "" for none */
  struct csn_routes *routes; /* those that it belongs to */
};

struct csn_routes {
  struct csn_route *all;
  size_t count;
  size_t chosen; /* which of them commands are about that name no tool: --prefix, else the first */
  struct csn_plugins lines; /* of --plugins; empty without it */
};

/* Loads all that the options name. Returns 0, or -1 with the reason in `failure`;
 * csn_routes_close() is needed in any case. */
int csn_routes_load(struct csn_routes *routes, const struct csn_options *options, bool lazy,
                    const caisson_host *offer, struct csn_failure *failure);

/* Makes their instances, and sees that no name belongs to two of them, which then holds for each
 * generation that takes the place of another. Returns as above. */
int csn_routes_create(struct csn_routes *routes, struct csn_failure *failure);

void csn_routes_close(struct csn_routes *routes);

#define CSN_PLACE_SIZE 300

/* "FILE:LINE: ", by which people know the one of several; "" where there is only one. */
void csn_routes_place(const struct csn_routes *routes, const struct csn_route *route,
                      char place[CSN_PLACE_SIZE]);

/* The one that a tool or operation belongs to, and in *own what that is called there. Operations
 * may be called without the prefix too: then they are the chosen one's. A name that nobody offers
 * is that one's as well, since a plugin has words for it, but for tools only if it has no prefix
 * (else it might have a tool of just that name): then NULL. */
struct csn_route *csn_routes_find(struct csn_routes *routes, bool operation, const char *name,
                                  const char **own);

#endif
