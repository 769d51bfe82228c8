/* SPDX-License-Identifier: Apache-2.0 */
/* Requests against a tiny server: what comes back, which connections are kept, and how each way of
 * going wrong ends. */
#include <stdio.h>

#include "transport/http.h"
#include "transport_client.h"
#include "transport_server.h"
#include "util/alloc.h"

static int inherited; /* descriptors, from the start */

/* ---- what works ------------------------------------------------------------------------------ */

static void serve_well(struct server *server, int fd, int number) {
  char text[65536];
  (void)number;
  while (server_read(server, fd, text, sizeof text))
    server_say(fd, strncmp(text, "HEAD", 4) == 0
                       ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n"
                       : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello");
}

static void test_kept_connection(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err;
  server_start(&server, serve_well);
  struct csn_transport *t = transport_to(&server);
  is_str(csn_transport_endpoint(t), server.endpoint, "an endpoint is kept as given");
  for (int i = 0; i < 100; i++) {
    int rc = get(t, &r, &err);
    if (rc || r.status != 200 || strcmp(csn_buffer_text(&r.body), "hello") != 0)
      ok(0, "request %d: %s", i, err.message);
    if (i == 0) is_str(csn_http_head_get(&r.head, "x-a"), "b", "a header of the answer");
    csn_http_response_free(&r);
  }
  is_int(server_connections(&server), 1, "100 requests on one connection");
  is_int(atomic_load(&server.requests), 100, "and each sent once");
  ok(strstr(server.last, "GET /x?y=1 HTTP/1.1\r\nHost: docker\r\n") == server.last,
     "as HTTP/1.1");
  struct csn_http_request head = {.method = "HEAD", .path = "/"};
  is_int(csn_http_do(t, &head, &no_control, &r, &err), 0, "HEAD");
  is_int(r.body.size, 0, "has no body");
  is_str(csn_http_head_get(&r.head, "X-A"), "b", "but a head");
  csn_http_response_free(&r);
  csn_transport_free(t);
  ok(EVENTUALLY(server_open(&server) == 0), "the connection ends with the transport");
  server_stop(&server);
}

static void test_tcp(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err;
  char host[160];
  server_start_tcp(&server, serve_well);
  struct csn_transport *t = transport_to(&server);
  for (int i = 0; i < 3; i++) {
    is_int(get(t, &r, &err), 0, "over tcp: %s", err.message);
    is_str(csn_buffer_text(&r.body), "hello", "the same answer");
    csn_http_response_free(&r);
  }
  is_int(server_connections(&server), 1, "on one connection");
  snprintf(host, sizeof host, "\r\nHost: %.100s\r\n", server.endpoint + strlen("tcp://"));
  ok(strstr(server.last, host), "that says whom it asks");
  csn_transport_free(t);
  server_stop(&server);
}

static void test_body(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  server_start(&server, serve_well);
  struct csn_transport *t = transport_to(&server);
  static const char *const methods[] = {"POST", "PUT", "DELETE"};
  for (int i = 0; i < 3; i++) {
    struct csn_http_request request = {.method = methods[i],
                                       .path = "/create",
                                       .body = "{\"a\":1}",
                                       .body_size = 7,
                                       .content_type = "application/json"};
    is_int(csn_http_do(t, &request, &no_control, &r, &err), 0, "%s", methods[i]);
    csn_http_response_free(&r);
    ok(strncmp(server.last, methods[i], strlen(methods[i])) == 0, "arrives as such");
    ok(strstr(server.last, "\r\nContent-Type: application/json\r\n") &&
           strstr(server.last, "\r\nContent-Length: 7\r\n") && !strstr(server.last, "Expect"),
       "with its headers");
    ok(strstr(server.last, "\r\n\r\n{\"a\":1}"), "and its body");
    is_int(server_connections(&server), i + 1, "on a connection of its own");
  }
  struct csn_http_request empty = {.method = "POST", .path = "/start"};
  is_int(csn_http_do(t, &empty, &no_control, &r, &err), 0, "POST without a body");
  csn_http_response_free(&r);
  ok(strstr(server.last, "\r\nContent-Length: 0\r\n") && !strstr(server.last, "Content-Type"),
     "says so");
  int before = server_connections(&server);
  is_int(get(t, &r, &err), 0, "GET");
  csn_http_response_free(&r);
  is_int(server_connections(&server), before, "goes over the connection that POST left");
  csn_transport_free(t);
  server_stop(&server);
}

/* ---- a body as it is made -------------------------------------------------------------------- */

#define MADE (3 * 100000)

struct made {
  size_t given;
  int fails;
};

static int64_t make_body(void *ctx, void *buffer, size_t room, struct csn_error *err) {
  struct made *made = ctx;
  size_t n = MADE - made->given < room ? MADE - made->given : room;
  if (made->fails && made->given)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, "the folder is gone");
  memset(buffer, 'x', n);
  made->given += n;
  return (int64_t)n;
}

