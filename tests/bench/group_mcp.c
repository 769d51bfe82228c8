/* SPDX-License-Identifier: Apache-2.0 */
/* What the Model Context Protocol adds to a call: `caisson-host mcp` on pipes, as its clients have it,
 * beside the same call by the ABI. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define GROUP "mcp"
#define CALL "\"method\":\"tools/call\",\"params\":{\"name\":\"shell\",\"arguments\":{\"command\":\"true\"}"
#define MODERN                                                           \
  ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
  "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define INITIALIZE                                                                  \
  "\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
  "\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}"

struct client {
  struct bench_worker server;
  const char *message; /* without its id */
  unsigned last_id;
};

/* Reads until the answer to the last request is there; other messages are passed over. */
static void await_answer(struct client *client) {
  char wanted[48], text[16384];
  size_t n = 0;
  (void)snprintf(wanted, sizeof wanted, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"result\"", client->last_id);
  for (;;) {
    char *newline = memchr(text, '\n', n);
    if (!newline) {
      ssize_t got = read(client->server.from, text + n, sizeof text - 1 - n);
      if (got <= 0) bench_die("caisson-host mcp has ended, or answers with too much");
      n += (size_t)got;
      continue;
    }
    *newline = '\0';
    if (strncmp(text, wanted, strlen(wanted)) == 0) {
      if (strstr(text, "\"isError\":true")) bench_die("a call by MCP failed: %.300s", text);
      return;
    }
    if (strstr(text, "\"error\":{\"code\"")) bench_die("caisson-host mcp: %.300s", text);
    n -= (size_t)(newline + 1 - text);
    memmove(text, newline + 1, n);
  }
}

static double ask(struct client *client, const char *message) {
  char line[1024];
  double start = bench_now();
  int n = snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%u,%s}\n", ++client->last_id, message);
  if (write(client->server.to, line, (size_t)n) != n) bench_die("caisson-host mcp has ended");
  await_answer(client);
  return bench_now() - start;
}

static double run(void *ctx) {
  struct client *client = ctx;
  return ask(client, client->message);
}

static void start(const struct bench *bench, struct client *client, const char *config) {
  const char *const argv[] = {bench->host_program, "--plugin", bench->plugin, "--config", config,
                              "mcp", NULL};
  bench_program_start(&client->server, argv);
}

/* An instance of its own, so that its sandboxes can be told from the bench's. */
static void write_config(const struct bench *bench, char path[64]) {
  (void)snprintf(path, 64, "/tmp/caisson-bench-mcp-XXXXXX");
  int fd = mkstemp(path);
  FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (!f) bench_die("cannot write %s", path);
  (void)fprintf(f, "{\"config_version\": 1, \"instance\": \"%s.mcp\", \"sandbox\": {\"image\": \"%s\"}}",
                bench->instance, bench->image);
  (void)fclose(f);
}

void bench_group_mcp(struct bench *bench) {
  char config[64];
  struct client modern = {.message = CALL MODERN "}"}, initialized = {.message = CALL "}"};
  struct bench_boxed abi = {
      &bench->box, {.name = "shell", .args = "{\"command\": \"true\"}", .session = GROUP}};
  struct bench_case cases[] = {{.name = "abi", .run = bench_run_boxed, .ctx = &abi, .every = 1},
                               {.name = "modern", .run = run, .ctx = &modern, .every = 1},
                               {.name = "initialized", .run = run, .ctx = &initialized, .every = 1}};
  write_config(bench, config);
  start(bench, &modern, config);
  start(bench, &initialized, config);
  (void)ask(&initialized, INITIALIZE);
  bench_interleave(GROUP, cases, sizeof cases / sizeof *cases, bench->quick ? 200 : 1000);
  bench_worker_stop(&modern.server);
  bench_worker_stop(&initialized.server);
  bench_remove(&bench->box, GROUP);
  (void)unlink(config);
}
