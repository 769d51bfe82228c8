/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/alloc.h"

int csn_probe_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t n = strlen(path);
  if (n >= sizeof address.sun_path) return ENAMETOOLONG;
  memcpy(address.sun_path, path, n + 1);
  int fd CSN_CLEANUP_CLOSE = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  return connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
}