static atomic_int received; /* x's, in all */

/* Until the chunk that ends a body. */
static void serve_chunks(struct server *server, int fd, int number) {
  char text[65536];
  (void)number;
  if (!server_read(server, fd, text, sizeof text)) return;
  const char *head_end = strstr(text, "\r\n\r\n");
  size_t n = strlen(head_end + 4);
  memmove(text, head_end + 4, n);
  for (;;) {
    for (size_t i = 0; i < n; i++) atomic_fetch_add(&received, text[i] == 'x');
    if (n >= 5 && memcmp(text + n - 5, "0\r\n\r\n", 5) == 0) break;
    ssize_t more = recv(fd, text, sizeof text, 0);
    if (more <= 0) return;
    n = (size_t)more;
  }
  server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void test_made_body(void) {
  static const char *const headers[] = {"X-Own: yes", NULL};
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  struct made made = {0, 0};
  server_start(&server, serve_chunks);
  struct csn_transport *t = transport_to(&server);
  struct csn_http_request request = {.method = "POST",
                                     .path = "/build",
                                     .content_type = "application/x-tar",
                                     .headers = headers,
                                     .give_body = make_body,
                                     .give_ctx = &made};
  is_int(csn_http_do(t, &request, &no_control, &r, &err), 0, "a body as it is made: %s", err.message);
  is_str(csn_buffer_text(&r.body), "ok", "its answer");
  csn_http_response_free(&r);
  is_int(atomic_load(&received), MADE, "all of it arrived");
  ok(strstr(server.last, "\r\nTransfer-Encoding: chunked\r\n") &&
         strstr(server.last, "\r\nX-Own: yes\r\n") && !strstr(server.last, "Content-Length"),
     "in chunks, with a header of our own");
  made = (struct made){0, 1};
  is_int(csn_http_do(t, &request, &no_control, &r, &err), CAISSON_E_CONFIG, "one that fails half-way");
  is_str(err.message, "the folder is gone", "says why");
  csn_transport_free(t);
  server_stop(&server);
}

static void serve_interim(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  while (server_read(server, fd, text, sizeof text))
    server_say(fd, "HTTP/1.1 100 Continue\r\nA: 1\r\n\r\nHTTP/1.1 201 Created\r\nB: 2\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nC: 3\r\n\r\n");
}

static void test_interim(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err;
  server_start(&server, serve_interim);
  struct csn_transport *t = transport_to(&server);
  for (int i = 0; i < 2; i++) {
    is_int(get(t, &r, &err), 0, "an interim answer before, chunks, and trailers");
    is_int(r.status, 201, "the final status");
    ok(!csn_http_head_get(&r.head, "A") && !csn_http_head_get(&r.head, "C"), "and no other head");
    is_str(csn_http_head_get(&r.head, "B"), "2", "than the final one");
    is_str(csn_buffer_text(&r.body), "abcde", "whose body is whole");
    csn_http_response_free(&r);
  }
  is_int(server_connections(&server), 1, "and the connection is kept");
  csn_transport_free(t);
  server_stop(&server);
}

/* ---- connections that die -------------------------------------------------------------------- */

/* Answers once, and hangs up when it is asked a second time: that cannot be foreseen. */
static void serve_once(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  if (!server_read(server, fd, text, sizeof text)) return;
  server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
  server_read(server, fd, text, sizeof text);
}

static void test_stale_connection(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err;
  server_start(&server, serve_once);
  struct csn_transport *t = transport_to(&server);
  for (int i = 0; i < 5; i++) {
    is_int(get(t, &r, &err), 0, "GET %d, though the kept connection dies: %s", i, err.message);
    csn_http_response_free(&r);
  }
  is_int(server_connections(&server), 5, "each on a fresh one in the end");
  int before = atomic_load(&server.requests);
  struct csn_http_request post = {.method = "POST", .path = "/create", .body = "x", .body_size = 1};
  is_int(csn_http_do(t, &post, &no_control, &r, &err), 0, "POST");
  csn_http_response_free(&r);
  is_int(atomic_load(&server.requests), before + 1, "is never sent twice");
  csn_transport_free(t);
  server_stop(&server);
}

static void serve_nothing(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  server_read(server, fd, text, sizeof text);
}

static void test_no_answer(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  server_start(&server, serve_nothing);
  struct csn_transport *t = transport_to(&server);
  struct csn_http_request post = {.method = "POST", .path = "/create", .body = "x", .body_size = 1};
  is_int(csn_http_do(t, &post, &no_control, &r, &err), CAISSON_E_ENGINE, "no answer to a POST");
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "its reason");
  ok(err.flags & CAISSON_ERROR_RETRYABLE, "it may work later");
  ok(strstr(err.message, server.endpoint), "says where: %s", err.message);
  is_int(atomic_load(&server.requests), 1, "and it was sent once");
  is_int(r.status, 0, "the response is empty");
  csn_transport_free(t);
  server_stop(&server);
}

