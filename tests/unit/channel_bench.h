/* SPDX-License-Identifier: Apache-2.0 */
/* A channel to a helper that is scripted by a test. The engine between the two is a small server
 * that answers an attach with 101 and then hands the connection to the script. */
#ifndef CHANNEL_BENCH_H
#define CHANNEL_BENCH_H

#include <poll.h>

#include "channel/channel.h"
#include "channel/keeper.h"
#include "engine/demux.h"
#include "tap.h"
#include "transport_server.h"
#include "wire/message.h"

/* What came from the host on one connection. */
struct heard {
  int pings, cancels, bytes_of_stdin, ended_stdin, runs;
  uint8_t why; /* of the last CANCEL */
  uint64_t ping;
};

struct bench {
  struct server server; /* the first member: serve() gets it */
  void (*guest)(struct bench *b, int fd);
  struct csn_engine *engine;
  struct csn_keeper *keeper;
  struct csn_channel *channel;
  struct csn_error err;
  struct csn_run_result result;
  struct heard heard;    /* by the last connection */
  const uint8_t *bytes;  /* what a guest that plays bytes says */
  size_t size, hello_size, cut, piece;
  pthread_mutex_t mutex; /* output and heard */
  char *output;
  size_t output_size;
  atomic_int flag;
};

/* ---- the scripted helper -------------------------------------------------------------------- */

struct words {
  uint8_t bytes[16384];
  struct csn_wire_out out;
};

TAP_UNUSED static struct csn_wire_out *words(struct words *w) {
  w->out = (struct csn_wire_out){.bytes = w->bytes, .capacity = sizeof w->bytes};
  return &w->out;
}

/* As the engine puts it on the wire. */
TAP_UNUSED static void say_on(int fd, int stream, const void *bytes, size_t n) {
  uint8_t head[8] = {(uint8_t)stream, 0, 0, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
                     (uint8_t)(n >> 8), (uint8_t)n};
  server_send(fd, (const char *)head, sizeof head);
  server_send(fd, bytes, n);
}

TAP_UNUSED static void say(int fd, const struct csn_wire_out *out) {
  if (!csn_wire_fits(out)) BAIL_OUT("the script's buffer is too small");
  say_on(fd, CSN_DEMUX_STDOUT, out->bytes, out->size);
}

TAP_UNUSED static void put_hello(struct csn_wire_out *out) {
  struct csn_wire_status s = {.pid = 7, .uid = 30123, .gid = 30124, .age_ms = 5, .idle_ms = 1};
  s.key.bytes = "key";
  s.key.size = 3;
  csn_wire_put_status(out, true, &s);
}

TAP_UNUSED static struct csn_wire_exit exit_of(uint64_t status) {
  return (struct csn_wire_exit){.outcome = CSN_OUTCOME_EXITED,
                                .how = CSN_HOW_EXITED,
                                .status = status,
                                .duration_ns = 1000000};
}

TAP_UNUSED static void put_exit(struct csn_wire_out *out, uint64_t status) {
  struct csn_wire_exit e = exit_of(status);
  csn_wire_put_exit(out, &e);
}

TAP_UNUSED static void say_hello(int fd) {
  struct words w;
  put_hello(words(&w));
  say(fd, &w.out);
}

TAP_UNUSED static void say_exit(int fd, uint64_t status) {
  struct words w;
  put_exit(words(&w), status);
  say(fd, &w.out);
}

TAP_UNUSED static void say_out(int fd, const char *text) {
  struct words w;
  csn_frame_put(words(&w), CSN_FRAME_OUT, text, strlen(text));
  say(fd, &w.out);
}

TAP_UNUSED static void note(struct bench *b, const struct csn_frame *f) {
  pthread_mutex_lock(&b->mutex);
  switch (f->type) {
    case CSN_FRAME_PING:
      b->heard.pings++;
      b->heard.ping = csn_wire_load(f->bytes, 8);
      break;
    case CSN_FRAME_CANCEL:
      b->heard.cancels++;
      b->heard.why = f->bytes[0];
      break;
    case CSN_FRAME_STDIN: b->heard.bytes_of_stdin += (int)f->size; break;
    case CSN_FRAME_STDIN_END: b->heard.ended_stdin++; break;
    case CSN_FRAME_RUN: b->heard.runs++; break;
    default: break;
  }
  pthread_mutex_unlock(&b->mutex);
}

/* The helper's own reader; one for each connection, on its thread. */
static __thread struct csn_frame_reader reader;
static __thread uint8_t gathered[CSN_FRAME_MAX];
static __thread uint8_t chunk[65536];
static __thread const uint8_t *unread;
static __thread size_t unread_size;

