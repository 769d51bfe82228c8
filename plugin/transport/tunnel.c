/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/spawn.h"

/* For ssh to take leave of the other side before it is killed. */
#define LEAVE_MS 1000

/* ---- the child ------------------------------------------------------------------------------- */

static int open_pidfd(pid_t pid) {
  return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* 0 or an errno. */
static int start(const struct csn_ssh *ssh, int stream, int words, pid_t *pid) {
  const char *argv[CSN_SSH_ARGUMENTS_MAX];
  char url[CSN_SSH_URL_MAX];
  csn_ssh_arguments(ssh, url, argv);
  return csn_spawn(argv, stream, words, pid);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A host without stdin has 0 to give away, which the child's own would overwrite. */
static void move_up(int *fd) {
  if (*fd < 0 || *fd > 2) return;
  int higher = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
  close(*fd);
  *fd = higher;
}

static int unable(int code, struct csn_error *err) {
  if (code == ENOENT)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE,
                    "an ssh:// endpoint needs the ssh client, and there is no \"ssh\" in PATH; "
                    "install it (apt-get install openssh-client)");
  return csn_fail_errno(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE, code,
                        "ssh cannot be started");
}

static void close_listener(struct csn_tunnel *tunnel) {
  if (tunnel->listener < 0) return;
  unlink(tunnel->path);
  *strrchr(tunnel->path, '/') = '\0';
  rmdir(tunnel->path);
  csn_close_ptr(&tunnel->listener);
}

/* In a folder of its own, into which nobody else can look. */
static int name_listener(struct csn_tunnel *tunnel) {
  const char *folder = getenv("XDG_RUNTIME_DIR");
  if (!folder || access(folder, W_OK) < 0) folder = getenv("TMPDIR");
  if (!folder || !*folder) folder = "/tmp";
  const int n = snprintf(tunnel->path, sizeof tunnel->path, "%s/caisson-XXXXXX", folder);
  if (n < 0 || (size_t)n + sizeof "/s" > sizeof tunnel->path) return ENAMETOOLONG;
  if (!mkdtemp(tunnel->path)) return errno;
  memcpy(tunnel->path + n, "/s", sizeof "/s");
  return 0;
}

static int make_listener(struct csn_tunnel *tunnel, struct sockaddr_un *address) {
  const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  int code = name_listener(tunnel);
  if (code) return code;
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address->sun_path, tunnel->path, sizeof tunnel->path);
  tunnel->listener = socket(AF_UNIX, type, 0);
  if (tunnel->listener < 0) {
    code = errno;
    *strrchr(tunnel->path, '/') = '\0';
    rmdir(tunnel->path);
    return code;
  }
  if (bind(tunnel->listener, (const struct sockaddr *)address, sizeof *address) < 0 ||
      listen(tunnel->listener, 4) < 0)
    return errno;
  tunnel->fd = socket(AF_UNIX, type, 0);
  return tunnel->fd < 0 ? errno : 0;
}

int csn_tunnel_new(struct csn_tunnel **list, struct sockaddr_un *address, struct csn_error *err) {
  struct csn_tunnel *tunnel CSN_CLEANUP_FREE = csn_calloc(1, sizeof *tunnel);
  if (!tunnel) return csn_fail_nomem(err);
  tunnel->listener = tunnel->pidfd = tunnel->fd = tunnel->words_fd = -1;
  int code = make_listener(tunnel, address);
  if (code) {
    close_listener(tunnel);
    return csn_fail_errno(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE, code,
                          "an ssh:// endpoint needs a folder for a socket ($XDG_RUNTIME_DIR, "
                          "$TMPDIR, else /tmp)");
  }
  tunnel->next = *list;
  *list = CSN_STEAL(tunnel);
  return 0;
}

/* Another user cannot have got there, another process of this one's could. */
static int accept_own(int listener) {
  for (;;) {
    struct ucred peer = {0};
    socklen_t n = sizeof peer;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0) return -1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid == getpid()) return fd;
    close(fd);
  }
}

