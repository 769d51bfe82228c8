/* SPDX-License-Identifier: Apache-2.0 */
/* forge: writes frames to whatever it has, then ends with 7. forge hub: speaks to process 1 as the
 * helper does, and is not to be heard. */
#include "attempt.h"

#include "forged.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest/hub_message.h"

static void write_frames(void) {
  static unsigned char bytes[FORGED_SIZE];
  char path[32];
  forge_frames(bytes);
  for (int fd = 0; fd < 64; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = fd > 2 ? open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : fd;
    if (again < 0) continue;
    for (size_t done = 0; done < sizeof bytes;) {
      ssize_t n = write(again, bytes + done, sizeof bytes - done);
      if (n <= 0) break;
      done += (size_t)n;
    }
  }
}

static int connect_to_hub(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, CSN_HUB_NAME, sizeof CSN_HUB_NAME - 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof CSN_HUB_NAME);
  return connect(fd, (struct sockaddr *)&address, size) == 0 ? fd : -1;
}

/* A request of each kind there is, and of some that there are not. */
static void speak_to_hub(void) {
  for (unsigned kind = 0; kind < 24; kind++) {
    struct csn_hub_request request = {.version = CSN_HUB_VERSION, .kind = (uint8_t)kind, .pid = 1};
    char answer[1024];
    int fd = connect_to_hub();
    if (fd >= 0) (void)!send(fd, &request, sizeof request, MSG_NOSIGNAL);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool is_over = fd < 0 || poll(&wait, 1, 10000) == 1;
    ssize_t n = fd < 0 || !is_over ? -1 : recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    contained(is_over && n <= 0, "ask process 1, kind %u: %s", kind,
              n > 0     ? "it answers"
              : is_over ? "it hangs up"
                        : "it says nothing");
    close(fd);
  }
  printf("done\n");
}

/* One of the same name, to which a serve would connect if it could be had first. */
static void take_the_name(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path + 1, CSN_HUB_NAME, sizeof CSN_HUB_NAME - 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof CSN_HUB_NAME);
  int rc = bind(fd, (struct sockaddr *)&address, size);
  contained(rc < 0 && errno == EADDRINUSE, "take the name of process 1: %s", strerror(errno));
  close(fd);
}

int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) {
    take_the_name();
    speak_to_hub();
    return 0;
  }
  write_frames();
  return 7;
}
