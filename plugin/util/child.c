/* SPDX-License-Identifier: Apache-2.0 */
/* See child.h. */
#include "util/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/spawn.h"

#define PIECE 4096

/* A socket and no pipe: it raises no SIGPIPE when nobody reads what we say. */
struct child {
  pid_t pid;
  int pidfd; /* -1 on a kernel without them: then it is told by the end of its stdin alone */
  int socket;
};

static int start(const char *const *argv, struct child *child, struct csn_error *err) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return csn_fail_errno(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, errno,
                          "no socket for %s", argv[0]);
  int failed = csn_spawn(argv, ends[1], -1, &child->pid);
  close(ends[1]);
  if (failed) {
    close(ends[0]);
    return csn_fail_errno(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, failed,
                          "%s cannot be started", argv[0]);
  }
  child->socket = ends[0];
  child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
  return 0;
}

static int say(const struct child *child, const char *input, struct csn_error *err) {
  size_t n = strlen(input);
  /* What is asked fits into a socket's buffer; a program that does not want it has its reasons. */
  if (send(child->socket, input, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EPIPE)
    return csn_fail_errno(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, errno,
                          "a program of this machine takes no question");
  shutdown(child->socket, SHUT_WR);
  return 0;
}

static int listen_to(const struct child *child, const struct csn_control *control,
                     struct csn_buffer *output, struct csn_error *err) {
  for (;;) {
    char piece[PIECE];
    struct pollfd ready = {.fd = child->socket, .events = POLLIN};
    int rc = csn_control_poll(control, &ready, 1, CSN_NEVER, err);
    if (rc < 0) return rc;
    ssize_t n = recv(child->socket, piece, sizeof piece, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return 0;
    if (n < 0) continue;
    rc = csn_buffer_add(output, piece, (size_t)n);
    explicit_bzero(piece, sizeof piece);
    if (rc == CAISSON_E_LIMIT)
      return csn_fail(err, rc, CAISSON_REASON_INTERNAL, "a program of this machine says too much");
    if (rc) return csn_fail_nomem(err);
  }
}

/* One that has closed its stdout and lives on has said all it had to say. */
static int end(struct child *child) {
  int status = 0;
  pid_t got;
  struct pollfd over = {.fd = child->pidfd, .events = POLLIN};
  close(child->socket);
  if (child->pidfd >= 0) {
    (void)poll(&over, 1, 1000);
    (void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
    close(child->pidfd);
  }
  /* Without a pidfd it may be another's child by now, or one that goes on: not waited for. */
  int how = child->pidfd >= 0 ? 0 : WNOHANG;
  while ((got = waitpid(child->pid, &status, how)) < 0 && errno == EINTR) continue;
  if (got != child->pid) return CSN_CHILD_STATUS_UNKNOWN;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void stop(const struct child *child) {
  if (child->pidfd >= 0) (void)syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}

int csn_child_ask(const char *const *argv, const char *input, const struct csn_control *control,
                  struct csn_buffer *output, int *status, struct csn_error *err) {
  struct child child = {.socket = -1, .pidfd = -1};
  int rc = start(argv, &child, err);
  if (rc) return rc;
  rc = say(&child, input, err);
  if (rc == 0) rc = listen_to(&child, control, output, err);
  if (rc) stop(&child);
  *status = end(&child);
  return rc;
}
