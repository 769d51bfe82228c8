/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny server on a unix socket or tcp, one thread for each connection, whose answers are whatever
 * bytes a test says. It knows nothing of what is being tested. */
#ifndef TRANSPORT_SERVER_H
#define TRANSPORT_SERVER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"
#include "util/clock.h"

#define SERVER_CONNECTIONS 256

struct server {
  int fd;
  char path[96];
  char endpoint[128];
  pthread_t acceptor;
  /* Serves one connection until it returns. number counts from 0. */
  void (*serve)(struct server *server, int fd, int number);
  pthread_mutex_t lock;
  pthread_t threads[SERVER_CONNECTIONS];
  int fds[SERVER_CONNECTIONS]; /* -1 once closed */
  int connections;
  atomic_int requests;
  char last[65536]; /* the last request, as text */
};

struct server_job {
  struct server *server;
  int fd;
  int number;
};

TAP_UNUSED static void *server_connection(void *arg) {
  struct server_job job = *(struct server_job *)arg;
  free(arg);
  job.server->serve(job.server, job.fd, job.number);
  pthread_mutex_lock(&job.server->lock);
  close(job.fd);
  job.server->fds[job.number] = -1;
  pthread_mutex_unlock(&job.server->lock);
  return NULL;
}

TAP_UNUSED static void *server_accept(void *arg) {
  struct server *server = arg;
  for (;;) {
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return NULL;
    struct server_job *job = malloc(sizeof *job);
    pthread_mutex_lock(&server->lock);
    int number = server->connections++;
    if (!job || number >= SERVER_CONNECTIONS) BAIL_OUT("too many connections");
    *job = (struct server_job){server, fd, number};
    server->fds[number] = fd;
    if (pthread_create(&server->threads[number], NULL, server_connection, job) != 0)
      BAIL_OUT("no thread");
    pthread_mutex_unlock(&server->lock);
  }
}

TAP_UNUSED static void server_listen(struct server *server) {
  if (listen(server->fd, 64) != 0) BAIL_OUT("listen: %s", strerror(errno));
  if (server->serve && pthread_create(&server->acceptor, NULL, server_accept, server) != 0)
    BAIL_OUT("no thread");
}

/* On a port of 127.0.0.1 that was free. */
TAP_UNUSED static void server_start_tcp(struct server *server,
                                        void (*serve)(struct server *server, int fd, int number)) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  memset(server, 0, sizeof *server);
  server->serve = serve;
  pthread_mutex_init(&server->lock, NULL);
  server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(server->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      getsockname(server->fd, (struct sockaddr *)&address, &size) != 0)
    BAIL_OUT("127.0.0.1: %s", strerror(errno));
  snprintf(server->endpoint, sizeof server->endpoint, "tcp://127.0.0.1:%d",
           ntohs(address.sin_port));
  server_listen(server);
}

/* serve NULL: it listens, and nobody accepts. */
TAP_UNUSED static void server_start_at(struct server *server,
                                       void (*serve)(struct server *server, int fd, int number),
                                       const char *path) {
  memset(server, 0, sizeof *server);
  server->serve = serve;
  pthread_mutex_init(&server->lock, NULL);
  snprintf(server->path, sizeof server->path, "%s", path);
  snprintf(server->endpoint, sizeof server->endpoint, "unix://%s", path);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  unlink(server->path);
  server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(server->fd, (struct sockaddr *)&address, sizeof address) != 0)
    BAIL_OUT("%s: %s", server->path, strerror(errno));
  server_listen(server);
}

TAP_UNUSED static void server_start(struct server *server,
                                    void (*serve)(struct server *server, int fd, int number)) {
  static atomic_int serial;
  char path[96];
  snprintf(path, sizeof path, "/tmp/caisson-test-%d-%d.sock", (int)getpid(),
           atomic_fetch_add(&serial, 1));
  server_start_at(server, serve, path);
}

/* Closes what is open and joins every thread. */
TAP_UNUSED static void server_stop(struct server *server) {
  shutdown(server->fd, SHUT_RDWR);
  if (server->serve) pthread_join(server->acceptor, NULL);
  close(server->fd);
  if (server->path[0]) unlink(server->path);
  pthread_mutex_lock(&server->lock);
  for (int i = 0; i < server->connections; i++)
    if (server->fds[i] >= 0) shutdown(server->fds[i], SHUT_RDWR);
  pthread_mutex_unlock(&server->lock);
  for (int i = 0; i < server->connections; i++) pthread_join(server->threads[i], NULL);
  pthread_mutex_destroy(&server->lock);
}

TAP_UNUSED static int server_connections(struct server *server) {
  pthread_mutex_lock(&server->lock);
  int n = server->connections;
  pthread_mutex_unlock(&server->lock);
  return n;
}

TAP_UNUSED static int server_open(struct server *server) {
  int n = 0;
  pthread_mutex_lock(&server->lock);
  for (int i = 0; i < server->connections; i++) n += server->fds[i] >= 0;
  pthread_mutex_unlock(&server->lock);
  return n;
}

/* Reads one request with its body into text: its length, or 0 at the end of the connection. */
TAP_UNUSED static size_t server_read(struct server *server, int fd, char *text, size_t room) {
  size_t have = 0, want = 0;
  while (want == 0 || have < want) {
    ssize_t n = have + 1 < room ? recv(fd, text + have, room - 1 - have, 0) : 0;
    if (n <= 0) return 0;
    have += (size_t)n;
    text[have] = '\0';
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");
    if (end && want == 0)
      want = (size_t)(end - text) + 4 +
             (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
  }
  pthread_mutex_lock(&server->lock);
  snprintf(server->last, sizeof server->last, "%.65535s", text);
  pthread_mutex_unlock(&server->lock);
  atomic_fetch_add(&server->requests, 1);
  return have;
}

TAP_UNUSED static void server_send(int fd, const char *bytes, size_t n) {
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes += sent;
    n -= (size_t)sent;
  }
}

TAP_UNUSED static void server_say(int fd, const char *text) {
  server_send(fd, text, strlen(text));
}

/* Until the other side closes. */
TAP_UNUSED static void server_stall(int fd) {
  char byte[4096];
  while (recv(fd, byte, sizeof byte, 0) > 0) {
  }
}

TAP_UNUSED static int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (dir && readdir(dir)) n++;
  if (dir) closedir(dir);
  return n;
}

/* Those that a program which is executed would get. */
TAP_UNUSED static int count_inherited(void) {
  int n = 0;
  for (int fd = 0; fd < 1024; fd++) {
    int flags = fcntl(fd, F_GETFD);
    n += flags >= 0 && !(flags & FD_CLOEXEC);
  }
  return n;
}

TAP_UNUSED static double ms_since(int64_t begin) {
  return (double)(csn_clock_now() - begin) / 1e6;
}

/* Waits up to 5 s for what another thread is about to do. */
#define EVENTUALLY(condition)                                            \
  __extension__({                                                        \
    int64_t eventually_end = csn_clock_after(5 * CSN_SECOND);            \
    while (!(condition) && csn_clock_now() < eventually_end) usleep(500); \
    (condition);                                                         \
  })

#endif
