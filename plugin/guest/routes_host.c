/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of the engine's host, as its kernel lists them, and the name servers that it asks.
 * Link-local IPv6 ones are left out: every bridge and every sandbox's cable has one.
 */
#include "guest/netlink.h"
#include "guest/resolvers.h"
#include "guest/routes.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static size_t printed;

static void print(const struct csn_cidr *address) {
  char text[CSN_CIDR_TEXT];
  csn_cidr_print(address, text);
  printf("%s\"%s\"", printed++ ? ", " : "", text);
}

static void take_address(void *ctx, const struct nlmsghdr *answer) {
  const struct ifaddrmsg *body = csn_netlink_body(answer, sizeof *body);
  (void)ctx;
  if (answer->nlmsg_type != RTM_NEWADDR || body == NULL || body->ifa_scope >= RT_SCOPE_LINK) return;
  struct csn_cidr address = {.size = body->ifa_family == AF_INET ? 4 : 16};
  /* On a point-to-point link IFA_ADDRESS is the other end's. */
  const void *bytes = csn_netlink_find(answer, sizeof *body, IFA_LOCAL, address.size);
  if (bytes == NULL) bytes = csn_netlink_find(answer, sizeof *body, IFA_ADDRESS, address.size);
  if (bytes == NULL) return;
  memcpy(address.bytes, bytes, address.size);
  address.bits = (uint8_t)(address.size * 8);
  if (!csn_resolvers_is_loopback(&address)) print(&address);
}

_Noreturn void csn_routes_host_main(void) {
  struct csn_cidr resolvers[CSN_RESOLVERS_MAX];
  int netlink = csn_netlink_open();
  printf("{\"addresses\": [");
  int rc = netlink < 0 ? -1 : csn_netlink_dump(netlink, RTM_GETADDR, AF_UNSPEC, take_address, NULL);
  const char *why = rc < 0 ? strerror(errno) : NULL;
  printf("], \"resolvers\": [");
  printed = 0;
  size_t count = csn_resolvers_read(resolvers);
  for (size_t i = 0; i < count; i++) print(&resolvers[i]);
  printf("]");
  if (why != NULL) printf(", \"error\": \"list the host's addresses: %s\"", why);
  printf("}\n");
  fflush(stdout);
  exit(why != NULL);
}
