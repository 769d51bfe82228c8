/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces, routes and the rules that choose among routes, as the kernel lists them. The table of
 * the machine's own addresses, which the kernel keeps by itself, is left out.
 */
#include "guest/report_parts.h"

#include "guest/netlink.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTERFACES_MAX 64u
#define ADDRESS_TEXT (INET6_ADDRSTRLEN + 12)

struct interface {
  int index;
  bool up;
  char name[IF_NAMESIZE];
};

struct network {
  struct csn_report_json *json;
  size_t limit;
  int fd;
  struct interface interfaces[INTERFACES_MAX];
  size_t count;
  int index;   /* whose addresses are wanted */
};

/* ---- what messages hold ---------------------------------------------------------------------- */

static bool is_ip(uint8_t family) { return family == AF_INET || family == AF_INET6; }

static size_t address_size(uint8_t family) { return family == AF_INET ? 4 : 16; }

/* An attribute that is an address, as text with its prefix length where `bits` is not negative. */
static bool print_address(const struct nlmsghdr *answer, size_t fixed, uint16_t attribute,
                          uint8_t family, int bits, char text[ADDRESS_TEXT]) {
  const void *bytes = csn_netlink_find(answer, fixed, attribute, address_size(family));
  if (bytes == NULL || inet_ntop(family, bytes, text, INET6_ADDRSTRLEN) == NULL) return false;
  if (bits >= 0) snprintf(text + strlen(text), 12, "/%d", bits);
  return true;
}

static uint32_t number_in(const struct nlmsghdr *answer, size_t fixed, uint16_t attribute,
                          uint32_t fallback) {
  const void *bytes = csn_netlink_find(answer, fixed, attribute, sizeof fallback);
  if (bytes != NULL) memcpy(&fallback, bytes, sizeof fallback);
  return fallback;
}

static void add_text(struct csn_report_json *json, const char *name, bool known, const char *text) {
  if (known)
    csn_report_string(json, name, text);
  else
    csn_report_null(json, name);
}

/* "default" where all is meant. */
static void add_destination(struct csn_report_json *json, const struct nlmsghdr *answer,
                            size_t fixed, uint16_t attribute, uint8_t family, uint8_t bits) {
  char text[ADDRESS_TEXT];
  bool known = print_address(answer, fixed, attribute, family, bits, text);
  if (bits == 0)
    csn_report_string(json, "destination", "default");
  else
    add_text(json, "destination", known, text);
}

static void add_family(struct csn_report_json *json, uint8_t family) {
  csn_report_number(json, "family", family == AF_INET ? 4 : 6);
}

/* ---- interfaces ------------------------------------------------------------------------------ */

static void take_interface(void *ctx, const struct nlmsghdr *answer) {
  struct network *net = ctx;
  const struct ifinfomsg *body = csn_netlink_body(answer, sizeof *body);
  size_t size;
  if (answer->nlmsg_type != RTM_NEWLINK || body == NULL) return;
  const char *name = csn_netlink_attribute(answer, sizeof *body, IFLA_IFNAME, &size);
  if (net->count == INTERFACES_MAX) {
    net->json->cut = true;
    return;
  }
  struct interface *one = &net->interfaces[net->count++];
  *one = (struct interface){.index = body->ifi_index, .up = (body->ifi_flags & IFF_UP) != 0};
  if (name != NULL && size <= sizeof one->name) memcpy(one->name, name, size);
  one->name[sizeof one->name - 1] = '\0';
}

static void take_address(void *ctx, const struct nlmsghdr *answer) {
  struct network *net = ctx;
  const struct ifaddrmsg *body = csn_netlink_body(answer, sizeof *body);
  char text[ADDRESS_TEXT];
  if (answer->nlmsg_type != RTM_NEWADDR || body == NULL || !is_ip(body->ifa_family)) return;
  if ((int)body->ifa_index != net->index) return;
  /* On a point-to-point link IFA_ADDRESS is the other end's. */
  if (print_address(answer, sizeof *body, IFA_LOCAL, body->ifa_family, body->ifa_prefixlen, text) ||
      print_address(answer, sizeof *body, IFA_ADDRESS, body->ifa_family, body->ifa_prefixlen, text))
    csn_report_string(net->json, NULL, text);
}

static void add_interface(struct network *net, const struct interface *one) {
  struct csn_report_mark mark = csn_report_mark(net->json);
  net->index = one->index;
  csn_report_object(net->json, NULL);
  csn_report_string(net->json, "name", one->name);
  csn_report_bool(net->json, "up", one->up);
  csn_report_array(net->json, "addresses");
  if (csn_netlink_dump(net->fd, RTM_GETADDR, AF_UNSPEC, take_address, net) < 0)
    net->json->cut = true;
  csn_report_end_array(net->json);
  csn_report_end_object(net->json);
  csn_report_keep(net->json, mark, net->limit);
}

static void add_interfaces(struct network *net) {
  if (net->fd < 0 || csn_netlink_dump(net->fd, RTM_GETLINK, AF_UNSPEC, take_interface, net) < 0) {
    net->count = 0;
    csn_report_null(net->json, "interfaces");
    return;
  }
  csn_report_array(net->json, "interfaces");
  for (size_t i = 0; i < net->count; i++) add_interface(net, &net->interfaces[i]);
  csn_report_end_array(net->json);
}

static const char *name_of(const struct network *net, uint32_t index) {
  for (size_t i = 0; i < net->count; i++)
    if (net->interfaces[i].index == (int)index) return net->interfaces[i].name;
  return NULL;
}

