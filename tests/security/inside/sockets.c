/* SPDX-License-Identifier: Apache-2.0 */
/* The network's part of the kernel: other families, raw packets, the routing table, other machines.
 */
#include "attempt.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- families -------------------------------------------------------------------------------- */

static bool is_let_through(int family) {
  return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}

/* Every other one: those that a kernel has as a module are loaded by the mere call. */
static void try_families(void) {
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM};
  int opened = 0, pairs = 0, both[2];
  for (int family = 0; family < AF_MAX + 8; family++)
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
      if (!is_let_through(family) && (socket(family, types[i], 0) >= 0 || errno != EPERM)) {
        contained(false, "a socket of family %d, type %d: %s", family, types[i], strerror(errno));
        opened++;
      }
      if (family != AF_UNIX && (socketpair(family, types[i], 0, both) == 0 || errno != EPERM)) {
        contained(false, "a pair of family %d, type %d: %s", family, types[i], strerror(errno));
        pairs++;
      }
    }
  contained(opened == 0, "sockets of any other family (packet, vsock, alg, tipc, ...)");
  contained(pairs == 0, "socket pairs of any family but unix");
}

static void try_raw(void) {
  TRY("a raw IPv4 socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  TRY("a raw IPv4 socket with its own headers", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
  TRY("a raw IPv6 socket", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
  int fd = socket(AF_INET, SOCK_DGRAM, 0), mark = 1;
  TRY("mark packets", setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
  TRY("buffers beyond the limit", setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &mark, sizeof mark));
  struct ifreq request = {.ifr_flags = 0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
  TRY("take an interface down", ioctl(fd, SIOCSIFFLAGS, &request));
  close(fd);
}

/* ---- the routing table ----------------------------------------------------------------------- */

/* What the kernel answers to one request: minus its error, 0 for done. */
static long ask_kernel(int type, const void *body, size_t size) {
  char bytes[512] = {0};
  struct nlmsghdr *head = (struct nlmsghdr *)(void *)bytes;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  *head = (struct nlmsghdr){.nlmsg_len = (unsigned)NLMSG_LENGTH(size),
                            .nlmsg_type = (unsigned short)type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE};
  memcpy(NLMSG_DATA(head), body, size);
  long n = send(fd, bytes, head->nlmsg_len, 0);
  if (n > 0) n = recv(fd, bytes, sizeof bytes, 0);
  if (n < 0) return n;
  close(fd);
  const struct nlmsgerr *error = NLMSG_DATA(head);
  if (head->nlmsg_type != NLMSG_ERROR || error->error == 0) return 0;
  errno = -error->error;
  return -1;
}

static void try_routes(void) {
  const struct rtmsg route = {.rtm_family = AF_INET,
                              .rtm_table = RT_TABLE_MAIN,
                              .rtm_protocol = RTPROT_BOOT,
                              .rtm_type = RTN_UNICAST};
  const struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_change = IFF_UP};
  const struct ifaddrmsg address = {.ifa_family = AF_INET, .ifa_prefixlen = 8, .ifa_index = 1};
  const struct rtmsg rule = {.rtm_family = AF_INET,
                             .rtm_table = RT_TABLE_MAIN,
                             .rtm_type = RTN_UNICAST};
  TRY("add a route", ask_kernel(RTM_NEWROUTE, &route, sizeof route));
  TRY("remove a route", ask_kernel(RTM_DELROUTE, &route, sizeof route));
  TRY("change an interface", ask_kernel(RTM_NEWLINK, &link, sizeof link));
  TRY("add an address", ask_kernel(RTM_NEWADDR, &address, sizeof address));
  TRY("remove an address", ask_kernel(RTM_DELADDR, &address, sizeof address));
  TRY("remove a routing rule", ask_kernel(RTM_DELRULE, &rule, sizeof rule));
}

/* ---- who else there is ----------------------------------------------------------------------- */

/* A sandbox without a network reaches nobody; the engine's host listens on that port. */
static void try_reaching(const char *port) {
  static const char *const addresses[] = {"127.0.0.1", "172.17.0.1", "192.0.2.1",
                                          "169.254.169.254"};
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    inet_pton(AF_INET, addresses[i], &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&to, sizeof to);
    contained(rc < 0 && (errno == ENETUNREACH || errno == ECONNREFUSED), "reach %s: %s",
              addresses[i], rc ? strerror(errno) : "somebody is there");
    close(fd);
  }
}

/* The kernel's choice for who connects without a name: the helper's own connections have such. */
static bool is_automatic(const char *name) {
  return strspn(name, "0123456789abcdef") == 5 && strcspn(name, "\n") == 5;
}

/* Abstract names are the network namespace's: the engine's and its shims' are not in ours. */
static void try_abstract(void) {
  char line[512];
  int others = 0;
  FILE *file = fopen("/proc/net/unix", "re");
  while (file && fgets(line, sizeof line, file)) {
    const char *name = strchr(line, '@');
    if (name && strncmp(name, "@caisson/", 9) != 0 && !is_automatic(name + 1)) {
      contained(false, "an abstract socket: %.*s", (int)strcspn(name, "\n"), name);
      others++;
    }
  }
  contained(file && others == 0, "abstract sockets of others");
  if (file) fclose(file);
}

int main(int argc, char **argv) {
  try_families();
  try_raw();
  try_routes();
  if (argc > 1) try_reaching(argv[1]);
  try_abstract();
  printf("done\n");
  return 0;
}
