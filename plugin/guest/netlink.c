/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 10

static _Alignas(struct nlmsghdr) uint8_t answers[32768];

int csn_netlink_open(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const struct timeval patience = {.tv_sec = PATIENCE_S};
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

void csn_netlink_begin(struct csn_netlink_message *message, uint16_t type, uint16_t flags,
                       const void *body, size_t size) {
  memset(message, 0, sizeof *message);
  message->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
  message->head.nlmsg_type = type;
  message->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  memcpy(message->bytes + NLMSG_HDRLEN, body, size);
}

void csn_netlink_add(struct csn_netlink_message *message, uint16_t attribute, const void *bytes,
                     size_t size) {
  size_t at = NLMSG_ALIGN(message->head.nlmsg_len);
  struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(size), .rta_type = attribute};
  if (at + RTA_SPACE(size) > sizeof message->bytes) return; /* no message of ours has so many */
  memcpy(message->bytes + at, &head, sizeof head);
  memcpy(message->bytes + at + RTA_LENGTH(0), bytes, size);
  message->head.nlmsg_len = (uint32_t)(at + head.rta_len);
}

static int send_message(int fd, const struct csn_netlink_message *message) {
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent = sendto(fd, message->bytes, message->head.nlmsg_len, 0,
                        (const struct sockaddr *)&kernel, sizeof kernel);
  return sent < 0 ? -1 : 0;
}

const void *csn_netlink_body(const struct nlmsghdr *answer, size_t size) {
  return answer->nlmsg_len >= NLMSG_LENGTH(size) ? (const uint8_t *)answer + NLMSG_HDRLEN : NULL;
}

/* The kernel's verdict in an acknowledgement. */
static int verdict(const struct nlmsghdr *answer) {
  const struct nlmsgerr *error = csn_netlink_body(answer, sizeof *error);
  if (error == NULL) {
    errno = EPROTO;
    return -1;
  }
  if (error->error == 0) return 0;
  errno = -error->error;
  return -1;
}

/* What one datagram holds: 1 when it ends the conversation, 0 when more comes, or -1. */
static int take_answers(size_t size, csn_netlink_take_fn *take, void *ctx) {
  size_t at = 0;
  while (size - at >= NLMSG_HDRLEN) {
    const struct nlmsghdr *answer = (const void *)(answers + at);
    if (answer->nlmsg_len < NLMSG_HDRLEN || answer->nlmsg_len > size - at) break;
    if (answer->nlmsg_type == NLMSG_DONE) return 1;
    if (answer->nlmsg_type == NLMSG_ERROR) return verdict(answer) < 0 ? -1 : 1;
    if (take != NULL) take(ctx, answer);
    size_t next = NLMSG_ALIGN(answer->nlmsg_len);
    if (next >= size - at) return 0;
    at += next;
  }
  errno = EPROTO;
  return -1;
}

static int hear(int fd, csn_netlink_take_fn *take, void *ctx) {
  for (int rc = 0; rc <= 0;) {
    ssize_t size = recv(fd, answers, sizeof answers, MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return -1;
    if ((size_t)size > sizeof answers) {
      errno = EMSGSIZE;
      return -1;
    }
    rc = take_answers((size_t)size, take, ctx);
    if (rc < 0) return -1;
  }
  return 0;
}

int csn_netlink_order(int fd, struct csn_netlink_message *message) {
  message->head.nlmsg_flags |= NLM_F_ACK;
  return send_message(fd, message) < 0 ? -1 : hear(fd, NULL, NULL);
}

int csn_netlink_dump(int fd, uint16_t type, uint8_t family, csn_netlink_take_fn *take, void *ctx) {
  struct csn_netlink_message message;
  const struct rtmsg body = {.rtm_family = family}; /* no dump's head is longer, and all begin so */
  csn_netlink_begin(&message, type, NLM_F_DUMP, &body, sizeof body);
  return send_message(fd, &message) < 0 ? -1 : hear(fd, take, ctx);
}

const void *csn_netlink_attribute(const struct nlmsghdr *answer, size_t fixed, uint16_t attribute,
                                  size_t *size) {
  size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(fixed), end = answer->nlmsg_len;
  const uint8_t *bytes = (const uint8_t *)answer;
  struct rtattr head;
  while (at + sizeof head <= end) {
    memcpy(&head, bytes + at, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > end - at) return NULL;
    if (head.rta_type == attribute) {
      *size = head.rta_len - RTA_LENGTH(0);
      return bytes + at + RTA_LENGTH(0);
    }
    at += RTA_ALIGN(head.rta_len);
  }
  return NULL;
}

const void *csn_netlink_find(const struct nlmsghdr *answer, size_t fixed, uint16_t attribute,
                             size_t size) {
  size_t found;
  const void *bytes = csn_netlink_attribute(answer, fixed, attribute, &found);
  return bytes != NULL && found == size ? bytes : NULL;
}
