/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/rules.h"

#include "guest/netlink.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

uint8_t csn_family_of(const struct csn_cidr *range) {
  return range->size == 4 ? AF_INET : AF_INET6;
}

static int set_route(int netlink, uint32_t table, const struct csn_cidr *range,
                     const struct rtmsg *body, const struct csn_cidr *gateway, uint32_t device) {
  struct csn_netlink_message message;
  csn_netlink_begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body, sizeof *body);
  csn_netlink_add(&message, RTA_DST, range->bytes, range->size);
  csn_netlink_add(&message, RTA_TABLE, &table, sizeof table);
  if (gateway) csn_netlink_add(&message, RTA_GATEWAY, gateway->bytes, gateway->size);
  if (device) csn_netlink_add(&message, RTA_OIF, &device, sizeof device);
  return csn_netlink_order(netlink, &message);
}

int csn_route_set(int netlink, uint32_t table, const struct csn_cidr *range, uint8_t type) {
  const struct rtmsg body = {.rtm_family = csn_family_of(range),
                             .rtm_dst_len = range->bits,
                             .rtm_protocol = RTPROT_STATIC,
                             .rtm_scope = RT_SCOPE_HOST,
                             .rtm_type = type};
  return set_route(netlink, table, range, &body, NULL, 0);
}

int csn_route_set_local(int netlink, uint32_t table, const struct csn_cidr *range,
                        uint32_t device) {
  const struct rtmsg body = {.rtm_family = csn_family_of(range),
                             .rtm_dst_len = range->bits,
                             .rtm_protocol = RTPROT_STATIC,
                             .rtm_scope = RT_SCOPE_HOST,
                             .rtm_type = RTN_LOCAL};
  return set_route(netlink, table, range, &body, NULL, device);
}

int csn_route_set_via(int netlink, uint32_t table, const struct csn_cidr *range,
                      const struct csn_cidr *gateway, uint32_t device) {
  const struct rtmsg body = {.rtm_family = csn_family_of(range),
                             .rtm_dst_len = range->bits,
                             .rtm_protocol = RTPROT_STATIC,
                             .rtm_type = RTN_UNICAST,
                             .rtm_flags = RTNH_F_ONLINK};
  return set_route(netlink, table, range, &body, gateway, device);
}

int csn_rule_set(int netlink, const struct csn_rule *rule) {
  struct csn_netlink_message message;
  const struct fib_rule_hdr body = {.family = rule->family,
                                    .dst_len = rule->to ? rule->to->bits : 0,
                                    .action = FR_ACT_TO_TBL};
  const struct fib_rule_port_range from = {rule->from_port, rule->from_port};
  const struct fib_rule_port_range to = {rule->to_first, rule->to_last};
  csn_netlink_begin(&message, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
  csn_netlink_add(&message, FRA_PRIORITY, &rule->priority, sizeof rule->priority);
  csn_netlink_add(&message, FRA_TABLE, &rule->table, sizeof rule->table);
  if (rule->device)
    csn_netlink_add(&message, FRA_OIFNAME, rule->device, strlen(rule->device) + 1);
  if (rule->to) csn_netlink_add(&message, FRA_DST, rule->to->bytes, rule->to->size);
  if (rule->protocol) csn_netlink_add(&message, FRA_IP_PROTO, &rule->protocol, 1);
  if (from.start) csn_netlink_add(&message, FRA_SPORT_RANGE, &from, sizeof from);
  if (to.start) csn_netlink_add(&message, FRA_DPORT_RANGE, &to, sizeof to);
  return csn_netlink_order(netlink, &message) == 0 || errno == EEXIST ? 0 : -1;
}