static const char *answer; /* of serve_answer */
static size_t answer_size;

static void serve_answer(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  if (server_read(server, fd, text, sizeof text)) server_send(fd, answer, answer_size);
}

static void test_bad_answers(void) {
  static const struct {
    const char *text, *reason, *why;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
       CAISSON_REASON_ENGINE_UNREACHABLE, "an end in the middle of the body"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123",
       CAISSON_REASON_ENGINE_UNREACHABLE, "an end in the middle of a chunk"},
      {"HTTP/1.1 200 OK\r\nContent-Le", CAISSON_REASON_ENGINE_UNREACHABLE,
       "an end in the middle of the head"},
      {"220 smtp.example ESMTP\r\n", CAISSON_REASON_ENGINE_PROTOCOL, "another protocol"},
      {"HTTP/1.1 200 OK\r\nBad header\r\n\r\n", CAISSON_REASON_ENGINE_PROTOCOL,
       "a malformed header"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NULL, "a malformed chunk"},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", CAISSON_REASON_ENGINE_PROTOCOL,
       "a malformed length"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct server server;
    struct csn_http_response r;
    struct csn_error err;
    answer = cases[i].text;
    answer_size = strlen(answer);
    server_start(&server, serve_answer);
    struct csn_transport *t = transport_to(&server);
    is_int(get(t, &r, &err), CAISSON_E_ENGINE, "%s fails: %s", cases[i].why, err.message);
    if (cases[i].reason) is_str(err.reason, cases[i].reason, "its reason");
    is_int(r.status, 0, "the response is empty");
    csn_transport_free(t);
    server_stop(&server);
  }
}

static void test_large_answers(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  size_t body = 300000, n = body + 100;
  char *text = malloc(n);
  memset(text, 'x', n);
  int head = snprintf(text, 100, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
  text[head] = 'x';
  answer = text;
  answer_size = (size_t)head + body;
  server_start(&server, serve_answer);
  struct csn_transport *t = transport_to(&server);
  struct csn_http_request request = {.method = "GET", .path = "/", .max_body = body};
  is_int(csn_http_do(t, &request, &no_control, &r, &err), 0, "as long a body as it may be");
  is_int(r.body.size, body, "comes whole");
  csn_http_response_free(&r);
  request.max_body--;
  is_int(csn_http_do(t, &request, &no_control, &r, &err), CAISSON_E_ENGINE, "a longer one fails");
  is_str(err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "its reason");
  ok(strstr(err.message, "299999 bytes"), "says how long it may be: %s", err.message);
  memcpy(text + 9, "500", 3);
  is_int(csn_http_do(t, &request, &no_control, &r, &err), 0, "a refusal of any length is taken");
  is_int(r.body.size, 65536, "up to 64 KiB");
  csn_http_response_free(&r);
  csn_transport_free(t);
  server_stop(&server);
  free(text);
}

/* ---- streamed answers ------------------------------------------------------------------------ */

static void serve_drip(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  if (!server_read(server, fd, text, sizeof text)) return;
  server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 10; i++) {
    server_say(fd, "1\r\na\r\n");
    usleep(2000);
  }
  server_stall(fd);
}

struct taken {
  size_t n, stop_at;
  int with;
};

static int take(void *ctx, const void *bytes, size_t n, struct csn_error *err) {
  struct taken *taken = ctx;
  (void)bytes;
  taken->n += n;
  if (taken->n < taken->stop_at) return 0;
  if (taken->with < 0) return csn_fail(err, taken->with, "test.words", "the callback's own");
  return taken->with;
}

