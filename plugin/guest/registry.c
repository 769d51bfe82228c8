/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to process 1: see registry.h. Whoever listens under the name is believed only if it is
 * process 1: outside a container, or in another's, there is nobody to kill for us and we do not
 * serve.
 */
#include "guest/registry.h"

#include "guest/basics.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_TRIES 400   /* times 5 ms: process 1 may be just starting */
#define SEND_TRIES 100
#define STATUS_WAIT_MS 5000

static int connect_once(int fd) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, CSN_HUB_NAME, sizeof CSN_HUB_NAME - 1);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof CSN_HUB_NAME);
  return connect(fd, (struct sockaddr *)&address, size);
}

static int connect_patiently(int fd) {
  const struct timespec pause = {0, 5000000};
  for (int i = 0; i < CONNECT_TRIES; i++) {
    if (connect_once(fd) == 0) return 0;
    if (errno != ECONNREFUSED && errno != EAGAIN && errno != EINTR) return -1;
    nanosleep(&pause, NULL);
  }
  return -1;
}

static int check_peer(int fd) {
  struct ucred who = {0};
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) return -1;
  /* gVisor shows us ourselves there: then nothing can be said about the other end. */
  if (who.pid == 1 || who.pid == getpid()) return 0;
  errno = EPERM;
  return -1;
}

static int await_status(struct csn_registry *registry, struct csn_hub_answer *status) {
  uint32_t number = csn_registry_ask(registry, CSN_HUB_STAT);
  struct pollfd readable = {.fd = registry->fd, .events = POLLIN};
  while (poll(&readable, 1, STATUS_WAIT_MS) > 0) {
    int got = csn_registry_hear(registry, status);
    if (got < 0) break;
    if (got > 0 && status->kind == CSN_HUB_STATUS && status->number == number) return 0;
  }
  errno = ETIMEDOUT;
  return -1;
}

int csn_registry_open(struct csn_registry *registry, struct csn_hub_answer *status) {
  memset(registry, 0, sizeof *registry);
  registry->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (registry->fd < 0) return -1;
  /* Where SO_PEERCRED says nothing of us, our messages do. */
  const int on = 1;
  setsockopt(registry->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  if (connect_patiently(registry->fd) < 0 || check_peer(registry->fd) < 0 ||
      await_status(registry, status) < 0) {
    int why = errno;
    close(registry->fd);
    registry->fd = -1;
    errno = why;
    return -1;
  }
  return 0;
}

static bool is_passing(int why) {
  return why == EINTR || why == EAGAIN || why == ENOBUFS || why == ENOMEM;
}

/* A request that process 1 never gets may be one to kill: what is short for a moment is waited for. */
static uint32_t ask(struct csn_registry *registry, struct csn_hub_request request) {
  const struct timespec pause = {0, 1000000};
  request.version = CSN_HUB_VERSION;
  request.number = ++registry->number;
  for (int i = 0; i < SEND_TRIES; i++) {
    if (send(registry->fd, &request, sizeof request, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) break;
    if (!is_passing(errno)) break;
    nanosleep(&pause, NULL);
  }
  return request.number;
}

uint32_t csn_registry_ask(struct csn_registry *registry, uint8_t kind) {
  return ask(registry, (struct csn_hub_request){.kind = kind});
}

uint32_t csn_registry_ask_kill(struct csn_registry *registry, pid_t pid, uint32_t flags) {
  return ask(registry, (struct csn_hub_request){.kind = CSN_HUB_KILL, .pid = pid, .flags = flags});
}

uint32_t csn_registry_take(struct csn_registry *registry, const void *key, size_t size) {
  struct csn_hub_request request = {.kind = CSN_HUB_TAKE, .key_size = (uint16_t)size};
  memcpy(request.key, key, size < sizeof request.key ? size : sizeof request.key);
  return ask(registry, request);
}

uint32_t csn_registry_retire(struct csn_registry *registry, uint64_t idle_ms) {
  return ask(registry, (struct csn_hub_request){.kind = CSN_HUB_RETIRE, .timeout_ms = idle_ms});
}

void csn_registry_attach(struct csn_registry *registry, int fd) {
  const struct csn_hub_request request = {.version = CSN_HUB_VERSION, .kind = CSN_HUB_ATTACH};
  csn_hub_send(registry->fd, &request, &fd, 1, MSG_DONTWAIT);
}

void csn_registry_kill_job(struct csn_registry *registry, uint32_t number) {
  ask(registry, (struct csn_hub_request){.kind = CSN_HUB_JOB_KILL, .pid = (int32_t)number});
}

void csn_registry_tell(struct csn_registry *registry, bool busy, uint64_t now) {
  csn_registry_ask(registry, busy ? CSN_HUB_BUSY : CSN_HUB_IDLE);
  registry->told_busy = busy;
  registry->told_ns = now;
}

int csn_registry_hear(struct csn_registry *registry, struct csn_hub_answer *answer) {
  memset(answer, 0, sizeof *answer);
  ssize_t size = recv(registry->fd, answer, sizeof *answer, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (size <= 0) return -1;
  if (answer->text_size > sizeof answer->text) answer->text_size = sizeof answer->text;
  return 1;
}

void csn_registry_close(struct csn_registry *registry) {
  if (registry->fd < 0) return;
  csn_registry_ask(registry, CSN_HUB_BYE);
  close(registry->fd);
  registry->fd = -1;
}
