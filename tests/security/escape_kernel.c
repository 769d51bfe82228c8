/* SPDX-License-Identifier: Apache-2.0 */
/* Out of a sandbox by the kernel: system calls and sockets, under both seccomp profiles. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attack.h"

/* A port of this machine on which somebody listens; the sandbox is to find nobody. */
static int listen_here(char *port, size_t size) {
  struct sockaddr_in any = {.sin_family = AF_INET};
  socklen_t length = sizeof any;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 1) ||
      getsockname(fd, (struct sockaddr *)&any, &length))
    BAIL_OUT("no port to listen on");
  snprintf(port, size, "%u", ntohs(any.sin_port));
  return fd;
}

/* Both profiles refuse the same; the strict one refuses more. */
static void test_profile(const char *profile, const char *difference, const char *port) {
  char settings[64];
  snprintf(settings, sizeof settings, "{\"sandbox\":{\"seccomp\":\"%s\"}}", profile);
  struct box *box = box_open_as(profile, settings);
  struct neighbour *neighbour = neighbour_new(box);
  attack(box, "a", "kernel", "");
  attack(box, "a", "sockets", port);
  attack(box, "a", "strict", difference);
  unsigned uid = attack_uid(box, "a");
  CALL gone = operation(box, "session.remove", "a", NULL);
  call_ok(gone, call_is_true(gone, "removed"), "%s: the sandbox is removed", profile);
  attack_leaves_nothing(profile, uid);
  neighbour_is_well(neighbour, profile);
  neighbour_free(neighbour);
  box_close(box);
}

int main(void) {
  char port[16];
  int fd = listen_here(port, sizeof port);
  test_profile("default", "default", port);
  test_profile("strict", "", port);
  close(fd);
  return done_testing();
}
