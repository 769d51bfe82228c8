/* SPDX-License-Identifier: Apache-2.0 */
/* Hijacked streams against a tiny server: how one is opened or refused, that no byte is lost, and
 * that nothing blocks. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "transport/stream.h"
#include "transport_client.h"
#include "transport_server.h"
#include "util/alloc.h"

static const char *answer; /* of the servers below */
static size_t piece;       /* how much of it is sent at once */
static int inherited;      /* descriptors, from the start */

static void send_in_pieces(int fd) {
  for (size_t at = 0, n = strlen(answer); at < n; at += piece) {
    server_send(fd, answer + at, piece < n - at ? piece : n - at);
    if (piece < 1000) usleep(200);
  }
}

/* Answers, then gives back what it gets until it gets nothing more. */
static void serve_echo(struct server *server, int fd, int number) {
  char text[65536];
  ssize_t n;
  (void)number;
  if (!server_read(server, fd, text, sizeof text)) return;
  send_in_pieces(fd);
  while ((n = recv(fd, text, sizeof text, 0)) > 0) server_send(fd, text, (size_t)n);
}

static void serve_and_close(struct server *server, int fd, int number) {
  char text[65536];
  (void)number;
  if (server_read(server, fd, text, sizeof text)) send_in_pieces(fd);
}

static int open_stream(struct csn_transport *t, const struct csn_control *control,
                       struct csn_stream **stream, struct csn_http_response *refusal,
                       struct csn_error *err) {
  struct csn_http_request request = {.method = "POST",
                                     .path = "/exec/1/start",
                                     .body = "{\"Tty\":false}",
                                     .body_size = 13,
                                     .content_type = "application/json"};
  memset(err, 0, sizeof *err);
  return csn_stream_open(t, &request, control, stream, refusal, err);
}

/* Reads n bytes, waiting for them up to 5 s. */
static size_t read_n(struct csn_stream *stream, char *out, size_t n) {
  size_t have = 0;
  struct csn_error err = {0};
  while (have < n) {
    struct pollfd p = {.fd = csn_stream_fd(stream), .events = POLLIN};
    if (!csn_stream_pending(stream) && poll(&p, 1, 5000) <= 0) break;
    ssize_t got = csn_stream_read(stream, out + have, n - have, &err);
    if (got == CSN_STREAM_AGAIN) continue;
    if (got <= 0) break;
    have += (size_t)got;
  }
  return have;
}

static void test_hijack(const char *text, size_t at_once, const char *first, const char *what,
                        int tcp) {
  struct server server;
  char host[160];
  struct csn_stream *stream;
  struct csn_http_response refusal;
  struct csn_error err;
  char bytes[4096];
  answer = text;
  piece = at_once;
  if (tcp)
    server_start_tcp(&server, serve_echo);
  else
    server_start(&server, serve_echo);
  snprintf(host, sizeof host, "\r\nHost: %.100s\r\n", tcp ? server.endpoint + 6 : "docker");
  struct csn_transport *t = transport_to(&server);
  is_int(open_stream(t, &no_control, &stream, &refusal, &err), 0, "%s: %s", what, err.message);
  csn_http_response_free(&refusal);
  if (!ok(stream != NULL, "there is a stream")) exit(done_testing());
  csn_transport_free(t);
  ok(strstr(server.last, "POST /exec/1/start HTTP/1.1\r\n") == server.last &&
         strstr(server.last, host) &&
         strstr(server.last, "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n") &&
         strstr(server.last, "\r\nContent-Length: 13\r\n") &&
         strstr(server.last, "\r\n\r\n{\"Tty\":false}"),
     "it was asked for as engines want it");
  ok(fcntl(csn_stream_fd(stream), F_GETFD) & FD_CLOEXEC, "its descriptor is not inherited");
  is_int(count_inherited(), inherited, "nor is any other");
  size_t n = strlen(first);
  is_int(read_n(stream, bytes, n), (long long)n, "what came with the head");
  is_mem(bytes, first, n, "belongs to the stream");
  is_int(csn_stream_read(stream, bytes, sizeof bytes, &err), CSN_STREAM_AGAIN, "then nothing yet");
  is_int(csn_stream_write(stream, "ping", 4, &err), 4, "what is written");
  is_int(read_n(stream, bytes, 4), 4, "comes back");
  is_mem(bytes, "ping", 4, "as it was, though the transport is gone");
  is_int(csn_stream_write(stream, "", 0, &err), 0, "nothing can be written too");
  csn_stream_free(stream);
  ok(EVENTUALLY(server_open(&server) == 0), "and is closed with the stream");
  server_stop(&server);
}

#define SWITCH "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define RAW "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
#define MULTIPLEXED \
  "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\n"

