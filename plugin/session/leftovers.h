/* SPDX-License-Identifier: Apache-2.0 */
/* Which containers are leftovers, and which helpers are in use. Pure: a list in, reasons out. */
#ifndef CSN_SESSION_LEFTOVERS_H
#define CSN_SESSION_LEFTOVERS_H

#include "engine/containers.h"

/* Why it should go: "never_started", "ended" (ours, and process 1 could not take it away), or
 * "delivery" (a carrier of the helper, of any instance); NULL: it stays. now: seconds since
 * 1970. */
const char *csn_leftover_reason(const struct csn_container *c, const char *instance, int64_t now,
                                int64_t older_than_s);

/* The helper that it was made to start, as a file's name: at most 63 bytes. 0: none. */
#define CSN_LEFTOVER_HELPER 64
int csn_leftover_helper(const struct csn_container *c, char name[CSN_LEFTOVER_HELPER]);

#endif