/* ---- routes and rules ------------------------------------------------------------------------ */

static const char *route_type(uint8_t type) {
  static const char *const names[] = {"unspecified", "unicast",     "local",    "broadcast",
                                      "anycast",     "multicast",   "blackhole", "unreachable",
                                      "prohibit",    "throw",       "nat",      "xresolve"};
  return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

static void take_route(void *ctx, const struct nlmsghdr *answer) {
  struct network *net = ctx;
  struct csn_report_json *json = net->json;
  const struct rtmsg *body = csn_netlink_body(answer, sizeof *body);
  char gateway[ADDRESS_TEXT];
  if (answer->nlmsg_type != RTM_NEWROUTE || body == NULL || !is_ip(body->rtm_family)) return;
  uint32_t table = number_in(answer, sizeof *body, RTA_TABLE, body->rtm_table);
  if (table == RT_TABLE_LOCAL || (body->rtm_flags & RTM_F_CLONED) != 0) return;
  const char *device = name_of(net, number_in(answer, sizeof *body, RTA_OIF, 0));
  bool has_gateway =
      print_address(answer, sizeof *body, RTA_GATEWAY, body->rtm_family, -1, gateway);
  struct csn_report_mark mark = csn_report_mark(json);
  csn_report_object(json, NULL);
  add_family(json, body->rtm_family);
  add_destination(json, answer, sizeof *body, RTA_DST, body->rtm_family, body->rtm_dst_len);
  add_text(json, "gateway", has_gateway, gateway);
  add_text(json, "interface", device != NULL, device);
  csn_report_string(json, "type", route_type(body->rtm_type));
  csn_report_number(json, "table", table);
  csn_report_end_object(json);
  csn_report_keep(json, mark, net->limit);
}

static void add_ports(struct csn_report_json *json, const char *name, const struct nlmsghdr *answer,
                      uint16_t attribute) {
  struct fib_rule_port_range range;
  const void *bytes =
      csn_netlink_find(answer, sizeof(struct fib_rule_hdr), attribute, sizeof range);
  if (bytes == NULL) {
    csn_report_null(json, name);
    return;
  }
  memcpy(&range, bytes, sizeof range);
  csn_report_array(json, name);
  csn_report_number(json, NULL, range.start);
  csn_report_number(json, NULL, range.end);
  csn_report_end_array(json);
}

static const char *rule_action(uint8_t action) {
  switch (action) {
  case FR_ACT_TO_TBL: return "lookup";
  case FR_ACT_GOTO: return "goto";
  case FR_ACT_NOP: return "nop";
  case FR_ACT_BLACKHOLE: return "blackhole";
  case FR_ACT_UNREACHABLE: return "unreachable";
  case FR_ACT_PROHIBIT: return "prohibit";
  default: return "unknown";
  }
}

static void take_rule(void *ctx, const struct nlmsghdr *answer) {
  struct network *net = ctx;
  struct csn_report_json *json = net->json;
  const struct fib_rule_hdr *body = csn_netlink_body(answer, sizeof *body);
  size_t size = 0;
  if (answer->nlmsg_type != RTM_NEWRULE || body == NULL || !is_ip(body->family)) return;
  const char *device = csn_netlink_attribute(answer, sizeof *body, FRA_OIFNAME, &size);
  const uint8_t *protocol = csn_netlink_find(answer, sizeof *body, FRA_IP_PROTO, 1);
  struct csn_report_mark mark = csn_report_mark(json);
  csn_report_object(json, NULL);
  add_family(json, body->family);
  csn_report_number(json, "priority", number_in(answer, sizeof *body, FRA_PRIORITY, 0));
  csn_report_string(json, "action", rule_action(body->action));
  csn_report_number(json, "table", number_in(answer, sizeof *body, FRA_TABLE, body->table));
  add_destination(json, answer, sizeof *body, FRA_DST, body->family, body->dst_len);
  if (device != NULL)
    csn_report_bytes(json, "interface", device, strnlen(device, size));
  else
    csn_report_null(json, "interface");
  csn_report_known(json, "protocol", protocol != NULL, protocol != NULL ? *protocol : 0);
  add_ports(json, "source_ports", answer, FRA_SPORT_RANGE);
  add_ports(json, "destination_ports", answer, FRA_DPORT_RANGE);
  csn_report_end_object(json);
  csn_report_keep(json, mark, net->limit);
}

static void add_dump(struct network *net, const char *name, uint16_t type,
                     csn_netlink_take_fn *take) {
  struct csn_report_mark mark = csn_report_mark(net->json);
  csn_report_array(net->json, name);
  if (net->fd >= 0 && csn_netlink_dump(net->fd, type, AF_UNSPEC, take, net) == 0) {
    csn_report_end_array(net->json);
    return;
  }
  csn_report_undo(net->json, mark);
  csn_report_null(net->json, name);
}

void csn_report_add_network(struct csn_report_json *json, size_t interfaces, size_t routes,
                            size_t rules) {
  struct network net = {.json = json, .fd = csn_netlink_open()};
  net.limit = json->size + interfaces;
  add_interfaces(&net);
  net.limit = json->size + routes;
  add_dump(&net, "routes", RTM_GETROUTE, take_route);
  net.limit = json->size + rules;
  add_dump(&net, "rules", RTM_GETRULE, take_rule);
  if (net.fd >= 0) close(net.fd);
}