/* Reads the host's frames up to one of that type; 0 at the end of the connection. */
TAP_UNUSED static int await(struct bench *b, int fd, uint8_t type) {
  for (;;) {
    struct csn_frame f;
    int rc = csn_frame_read(&reader, &unread, &unread_size, &f);
    if (rc < 0) BAIL_OUT("the host sent a malformed frame: %s", reader.error);
    if (rc > 0) {
      note(b, &f);
      if (f.type == type) return 1;
      continue;
    }
    ssize_t n = recv(fd, chunk, sizeof chunk, 0);
    if (n <= 0) return 0;
    unread = chunk;
    unread_size = (size_t)n;
  }
}

TAP_UNUSED static void serve(struct server *server, int fd, int number) {
  struct bench *b = (struct bench *)server;
  char request[8192];
  (void)number;
  while (server_read(server, fd, request, sizeof request) > 0) {
    if (strstr(request, "/_ping")) {
      server_say(fd, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK");
      continue;
    }
    server_say(fd, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
                   "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    csn_frame_reader_init(&reader, CSN_FROM_HOST, gathered);
    unread_size = 0;
    b->guest(b, fd);
    return;
  }
}

/* Answers every request with "hi" and exit code 3. */
TAP_UNUSED static void good(struct bench *b, int fd) {
  say_hello(fd);
  while (await(b, fd, CSN_FRAME_RUN)) {
    struct words w;
    csn_frame_put(words(&w), CSN_FRAME_OUT, "hi\n", 3);
    put_exit(&w.out, 3);
    say(fd, &w.out);
  }
}

/* ---- the host ------------------------------------------------------------------------------- */

TAP_UNUSED static struct csn_control within(int ms) {
  struct csn_control c = CSN_CONTROL_NONE;
  c.deadline = csn_clock_after(ms * CSN_MS);
  return c;
}

TAP_UNUSED static void bench_start(struct bench *b, void (*guest)(struct bench *, int)) {
  memset(b, 0, sizeof *b);
  server_start(&b->server, serve);
  b->guest = guest;
  pthread_mutex_init(&b->mutex, NULL);
  if (csn_engine_new(b->server.endpoint, &b->engine, &b->err) != 0 ||
      csn_keeper_new(&b->keeper, &b->err) != 0)
    BAIL_OUT("%s", b->err.message);
}

/* Attaches and waits for the hello. */
TAP_UNUSED static int bench_open(struct bench *b) {
  struct csn_control control = within(20000);
  int rc = csn_channel_open_attach(b->engine, "c", b->keeper, &control, &b->channel, &b->err);
  if (rc) BAIL_OUT("%s", b->err.message);
  rc = csn_channel_await_hello(b->channel, &control, &b->err);
  if (rc == CAISSON_E_DEADLINE) BAIL_OUT("no answer within 20 s");
  return rc;
}

TAP_UNUSED static void bench_stop(struct bench *b) {
  csn_channel_close(b->channel);
  csn_keeper_free(b->keeper);
  csn_engine_free(b->engine);
  server_stop(&b->server);
  pthread_mutex_destroy(&b->mutex);
  free(b->output);
}

TAP_UNUSED static void bench_begin(struct bench *b, void (*guest)(struct bench *, int)) {
  bench_start(b, guest);
  if (bench_open(b) != 0) BAIL_OUT("no hello: %s", b->err.message);
}

TAP_UNUSED static int take_output(void *ctx, int stream, const void *bytes, size_t n) {
  struct bench *b = ctx;
  (void)stream;
  b->output = realloc(b->output, b->output_size + n + 1);
  if (!b->output) BAIL_OUT("out of memory");
  memcpy(b->output + b->output_size, bytes, n);
  b->output_size += n;
  b->output[b->output_size] = '\0';
  return 0;
}

TAP_UNUSED static int run_with(struct bench *b, struct csn_run *run, const struct csn_control *control) {
  static const char *const programs[] = {"/bin/sh", NULL};
  run->programs = programs;
  run->cwd = "/";
  if (!run->output) run->output = take_output;
  run->output_ctx = b;
  b->output_size = 0;
  memset(&b->err, 0, sizeof b->err);
  int rc = csn_channel_run(b->channel, run, control, &b->result, &b->err);
  if (rc == CAISSON_E_DEADLINE) BAIL_OUT("no end within the time");
  return rc;
}

TAP_UNUSED static int run(struct bench *b) {
  struct csn_control control = within(20000);
  struct csn_run r = {0};
  return run_with(b, &r, &control);
}

TAP_UNUSED static int is_lost(const struct bench *b, int rc, const char *reason) {
  int is = rc == 0 && b->result.outcome == CAISSON_OUTCOME_LOST &&
           strcmp(b->result.reason, reason) == 0;
  if (!is)
    diag("%d, outcome %d, %s: %s", rc, b->result.outcome, b->result.reason, b->result.message);
  return is;
}

#endif
