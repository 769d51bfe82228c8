/* SPDX-License-Identifier: Apache-2.0 */
/* Older versions of libcurl make these sockets inheritable and do not say which they are. But they
 * can be made to show themselves: a byte is on its way between them from curl_multi_wakeup() until
 * curl_multi_poll(), which nobody else's sockets follow. */
#include "transport/wakeup.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 2
#define ABOVE 1024 /* others open and close lower ones meanwhile */

static int has_option(int fd, int option, int want) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == want;
}

static int may_be(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags >= 0 && !(flags & FD_CLOEXEC) && has_option(fd, SO_DOMAIN, AF_UNIX) &&
         has_option(fd, SO_TYPE, SOCK_STREAM) && (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* To this end or from it. */
static int is_on_its_way(int fd) {
  int in = 0, out = 0;
  return ioctl(fd, FIONREAD, &in) == 0 && ioctl(fd, SIOCOUTQ, &out) == 0 && (in == 1 || out > 0);
}

static int follows(CURLM *multi, int fd) {
  int same = 1;
  for (int i = 0; same && i < ROUNDS; i++) {
    same = !is_on_its_way(fd) && curl_multi_wakeup(multi) == CURLM_OK && is_on_its_way(fd);
    if (curl_multi_poll(multi, NULL, 0, 0, NULL) != CURLM_OK || is_on_its_way(fd)) same = 0;
  }
  return same;
}

static void search(CURLM *multi, int next) {
  for (int fd = next + ABOVE, found = 0; fd >= 0 && found < 2; fd--) {
    if (!may_be(fd) || !follows(multi, fd)) continue;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    found++;
  }
}

void csn_wakeup_close_on_exec(CURLM *multi) {
  /* One at a time: two threads that search in step would take each other's for their own. */
  static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
  int next = eventfd(0, EFD_CLOEXEC);
  if (next < 0) return;
  close(next);
  pthread_mutex_lock(&one);
  search(multi, next);
  pthread_mutex_unlock(&one);
}
