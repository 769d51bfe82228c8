/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending with descriptors: see hub_message.h.
 */
#include "guest/hub_message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

bool csn_hub_put(int socket, const void *bytes, size_t size, int flags) {
  ssize_t sent;
  do
    sent = send(socket, bytes, size, flags | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)size;
}

static bool send_with(int socket, void *bytes, size_t size, const int *fds, size_t count,
                      int flags) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(CSN_HUB_FDS_MAX * sizeof(int))] = {0};
  struct iovec part = {bytes, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  *head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                           .cmsg_len = CMSG_LEN(count * sizeof(int))};
  memcpy(CMSG_DATA(head), fds, count * sizeof(int));
  ssize_t sent;
  do
    sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)size;
}

bool csn_hub_send(int socket, const struct csn_hub_request *request, const int *fds, size_t count,
                  int flags) {
  struct csn_hub_request copy = *request;
  return send_with(socket, &copy, sizeof copy, fds, count, flags);
}

bool csn_hub_send_answer(int socket, const struct csn_hub_answer *answer, int fd) {
  struct csn_hub_answer copy = *answer;
  return send_with(socket, &copy, sizeof copy, &fd, 1, MSG_DONTWAIT);
}

static int descriptor_of(struct msghdr *message) {
  int fd = -1;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
       part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
      memcpy(&fd, CMSG_DATA(part), sizeof fd);
  }
  return fd;
}

bool csn_hub_receive_answer(int socket, int wait_ms, struct csn_hub_answer *answer, int *fd) {
  struct pollfd readable = {.fd = socket, .events = POLLIN};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {answer, sizeof *answer};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
  memset(answer, 0, sizeof *answer);
  *fd = -1;
  ssize_t got;
  int ready;
  do
    ready = poll(&readable, 1, wait_ms);
  while (ready < 0 && errno == EINTR);
  if (ready <= 0) return false;
  do
    got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  *fd = descriptor_of(&message);
  return true;
}