static void test_hijacks(void) {
  test_hijack(SWITCH, 10000, "", "101", 0);
  test_hijack(SWITCH "\1\2\3first", 10000, "\1\2\3first", "101 with bytes behind it", 0);
  test_hijack(SWITCH "first", 1, "first", "101 byte by byte", 0);
  test_hijack(RAW "first", 10000, "first", "200 with a raw stream", 0);
  test_hijack(MULTIPLEXED "first", 7, "first", "200 with a multiplexed stream", 0);
  test_hijack("HTTP/1.1 100 Continue\r\n\r\n" SWITCH "x", 10000, "x", "an interim answer first", 0);
  test_hijack(SWITCH "first", 10000, "first", "over tcp", 1);
}

static void test_refusals(void) {
  static const struct {
    const char *text, *body, *what;
    int status;
  } cases[] = {
      {"HTTP/1.1 409 Conflict\r\nContent-Length: 7\r\n\r\nstopped", "stopped", "by length", 409},
      {"HTTP/1.1 404 N\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno \r\n4\r\nsuch\r\n0\r\n\r\n",
       "no such", "in chunks", 404},
      {"HTTP/1.1 500 E\r\n\r\nuntil the end", "until the end", "to the end", 500},
      {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "{}",
       "a success without a stream", 200},
      {"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
       "Content-Length: 2\r\n\r\nOK",
       "OK", "a stream that has a length", 200},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", "no content", 204},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (piece = 1; piece <= 1000; piece *= 1000) {
      struct server server;
      struct csn_stream *stream;
      struct csn_http_response refusal;
      struct csn_error err;
      answer = cases[i].text;
      server_start(&server, serve_and_close);
      struct csn_transport *t = transport_to(&server);
      is_int(open_stream(t, &no_control, &stream, &refusal, &err), 0, "%s, %zu at a time: %s",
             cases[i].what, piece, err.message);
      ok(!stream, "there is no stream");
      is_int(refusal.status, cases[i].status, "but a status");
      is_str(csn_buffer_text(&refusal.body), cases[i].body, "and a body");
      csn_http_response_free(&refusal);
      csn_transport_free(t);
      server_stop(&server);
    }
  }
}

static void test_failures(void) {
  static const struct {
    const char *text, *reason, *what;
  } cases[] = {
      {"", CAISSON_REASON_ENGINE_UNREACHABLE, "no answer"},
      {"HTTP/1.1 101 UP", CAISSON_REASON_ENGINE_UNREACHABLE, "half a head"},
      {"SSH-2.0-OpenSSH\r\n", CAISSON_REASON_ENGINE_PROTOCOL, "another protocol"},
      {"HTTP/1.1 500 E\r\nContent-Length: 9\r\n\r\nhalf", CAISSON_REASON_ENGINE_PROTOCOL,
       "half a refusal"},
      {"HTTP/1.1 500 E\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\nx",
       CAISSON_REASON_ENGINE_PROTOCOL, "a refusal of two lengths"},
  };
  piece = 1000;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct server server;
    struct csn_stream *stream;
    struct csn_http_response refusal;
    struct csn_error err;
    answer = cases[i].text;
    server_start(&server, serve_and_close);
    struct csn_transport *t = transport_to(&server);
    is_int(open_stream(t, &no_control, &stream, &refusal, &err), CAISSON_E_ENGINE, "%s fails: %s",
           cases[i].what, err.message);
    is_str(err.reason, cases[i].reason, "its reason");
    ok(!stream, "there is no stream");
    csn_http_response_free(&refusal);
    csn_transport_free(t);
    server_stop(&server);
  }
}

/* More than is taken, and then it neither goes on nor ends. */
static void serve_long(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  if (!server_read(server, fd, text, sizeof text)) return;
  server_say(fd, "HTTP/1.1 500 E\r\n\r\n");
  memset(text, 'x', sizeof text);
  for (int i = 0; i < 20; i++) server_send(fd, text, sizeof text);
  server_stall(fd);
}

static void test_long_refusal(void) {
  struct server server;
  struct csn_stream *stream;
  struct csn_http_response refusal;
  struct csn_error err;
  struct csn_control control = csn_control_within(&no_control, 5 * CSN_SECOND);
  server_start(&server, serve_long);
  struct csn_transport *t = transport_to(&server);
  is_int(open_stream(t, &control, &stream, &refusal, &err), 0, "a refusal of any length");
  is_int(refusal.body.size, 65536, "is taken up to 64 KiB");
  csn_http_response_free(&refusal);
  csn_transport_free(t);
  server_stop(&server);
}

static void serve_stall(struct server *server, int fd, int number) {
  char text[4096];
  (void)number;
  server_read(server, fd, text, sizeof text);
  server_stall(fd);
}

