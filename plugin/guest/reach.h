/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the kernel would send anything to an address. It is asked by connecting a datagram
 * socket, for which it looks up the route and sends nothing; that needs no capability.
 */
#ifndef CSN_GUEST_REACH_H
#define CSN_GUEST_REACH_H

#include "util/cidr.h"

/* 0: it would. Else the errno that a program sees: EACCES where it is denied by a route. */
int csn_reach(const struct csn_cidr *address, uint16_t port);

/* An address that no network has (RFC 7600): it is denied wherever anything is, and last, so that
 * EACCES for it says that all is in place. */
#define CSN_REACH_MARK "192.0.0.8"

#endif