/* ssh never waits for us to read its stderr: what does not fit is dropped. */
static int start_at(struct csn_tunnel *tunnel, const struct csn_ssh *ssh, int *stream) {
  int words[2];
  if (pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0) return errno;
  tunnel->words_fd = words[0];
  move_up(stream);
  move_up(&words[1]);
  int code = *stream < 0 || words[1] < 0 ? EMFILE : start(ssh, *stream, words[1], &tunnel->pid);
  csn_close_ptr(&words[1]);
  if (code == 0) tunnel->pidfd = open_pidfd(tunnel->pid);
  return code;
}

int csn_tunnel_start(struct csn_tunnel *tunnel, const struct csn_ssh *ssh, struct csn_error *err) {
  if (tunnel->listener < 0) return 0;
  int stream CSN_CLEANUP_CLOSE = accept_own(tunnel->listener);
  if (stream < 0 && errno == EAGAIN) return 0;
  int probe CSN_CLEANUP_CLOSE = stream < 0 ? -1 : open_pidfd(getpid());
  if (stream >= 0 && probe < 0 && errno == ENOSYS)
    return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE,
                    "ssh:// endpoints need Linux 5.3 or later (pidfd_open)");
  int code = stream < 0 || probe < 0 ? errno : start_at(tunnel, ssh, &stream);
  close_listener(tunnel);
  return code ? unable(code, err) : 0;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void add_words(char *words, const char *bytes, size_t n) {
  size_t size = strlen(words);
  if (n > CSN_TUNNEL_WORDS / 2) {
    bytes += n - CSN_TUNNEL_WORDS / 2;
    n = CSN_TUNNEL_WORDS / 2;
  }
  if (size + n >= CSN_TUNNEL_WORDS) {
    size_t drop = size + n + 1 - CSN_TUNNEL_WORDS;
    memmove(words, words + drop, size - drop);
    size -= drop;
  }
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] == '\r' || (bytes[i] == '\n' && size == 0)) continue;
    words[size++] = bytes[i] == '\n' ? ' ' : bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '?';
  }
  words[size] = '\0';
}

void csn_tunnel_words(struct csn_tunnel *tunnel, char words[CSN_TUNNEL_WORDS]) {
  char piece[4096];
  ssize_t n;
  if (tunnel->words_fd < 0) return;
  while ((n = read(tunnel->words_fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
    if (n > 0) add_words(words, piece, (size_t)n);
  size_t size = strlen(words);
  while (size > 0 && words[size - 1] == ' ') words[--size] = '\0';
}

/* ---- closing --------------------------------------------------------------------------------- */

static void send_signal(int pidfd, int number) {
  syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* ECHILD: the host ignores SIGCHLD, or waits for any child. Both are its right. Without a pidfd
 * (there was none left, or no child any more) the end of its stdin is what ends ssh, in its time. */
static void end_child(const struct csn_tunnel *tunnel) {
  struct pollfd end = {.fd = tunnel->pidfd, .events = POLLIN};
  if (tunnel->pidfd >= 0) {
    send_signal(tunnel->pidfd, SIGTERM);
    if (poll(&end, 1, LEAVE_MS) <= 0) send_signal(tunnel->pidfd, SIGKILL);
  }
  while (waitpid(tunnel->pid, NULL, tunnel->pidfd < 0 ? WNOHANG : 0) < 0 && errno == EINTR)
    continue;
}

int csn_tunnel_close(struct csn_tunnel **list, int fd, char words[CSN_TUNNEL_WORDS]) {
  struct csn_tunnel **at = list;
  while (*at && (*at)->fd != fd) at = &(*at)->next;
  struct csn_tunnel *tunnel CSN_CLEANUP_FREE = *at;
  if (!tunnel) return 0;
  *at = tunnel->next;
  /* Before it is told to end, so that it is not asked for the words of that. */
  csn_tunnel_words(tunnel, words);
  close(tunnel->fd);
  if (tunnel->pid) end_child(tunnel);
  close_listener(tunnel);
  csn_close_ptr(&tunnel->pidfd);
  csn_close_ptr(&tunnel->words_fd);
  return 1;
}
