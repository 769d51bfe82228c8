/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes, and rules that say in which table a packet's route is looked up. It knows how
 * the kernel is told, and not what for.
 */
#ifndef CSN_GUEST_RULES_H
#define CSN_GUEST_RULES_H

#include "util/cidr.h"

struct csn_rule {
  uint8_t family;
  uint32_t priority, table;
  const struct csn_cidr *to;   /* NULL: anywhere */
  uint8_t protocol;            /* 0: any */
  uint16_t from_port;          /* 0: any */
  uint16_t to_first, to_last;  /* 0: any */
  const char *device;          /* of what names the device it leaves by; NULL: of anything */
};

uint8_t csn_family_of(const struct csn_cidr *range);

/* Over a netlink socket. 0, also if it is there already, or -1 with errno. */
int csn_rule_set(int netlink, const struct csn_rule *rule);
/* type is RTN_PROHIBIT or RTN_THROW. Of the narrowest scope: else a socket that asks for no
 * gateways (SO_DONTROUTE) would pass over it. */
int csn_route_set(int netlink, uint32_t table, const struct csn_cidr *range, uint8_t type);
/* To the sandbox itself, though it leaves by the device. */
int csn_route_set_local(int netlink, uint32_t table, const struct csn_cidr *range,
                        uint32_t device);
/* By way of a gateway on the device's link, whether or not there is one. */
int csn_route_set_via(int netlink, uint32_t table, const struct csn_cidr *range,
                      const struct csn_cidr *gateway, uint32_t device);

#endif