static void test_stop(void) {
  struct server server;
  struct csn_stream *stream;
  struct csn_http_response refusal;
  struct csn_error err;
  int wake[2];
  server_start(&server, serve_stall);
  struct csn_transport *t = transport_to(&server);
  struct csn_control control = csn_control_within(&no_control, 40 * CSN_MS);
  is_int(open_stream(t, &control, &stream, &refusal, &err), CAISSON_E_DEADLINE,
         "no head within the deadline");
  csn_http_response_free(&refusal);
  if (pipe2(wake, O_CLOEXEC) != 0 || write(wake[1], "x", 1) != 1) BAIL_OUT("pipe");
  control = (struct csn_control){CSN_NEVER, wake[0], NULL, NULL};
  is_int(open_stream(t, &control, &stream, &refusal, &err), CAISSON_E_CANCELLED, "cancelled");
  csn_http_response_free(&refusal);
  close(wake[0]);
  close(wake[1]);
  ok(EVENTUALLY(server_open(&server) == 0), "and nothing stays open");
  csn_transport_free(t);
  server_stop(&server);
}

static void serve_deaf(struct server *server, int fd, int number) {
  char text[4096];
  struct pollfd p = {.fd = fd, .events = POLLRDHUP};
  (void)number;
  server_read(server, fd, text, sizeof text);
  server_say(fd, SWITCH);
  while (poll(&p, 1, 1000) == 0) {
  }
}

static void test_full(void) {
  static char block[1 << 20];
  struct server server;
  struct csn_stream *stream;
  struct csn_http_response refusal;
  struct csn_error err;
  ssize_t n = 0, total = 0;
  server_start(&server, serve_deaf);
  struct csn_transport *t = transport_to(&server);
  is_int(open_stream(t, &no_control, &stream, &refusal, &err), 0, "a stream that nobody reads");
  while (total < (64 << 20) && (n = csn_stream_write(stream, block, sizeof block, &err)) > 0)
    total += n;
  is_int(n, CSN_STREAM_AGAIN, "does not block when it is full");
  ok(total > 0, "after %zd bytes", total);
  csn_stream_free(stream);
  csn_http_response_free(&refusal);
  csn_transport_free(t);
  server_stop(&server);
}

/* The test would die of a SIGPIPE. */
static void test_other_end_gone(void) {
  struct server server;
  struct csn_stream *stream;
  struct csn_http_response refusal;
  struct csn_error err;
  char bytes[100];
  answer = SWITCH "last";
  piece = 1000;
  server_start(&server, serve_and_close);
  struct csn_transport *t = transport_to(&server);
  is_int(open_stream(t, &no_control, &stream, &refusal, &err), 0, "a stream that ends at once");
  ok(EVENTUALLY(server_open(&server) == 0), "has ended");
  is_int(read_n(stream, bytes, 4), 4, "its last bytes come");
  is_int(csn_stream_read(stream, bytes, sizeof bytes, &err), 0, "then its end");
  is_int(csn_stream_read(stream, bytes, sizeof bytes, &err), 0, "again and again");
  is_int(csn_stream_write(stream, "x", 1, &err), CAISSON_E_LOST, "writing to it fails: %s",
         err.message);
  is_str(err.reason, CAISSON_REASON_ENGINE_UNREACHABLE, "its reason");
  csn_stream_free(stream);
  csn_http_response_free(&refusal);
  csn_transport_free(t);
  server_stop(&server);
}

static void test_no_memory(void) {
  struct server server;
  int rc = CAISSON_E_NOMEM;
  long n = 0;
  answer = SWITCH "first";
  piece = 1000;
  server_start(&server, serve_echo);
  struct csn_transport *t = transport_to(&server);
  for (; rc && n < 100; n++) {
    struct csn_stream *stream;
    struct csn_http_response refusal;
    struct csn_error err;
    csn_alloc_fail_after(n + 1);
    rc = open_stream(t, &no_control, &stream, &refusal, &err);
    csn_alloc_fail_after(0);
    if (rc) is_int(rc, CAISSON_E_NOMEM, "allocation %ld fails", n + 1);
    csn_stream_free(stream);
    csn_http_response_free(&refusal);
  }
  ok(n > 4 && n < 100, "without a failure it works");
  csn_transport_free(t);
  server_stop(&server);
}

static void test_nobody(void) {
  struct csn_transport *t;
  struct csn_stream *stream;
  struct csn_http_response refusal;
  struct csn_error err;
  if (csn_transport_new("unix:///nonexistent/docker.sock", NULL, &t, NULL)) BAIL_OUT("transport");
  is_int(open_stream(t, &no_control, &stream, &refusal, &err), CAISSON_E_ENGINE, "nobody there");
  is_int(err.sys_errno, ENOENT, "its errno");
  csn_http_response_free(&refusal);
  csn_transport_free(t);
}

int main(void) {
  inherited = count_inherited();
  /* libcurl's own start opens what it keeps. */
  test_nobody();
  int fds = count_fds();
  test_hijacks();
  test_refusals();
  test_failures();
  test_long_refusal();
  test_stop();
  test_full();
  test_other_end_gone();
  test_no_memory();
  is_int(count_fds(), fds, "no descriptor is left");
  return done_testing();
}
