/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/routes_device.h"

#include "guest/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* An address that nobody has: who is asked for by it does not answer. */
#define NOBODY "fe80::ca15:50:0:1"

static bool carries(int fd, const char *name) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) &&
         !(request.ifr_flags & IFF_LOOPBACK);
}

static bool has_ipv6(const char *name) {
  char path[80], is_off = '1';
  snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno != ENOENT;
  if (read(fd, &is_off, 1) != 1) is_off = '0';
  close(fd);
  return is_off == '0';
}

static int add(struct csn_routes_device *list, int count, const struct if_nameindex *found) {
  struct csn_routes_device *device = &list[count];
  if (count == CSN_ROUTES_DEVICES_MAX) {
    errno = E2BIG;
    return -1;
  }
  snprintf(device->name, sizeof device->name, "%s", found->if_name);
  device->index = found->if_index;
  device->has_ipv6 = has_ipv6(device->name);
  return count + 1;
}

int csn_routes_devices(struct csn_routes_device list[CSN_ROUTES_DEVICES_MAX]) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), count = 0;
  struct if_nameindex *all = fd < 0 ? NULL : if_nameindex();
  for (const struct if_nameindex *one = all; count >= 0 && one && one->if_index; one++)
    if (carries(fd, one->if_name)) count = add(list, count, one);
  int why = errno;
  if (fd >= 0) close(fd);
  if (all == NULL) count = -1;
  else if_freenameindex(all);
  errno = why;
  return count;
}

int csn_routes_device_deny(int netlink, const struct csn_routes_device *device, uint32_t table,
                           const struct csn_cidr *range) {
  struct csn_cidr nobody;
  if (range->size == 4) return csn_route_set_local(netlink, table, range, device->index);
  if (!device->has_ipv6) return 0;
  if (csn_cidr_parse(NOBODY, &nobody) != NULL) {
    errno = EINVAL;
    return -1;
  }
  return csn_route_set_via(netlink, table, range, &nobody, device->index);
}
