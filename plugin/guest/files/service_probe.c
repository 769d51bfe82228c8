/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A probe: see service_probe.h. Whoever listens there is as hostile as anything inside: it gets one
 * line to say, within the time there is.
 */
#include "guest/files/service_probe.h"

#include "guest/basics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 64u      /* bytes: "HTTP/1.1 200" and what is behind it */
#define REQUEST_MAX 2304u
#define REST_MAX 262144u    /* bytes that are read for politeness, */
#define REST_NS (500 * CSN_MS_IN_NS)   /* and for how long */

static bool wait_for(int fd, short events, uint64_t end) {
  struct pollfd one = {.fd = fd, .events = events};
  uint64_t now = csn_guest_now();
  return now < end && poll(&one, 1, (int)((end - now) / CSN_MS_IN_NS) + 1) > 0;
}

static int dial(uint16_t port, uint64_t end, char *why, size_t size) {
  const struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int number = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  socklen_t length = sizeof number;
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) number = errno;
  if (number == EINPROGRESS) {
    number = ETIMEDOUT;
    if (wait_for(fd, POLLOUT, end)) getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length);
  }
  if (number == 0) return fd;
  snprintf(why, size, "127.0.0.1:%u: %s", port, strerror(number));
  if (fd >= 0) close(fd);
  return -1;
}

int csn_service_probe_status(const char *bytes, size_t n) {
  static const char start[] = "HTTP/1.";
  const size_t at = sizeof start - 1, need = at + 5;   /* "1 200" */
  if (memcmp(bytes, start, n < at ? n : at) != 0) return -1;
  if (n < need) return 0;
  int status = 0;
  if (bytes[at] < '0' || bytes[at] > '9' || bytes[at + 1] != ' ') return -1;
  for (size_t i = at + 2; i < need; i++) {
    if (bytes[i] < '0' || bytes[i] > '9') return -1;
    status = status * 10 + (bytes[i] - '0');
  }
  return status >= 100 ? status : -1;
}

static int hear_status(int fd, uint64_t end) {
  char bytes[ANSWER_MAX];
  size_t n = 0;
  for (int status; n < sizeof bytes;) {
    if (!wait_for(fd, POLLIN, end)) return -1;
    ssize_t got = read(fd, bytes + n, sizeof bytes - n);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return -1;
    n += (size_t)got;
    if ((status = csn_service_probe_status(bytes, n)) != 0) return status;
  }
  return -1;
}

/* Closing with something unread would reset the connection, and servers print words about that. */
static void hear_rest(int fd, uint64_t end) {
  static char bytes[8192];
  uint64_t soon = csn_guest_now() + REST_NS;
  ssize_t got;
  for (size_t n = 0; n < REST_MAX && wait_for(fd, POLLIN, end < soon ? end : soon); n += (size_t)got) {
    if ((got = read(fd, bytes, sizeof bytes)) <= 0) return;
  }
}

/* It fits into any socket's buffer, so it is taken at once or not at all. */
static bool ask(int fd, const struct csn_service_probe *probe, uint64_t end, char *why,
                size_t size) {
  char request[REQUEST_MAX];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.0\r\nHost: localhost:%u\r\nConnection: close\r\n\r\n",
                        probe->path, probe->port);
  int status = -1;
  if (length > 0 && (size_t)length < sizeof request &&
      send(fd, request, (size_t)length, MSG_NOSIGNAL) == length)
    status = hear_status(fd, end);
  if (status > 0) hear_rest(fd, end);
  bool good = probe->status != 0 ? status == probe->status : status >= 200 && status < 400;
  if (good) return true;
  if (status < 0)
    snprintf(why, size, "127.0.0.1:%u gives no HTTP answer", probe->port);
  else
    snprintf(why, size, "127.0.0.1:%u answers GET %.200s with %d", probe->port, probe->path, status);
  return false;
}

bool csn_service_probe(const struct csn_service_probe *probe, uint64_t end, char *why,
                       size_t size) {
  int fd = dial(probe->port, end, why, size);
  if (fd < 0) return false;
  bool good = probe->path == NULL || ask(fd, probe, end, why, size);
  close(fd);
  return good;
}
