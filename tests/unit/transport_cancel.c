/* SPDX-License-Identifier: Apache-2.0 */
/* A cancel and a deadline end a request in time, whatever it is waiting for: a place in the
 * backlog, a server that does not read, or one that does not answer. */
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "transport/http.h"
#include "transport_client.h"
#include "transport_server.h"

struct canceller {
  int wake_fd;
  atomic_int cancelled;
  atomic_llong at; /* when it was */
  pthread_t thread;
};

static int is_cancelled(void *ctx) {
  return atomic_load(&((struct canceller *)ctx)->cancelled);
}

static void *cancel_soon(void *ctx) {
  struct canceller *c = ctx;
  uint64_t one = 1;
  usleep(60000);
  atomic_store(&c->at, csn_clock_now());
  if (c->wake_fd < 0)
    atomic_store(&c->cancelled, 1);
  else if (write(c->wake_fd, &one, sizeof one) < 0)
    BAIL_OUT("eventfd");
  return NULL;
}

/* How long a request lasts after its cancel, in ms. */
static double cancel_latency(struct csn_transport *t, const struct csn_http_request *request,
                             int by_fd) {
  struct canceller c = {.wake_fd = by_fd ? eventfd(0, EFD_CLOEXEC) : -1};
  struct csn_control control = {.deadline = CSN_NEVER, .wake_fd = c.wake_fd};
  struct csn_http_response r;
  struct csn_error err = {0};
  if (!by_fd) {
    control.cancelled = is_cancelled;
    control.ctx = &c;
  }
  if (pthread_create(&c.thread, NULL, cancel_soon, &c) != 0) BAIL_OUT("no thread");
  int rc = csn_http_do(t, request, &control, &r, &err);
  double ms = ms_since(atomic_load(&c.at));
  pthread_join(c.thread, NULL);
  is_int(rc, CAISSON_E_CANCELLED, "it ends as cancelled: %s", err.message);
  is_str(err.reason, CAISSON_REASON_CANCELLED, "with its reason");
  if (c.wake_fd >= 0) close(c.wake_fd);
  return ms;
}

/* The best of three, since other tests may run on this machine; the worst may not be a hang. */
static void check_cancel(struct csn_transport *t, const struct csn_http_request *request,
                         const char *when) {
  for (int by_fd = 0; by_fd < 2; by_fd++) {
    double best = 1e9, worst = 0;
    for (int i = 0; i < 3; i++) {
      double ms = cancel_latency(t, request, by_fd);
      best = ms < best ? ms : best;
      worst = ms > worst ? ms : worst;
    }
    ok(best < (by_fd ? 10 : 50) && worst < 1000, "%s, by the %s: %.1f to %.1f ms", when,
       by_fd ? "descriptor" : "hook", best, worst);
  }
}

static void serve_stall(struct server *server, int fd, int number) {
  (void)number;
  atomic_fetch_add(&server->requests, 1);
  server_stall(fd);
}

static void serve_half(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  server_read(server, fd, text, sizeof text);
  server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  server_stall(fd);
}

/* Takes nothing of what is sent, until the other side hangs up. */
static void serve_deaf(struct server *server, int fd, int number) {
  struct pollfd p = {.fd = fd, .events = POLLRDHUP};
  (void)server;
  (void)number;
  while (poll(&p, 1, 1000) == 0) {
  }
}

static void test_cancel(void) {
  static char large[8 << 20];
  static const struct {
    void (*serve)(struct server *server, int fd, int number);
    const char *when;
    struct csn_http_request request;
  } cases[] = {
      {serve_stall, "while there is no answer", {.method = "GET", .path = "/"}},
      {serve_half, "in the middle of the body", {.method = "GET", .path = "/"}},
      {serve_deaf,
       "while the request is sent",
       {.method = "PUT", .path = "/", .body = large, .body_size = sizeof large}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct server server;
    server_start(&server, cases[i].serve);
    struct csn_transport *t = transport_to(&server);
    check_cancel(t, &cases[i].request, cases[i].when);
    ok(EVENTUALLY(server_open(&server) == 0), "and its connection is closed");
    csn_transport_free(t);
    server_stop(&server);
  }
}

/* A listener that nobody accepts from, its backlog full. */
static void fill_backlog(struct server *server, int fds[3]) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, server->path, strlen(server->path));
  if (listen(server->fd, 0) != 0) BAIL_OUT("listen");
  for (int i = 0; i < 3; i++) {
    fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)connect(fds[i], (struct sockaddr *)&address, sizeof address);
  }
}

static void *accept_soon(void *arg) {
  struct server *server = arg;
  int fds[8], n = 0, found = 0;
  usleep(30000);
  /* The last of those that come is the request. */
  while (!found && n < 8) {
    char text[4096];
    fds[n] = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fds[n] < 0) BAIL_OUT("accept");
    usleep(30000);
    ssize_t got = recv(fds[n], text, sizeof text, 0);
    found = got > 0;
    if (found) server_say(fds[n], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
    n++;
  }
  while (n > 0) close(fds[--n]);
  return NULL;
}

static void test_full_backlog(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err;
  int fds[3];
  pthread_t thread;
  server_start(&server, NULL);
  fill_backlog(&server, fds);
  struct csn_transport *t = transport_to(&server);
  struct csn_http_request request = {.method = "GET", .path = "/"};
  check_cancel(t, &request, "while it connects");
  struct csn_control short_control = csn_control_within(&no_control, 50 * CSN_MS);
  is_int(csn_http_do(t, &request, &short_control, &r, &err), CAISSON_E_DEADLINE,
         "a full backlog is waited for until the deadline");
  if (pthread_create(&thread, NULL, accept_soon, &server) != 0) BAIL_OUT("no thread");
  is_int(get(t, &r, &err), 0, "and a place in it is used: %s", err.message);
  csn_http_response_free(&r);
  pthread_join(thread, NULL);
  csn_transport_free(t);
  for (int i = 0; i < 3; i++) close(fds[i]);
  server_stop(&server);
}

static void test_before_the_start(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  server_start(&server, serve_stall);
  struct csn_transport *t = transport_to(&server);
  struct csn_http_request request = {.method = "GET", .path = "/"};
  struct canceller c = {.wake_fd = -1, .cancelled = 1};
  struct csn_control cancelled = {CSN_NEVER, -1, is_cancelled, &c};
  is_int(csn_http_do(t, &request, &cancelled, &r, &err), CAISSON_E_CANCELLED, "cancelled before");
  struct csn_control late = {csn_clock_now() - 1, -1, NULL, NULL};
  is_int(csn_http_do(t, &request, &late, &r, &err), CAISSON_E_DEADLINE, "too late before");
  is_int(server_connections(&server), 0, "nothing was asked");
  csn_transport_free(t);
  server_stop(&server);
}

static void test_deadline(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  server_start(&server, serve_stall);
  struct csn_transport *t = transport_to(&server);
  struct csn_http_request request = {.method = "GET", .path = "/"};
  int64_t begin = csn_clock_now();
  struct csn_control control = csn_control_within(&no_control, 40 * CSN_MS);
  is_int(csn_http_do(t, &request, &control, &r, &err), CAISSON_E_DEADLINE, "a deadline passes");
  double ms = ms_since(begin);
  ok(ms >= 40 && ms < 1000, "in its time: %.1f ms", ms);
  csn_transport_free(t);
  server_stop(&server);
}

int main(void) {
  test_cancel();
  test_full_backlog();
  test_before_the_start();
  test_deadline();
  return done_testing();
}
