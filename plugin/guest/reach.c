/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/reach.h"

#include "guest/basics.h"
#include "guest/routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than an engine takes to start a container, even on a machine under load. */
#define AWAIT_NS (60 * 1000 * CSN_MS_IN_NS)
#define DENIED_MAX 512

int csn_reach(const struct csn_cidr *address, uint16_t port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  int is_v4 = address->size == 4;
  memcpy(&v4.sin_addr, address->bytes, sizeof v4.sin_addr);
  memcpy(&v6.sin6_addr, address->bytes, sizeof v6.sin6_addr);
  int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int rc = is_v4 ? connect(fd, (const struct sockaddr *)&v4, sizeof v4)
                 : connect(fd, (const struct sockaddr *)&v6, sizeof v6);
  int why = rc < 0 ? errno : 0;
  close(fd);
  return why;
}

int csn_routes_await(const char *denied, const char **words) {
  static struct csn_cidr list[DENIED_MAX];
  const struct timespec pause = {0, 2000000};
  struct csn_cidr mark;
  int count = csn_cidr_list(denied, list, DENIED_MAX);
  *words = "the list of denied addresses is malformed";
  if (count < 0 || csn_cidr_parse(CSN_REACH_MARK, &mark)) return -1;
  *words = "no deny routes came into force; does this runtime keep routes of its own?";
  uint64_t end = csn_guest_now() + AWAIT_NS;
  while (csn_reach(&mark, 9) != EACCES) {
    if (csn_guest_now() > end) return -1;
    nanosleep(&pause, NULL);
  }
  *words = "an address that is to be denied can be reached";
  for (int i = 0; i < count; i++)
    if (csn_reach(&list[i], 9) == 0) return -1;
  return 0;
}
