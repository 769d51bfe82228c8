/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deny routes. They stand in a table of their own, looked up by a rule of every packet that leaves;
 * before it stand the rules for what has to get through: path MTU messages to the gateway, answers
 * of published ports, questions to exempted resolvers. The rule that brings the table into force is
 * the last thing that is set.
 */
#include "guest/routes.h"

#include "guest/netlink.h"
#include "guest/reach.h"
#include "guest/resolvers.h"
#include "guest/routes_device.h"
#include "guest/rules.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE 51733u /* those of the devices come behind it */
#define RANGES_MAX 1024
#define GATEWAYS_MAX 8
/* No client asks from a port below; and no rule of the kernel's takes 65535. */
#define CLIENT_FIRST 1024
#define CLIENT_LAST 65534

/* Before the kernel's own rule for the main table, 32766. */
enum {
  PRIORITY_GATEWAY = 999,
  PRIORITY_RESOLVER,
  PRIORITY_PORT,
  PRIORITY_DEVICE,
  PRIORITY_DENY
};

struct range {
  struct csn_cidr cidr;
  uint8_t type;   /* RTN_PROHIBIT, or RTN_THROW: as if it were not in the table */
  bool seen;      /* the kernel has it */
};

static struct range ranges[RANGES_MAX];
static size_t range_count;
static struct csn_cidr gateways[GATEWAYS_MAX];
static size_t gateway_count;
static int netlink = -1;

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void fail(const char *format, ...) {
  char words[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(words, sizeof words, format, arguments);
  va_end(arguments);
  for (char *at = words; *at; at++)
    if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = '\'';
  printf("{\"error\": \"%s\"}\n", words);
  fflush(stdout);
  exit(1);
}

/* ---- what is wanted -------------------------------------------------------------------------- */

/* Of one range, what was said last holds. */
static void want(const struct csn_cidr *cidr, uint8_t type) {
  size_t at = 0;
  while (at < range_count && memcmp(&ranges[at].cidr, cidr, sizeof *cidr) != 0) at++;
  if (at == RANGES_MAX) fail("more than %d ranges", RANGES_MAX);
  if (at == range_count) range_count++;
  ranges[at] = (struct range){.cidr = *cidr, .type = type};
}

static size_t read_list(const char *text, struct csn_cidr *list, size_t max) {
  int count = csn_cidr_list(text, list, max);
  if (count < 0) fail("no list of at most %zu ranges: %.200s", max, text);
  return (size_t)count;
}

static void want_all(const char *text, uint8_t type) {
  static struct csn_cidr list[RANGES_MAX];
  size_t count = read_list(text, list, RANGES_MAX);
  for (size_t i = 0; i < count; i++) want(&list[i], type);
}

/* What decides is the longest prefix. */
static bool is_denied(const struct csn_cidr *address) {
  const struct range *best = NULL;
  for (size_t i = 0; i < range_count; i++)
    if (csn_cidr_contains(&ranges[i].cidr, address) &&
        (best == NULL || ranges[i].cidr.bits > best->cidr.bits))
      best = &ranges[i];
  return best != NULL && best->type == RTN_PROHIBIT;
}

static void take_gateway(void *ctx, const struct nlmsghdr *answer) {
  const struct rtmsg *route = csn_netlink_body(answer, sizeof *route);
  (void)ctx;
  if (answer->nlmsg_type != RTM_NEWROUTE || route == NULL || route->rtm_dst_len != 0 ||
      route->rtm_table != RT_TABLE_MAIN || gateway_count == GATEWAYS_MAX)
    return;
  struct csn_cidr gateway = {.size = route->rtm_family == AF_INET ? 4 : 16};
  const void *bytes = csn_netlink_find(answer, sizeof *route, RTA_GATEWAY, gateway.size);
  if (bytes == NULL) return;
  memcpy(gateway.bytes, bytes, gateway.size);
  gateway.bits = (uint8_t)(gateway.size * 8);
  gateways[gateway_count++] = gateway;
}

static bool has_ipv6(void) {
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static void set_rule(const struct csn_rule *rule) {
  if (csn_rule_set(netlink, rule) < 0) fail("set the rule %u: %s", rule->priority, strerror(errno));
}

static void set_route(const struct range *range) {
  char text[CSN_CIDR_TEXT];
  if (csn_route_set(netlink, TABLE, &range->cidr, range->type) == 0) return;
  csn_cidr_print(&range->cidr, text);
  fail("set the route for %s: %s", text, strerror(errno));
}

/* ---- what has to get through ----------------------------------------------------------------- */

static void let_gateways_tell(void) {
  for (size_t i = 0; i < gateway_count; i++) {
    struct csn_rule rule = {.family = csn_family_of(&gateways[i]),
                        .priority = PRIORITY_GATEWAY,
                        .table = RT_TABLE_MAIN,
                        .to = &gateways[i],
                        .protocol = gateways[i].size == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6};
    set_rule(&rule);
  }
}

static void exempt_resolver(const struct csn_cidr *address) {
  static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
  for (size_t i = 0; i < sizeof protocols; i++) {
    struct csn_rule rule = {.family = csn_family_of(address),
                        .priority = PRIORITY_RESOLVER,
                        .table = RT_TABLE_MAIN,
                        .to = address,
                        .protocol = protocols[i],
                        .to_first = 53,
                        .to_last = 53};
    set_rule(&rule);
  }
}

static void exempt_resolvers(const char *text) {
  struct csn_cidr list[CSN_RESOLVERS_MAX];
  size_t count = read_list(text, list, CSN_RESOLVERS_MAX);
  for (size_t i = 0; i < count; i++) exempt_resolver(&list[i]);
}

/* The answers of one published port. To clients on the engine's host they go by way of the gateway,
 * which is the only one they may go to then. */
static void publish(uint8_t protocol, uint16_t port, bool to_anyone) {
  struct csn_rule rule = {.priority = PRIORITY_PORT,
                      .table = RT_TABLE_MAIN,
                      .protocol = protocol,
                      .from_port = port,
                      .to_first = CLIENT_FIRST,
                      .to_last = CLIENT_LAST};
  for (size_t i = 0; !to_anyone && i < gateway_count; i++) {
    rule.family = csn_family_of(rule.to = &gateways[i]);
    set_rule(&rule);
  }
  if (!to_anyone) return;
  rule.family = AF_INET;
  set_rule(&rule);
  rule.family = AF_INET6;
  if (has_ipv6()) set_rule(&rule);
}

static void publish_all(const char *text) {
  while (*text != '\0') {
    char protocol[4], whom[8];
    unsigned port;
    int size = 0;
    if (sscanf(text, "%3[a-z]/%5u/%7[a-z]%n", protocol, &port, whom, &size) != 3 || port < 1 ||
        port > UINT16_MAX || (text[size] != ',' && text[size] != '\0'))
      fail("no list of published ports: %.100s", text);
    publish(strcmp(protocol, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP, (uint16_t)port,
            strcmp(whom, "any") == 0);
    text += size + (text[size] == ',');
  }
}

/* ---- reading back ---------------------------------------------------------------------------- */

static void take_route(void *ctx, const struct nlmsghdr *answer) {
  const struct rtmsg *route = csn_netlink_body(answer, sizeof *route);
  (void)ctx;
  if (answer->nlmsg_type != RTM_NEWROUTE || route == NULL) return;
  const uint32_t *table = csn_netlink_find(answer, sizeof *route, RTA_TABLE, sizeof *table);
  struct csn_cidr found = {.size = route->rtm_family == AF_INET ? 4 : 16,
                           .bits = route->rtm_dst_len};
  const void *bytes = csn_netlink_find(answer, sizeof *route, RTA_DST, found.size);
  if (table == NULL || *table != TABLE) return;
  if (bytes != NULL) memcpy(found.bytes, bytes, found.size);
  for (size_t i = 0; i < range_count; i++)
    if (ranges[i].type == route->rtm_type && memcmp(&ranges[i].cidr, &found, sizeof found) == 0)
      ranges[i].seen = true;
}

static void read_back(bool ipv6) {
  if (csn_netlink_dump(netlink, RTM_GETROUTE, AF_INET, take_route, NULL) < 0 ||
      (ipv6 && csn_netlink_dump(netlink, RTM_GETROUTE, AF_INET6, take_route, NULL) < 0))
    fail("read the routes back: %s", strerror(errno));
  for (size_t i = 0; i < range_count; i++) {
    char text[CSN_CIDR_TEXT];
    csn_cidr_print(&ranges[i].cidr, text);
    if (!ranges[i].seen && (ipv6 || ranges[i].cidr.size == 4))
      fail("the kernel does not have the route for %s", text);
  }
}

/* ---- probes and the report ------------------------------------------------------------------- */

/* Every denied range and every gateway is asked for; an address that is reachable is not denied. */
static size_t probe_denied(void) {
  size_t probed = 0;
  for (size_t i = 0; i < range_count; i++) {
    struct csn_cidr sample = csn_cidr_sample(&ranges[i].cidr);
    char text[CSN_CIDR_TEXT];
    csn_cidr_print(&sample, text);
    if (ranges[i].type != RTN_PROHIBIT || !is_denied(&sample)) continue;
    if (csn_reach(&sample, 9) == 0) fail("%s can be reached although it is denied", text);
    probed++;
  }
  return probed;
}

static bool has_way_out(void) {
  for (size_t i = 0; i < gateway_count; i++)
    if (gateways[i].size == 4) return true;
  return false;
}

/* The first well-known address that is not denied, if there is a way out at all. "" is none. */
static void probe_allowed(char text[CSN_CIDR_TEXT]) {
  static const char *const known[] = {"1.1.1.1", "8.8.8.8", "9.9.9.9"};
  text[0] = '\0';
  for (size_t i = 0; has_way_out() && i < sizeof known / sizeof known[0]; i++) {
    struct csn_cidr address;
    if (csn_cidr_parse(known[i], &address) != NULL || is_denied(&address)) continue;
    int why = csn_reach(&address, 9);
    if (why) fail("%s cannot be reached although it is not denied: %s", known[i], strerror(why));
    snprintf(text, CSN_CIDR_TEXT, "%s", known[i]);
    return;
  }
}

static void refuse_denied_resolvers(void) {
  struct csn_cidr list[CSN_RESOLVERS_MAX];
  size_t count = csn_resolvers_read(list);
  for (size_t i = 0; i < count; i++) {
    char text[CSN_CIDR_TEXT];
    csn_cidr_print(&list[i], text);
    if (csn_reach(&list[i], 53) != 0 && is_denied(&list[i]))
      fail("the sandbox's resolver %s is denied; name it, or \"resolver\", in network.allow", text);
  }
}

/* ---- what names its device ------------------------------------------------------------------- */

static void set_device_route(const struct csn_routes_device *device, uint32_t table,
                             const struct range *range) {
  char text[CSN_CIDR_TEXT];
  int rc = range->type == RTN_PROHIBIT
               ? csn_routes_device_deny(netlink, device, table, &range->cidr)
               : csn_route_set(netlink, table, &range->cidr, range->type);
  if (rc == 0) return;
  csn_cidr_print(&range->cidr, text);
  fail("set the route of %s for %s: %s", device->name, text, strerror(errno));
}

static void set_device(const struct csn_routes_device *device, uint32_t table, bool ipv6) {
  struct csn_rule rule = {
      .family = AF_INET, .priority = PRIORITY_DEVICE, .table = table, .device = device->name};
  for (size_t i = 0; i < range_count; i++)
    if (ipv6 || ranges[i].cidr.size == 4) set_device_route(device, table, &ranges[i]);
  set_rule(&rule);
  rule.family = AF_INET6;
  if (ipv6) set_rule(&rule);
}

static void set_devices(bool ipv6) {
  struct csn_routes_device devices[CSN_ROUTES_DEVICES_MAX];
  int count = csn_routes_devices(devices);
  if (count < 0) fail("list the devices: %s", strerror(errno));
  for (int i = 0; i < count; i++) set_device(&devices[i], TABLE + 1 + (uint32_t)i, ipv6);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void set_all(const struct csn_routes_options *options, bool ipv6) {
  for (size_t i = 0; i < range_count; i++)
    if (ipv6 || ranges[i].cidr.size == 4) set_route(&ranges[i]);
  read_back(ipv6);
  let_gateways_tell();
  exempt_resolvers(options->resolvers);
  publish_all(options->ports);
  set_devices(ipv6);
  struct csn_rule deny = {.family = AF_INET6, .priority = PRIORITY_DENY, .table = TABLE};
  if (ipv6) set_rule(&deny);
  deny.family = AF_INET; /* the mark is IPv4: nothing may come behind this */
  set_rule(&deny);
}

_Noreturn void csn_routes_main(const struct csn_routes_options *options) {
  bool ipv6 = has_ipv6();
  char allowed[CSN_CIDR_TEXT];
  netlink = csn_netlink_open();
  if (netlink < 0) fail("open a netlink socket: %s", strerror(errno));
  if (csn_netlink_dump(netlink, RTM_GETROUTE, AF_INET, take_gateway, NULL) < 0 ||
      (ipv6 && csn_netlink_dump(netlink, RTM_GETROUTE, AF_INET6, take_gateway, NULL) < 0))
    fail("read the routes: %s", strerror(errno));
  want_all(options->deny, RTN_PROHIBIT);
  for (size_t i = 0; strcmp(options->host, "1") == 0 && i < gateway_count; i++)
    want(&gateways[i], RTN_PROHIBIT);
  want_all(options->allow, RTN_THROW);
  want_all(CSN_REACH_MARK, RTN_PROHIBIT);
  set_all(options, ipv6);
  size_t probed = probe_denied();
  probe_allowed(allowed);
  refuse_denied_resolvers();
  printf("{\"routes\": %zu, \"probed\": %zu, \"reachable\": \"%s\"}\n", range_count, probed,
         allowed);
  fflush(stdout);
  exit(0);
}
