/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that name the device they leave by: those of a socket that is bound to one, or that say
 * it in a control message, which needs no right. The kernel takes no "prohibit" for an answer then
 * (it holds an IPv4 destination to be on the link, and does not find IPv6's at all), so for each
 * device they get a table in which what is denied leads back to the sandbox itself (IPv4) or to a
 * next hop that does not exist (IPv6, whose routes to oneself have to be by the loopback).
 */
#ifndef CSN_GUEST_ROUTES_DEVICE_H
#define CSN_GUEST_ROUTES_DEVICE_H

#include "util/cidr.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define CSN_ROUTES_DEVICES_MAX 8

struct csn_routes_device {
  char name[IF_NAMESIZE];
  uint32_t index;
  bool has_ipv6;
};

/* Those of this namespace that are up, without the loopback. How many, or -1 with errno (E2BIG:
 * more than that). */
int csn_routes_devices(struct csn_routes_device list[CSN_ROUTES_DEVICES_MAX]);

/* Denies one range to what leaves by the device, in a table of the device's. 0, also where the
 * device does not speak that protocol, or -1 with errno. */
int csn_routes_device_deny(int netlink, const struct csn_routes_device *device, uint32_t table,
                           const struct csn_cidr *range);

#endif