static void test_streamed(void) {
  struct server server;
  struct csn_http_response r;
  struct csn_error err = {0};
  server_start(&server, serve_drip);
  struct csn_transport *t = transport_to(&server);
  struct taken taken = {.stop_at = 5, .with = CSN_HTTP_ENOUGH};
  struct csn_http_request request = {
      .method = "GET", .path = "/events", .on_body = take, .ctx = &taken};
  is_int(csn_http_do(t, &request, &no_control, &r, &err), 0, "enough of a stream is a success");
  is_int(r.status, 200, "with its status");
  is_int(taken.n, 5, "and no more than enough");
  is_int(err.code, 0, "and no error");
  csn_http_response_free(&r);
  taken = (struct taken){.stop_at = 3, .with = CAISSON_E_LIMIT};
  is_int(csn_http_do(t, &request, &no_control, &r, &err), CAISSON_E_LIMIT, "a callback can fail");
  is_str(err.message, "the callback's own", "with its own words");
  taken = (struct taken){.stop_at = 1000};
  struct csn_control short_control = csn_control_within(&no_control, 100 * CSN_MS);
  is_int(csn_http_do(t, &request, &short_control, &r, &err), CAISSON_E_DEADLINE,
         "a stream that stalls ends with the deadline");
  is_int(taken.n, 10, "after all it had");
  csn_transport_free(t);
  server_stop(&server);
}

/* ---- many threads, and what is left ---------------------------------------------------------- */

static void *ask_many(void *arg) {
  struct csn_http_response r;
  struct csn_error err;
  long good = 0;
  for (int i = 0; i < 50; i++) {
    good += get(arg, &r, &err) == 0 && r.status == 200 && r.body.size == 5;
    csn_http_response_free(&r);
  }
  return (void *)good;
}

static void test_threads(void) {
  struct server server;
  pthread_t threads[16];
  long good = 0;
  server_start(&server, serve_well);
  struct csn_transport *t = transport_to(&server);
  for (int i = 0; i < 16; i++)
    if (pthread_create(&threads[i], NULL, ask_many, t) != 0) BAIL_OUT("no thread");
  for (int i = 0; i < 16; i++) {
    void *result;
    pthread_join(threads[i], &result);
    good += (long)result;
  }
  is_int(good, 800, "16 threads with 50 requests each");
  is_int(count_inherited(), inherited, "no descriptor of theirs is inherited");
  ok(EVENTUALLY(server_open(&server) <= 8), "at most 8 connections stay idle");
  ok(server_connections(&server) < 200, "and few were made: %d", server_connections(&server));
  csn_transport_free(t);
  server_stop(&server);
}

static void test_no_memory(void) {
  struct server server;
  struct csn_error err;
  struct csn_http_response r;
  int rc = CAISSON_E_NOMEM;
  long n = 0;
  server_start(&server, serve_well);
  struct csn_transport *t = transport_to(&server);
  for (; rc && n < 100; n++) {
    csn_alloc_fail_after(n + 1);
    rc = get(t, &r, &err);
    csn_alloc_fail_after(0);
    if (rc) is_int(rc, CAISSON_E_NOMEM, "allocation %ld fails", n + 1);
    csn_http_response_free(&r);
  }
  ok(n > 2 && n < 100, "without a failure it works");
  csn_transport_free(t);
  server_stop(&server);
}

static void test_unreachable(void) {
  struct csn_transport *t;
  struct csn_http_response r;
  struct csn_error err;
  static const char *const endpoints[] = {"unix:///nonexistent/docker.sock", "unix:///etc/passwd",
                                          "tcp://127.0.0.1:1"};
  for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
    if (csn_transport_new(endpoints[i], NULL, &t, &err)) BAIL_OUT("%s", err.message);
    is_int(get(t, &r, &err), CAISSON_E_ENGINE, "%s", endpoints[i]);
    is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "its reason");
    ok(err.sys_errno == ENOENT || err.sys_errno == ECONNREFUSED, "its errno: %d", err.sys_errno);
    ok(strstr(err.message, endpoints[i]) && strstr(err.message, "endpoint"), "%s", err.message);
    csn_transport_free(t);
  }
}

int main(void) {
  inherited = count_inherited();
  /* libcurl's own start opens what it keeps. */
  test_unreachable();
  int fds = count_fds();
  test_kept_connection();
  test_tcp();
  test_body();
  test_made_body();
  test_interim();
  test_stale_connection();
  test_no_answer();
  test_bad_answers();
  test_large_answers();
  test_streamed();
  test_threads();
  test_no_memory();
  is_int(count_fds(), fds, "no descriptor is left");
  return done_testing();
}
