/* SPDX-License-Identifier: Apache-2.0 */
/* A large file into a sandbox's tmpfs and out of it: the plugin beside `cat` over a raw hijacked
 * stream, `docker cp`, and base64 in the arguments of one exec after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "transfer"
#define SESSION "transfer"
#define LARGE ", \"memory\": \"2g\", \"workspace\": {\"size\": \"1g\"}"
#define MIB ((uint64_t)1 << 20)
#define CHUNK ((size_t)60 << 10) /* bytes of base64 in one exec; the kernel takes 128 KiB */
#define CHUNKS 8

struct transfer {
  struct bench *bench;
  const char *container;
  uint64_t bytes, left;
  char command[128];
};

static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  struct transfer *t = ctx;
  uint64_t n = t->left < capacity ? t->left : capacity;
  memset(buffer, 'x', n);
  t->left -= n;
  return (int64_t)n;
}

static int32_t take(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  struct transfer *t = ctx;
  (void)stream;
  (void)bytes;
  t->left += n;
  return 0;
}

static double put_by_plugin(void *ctx) {
  struct transfer *t = ctx;
  t->left = t->bytes;
  struct bench_ask ask = {.name = "file.upload",
                          .args = "{\"name\": \"big\", \"path\": \".\", \"on_conflict\": \"replace\"}",
                          .session = SESSION,
                          .input = give,
                          .input_ctx = t};
  return bench_must(&t->bench->box, &ask, NULL);
}

static double put_by_stream(void *ctx) {
  struct transfer *t = ctx;
  (void)snprintf(t->command, sizeof t->command, "head -c %llu > /workspace/raw; echo done",
                 (unsigned long long)t->bytes);
  const char *const argv[] = {"sh", "-c", t->command, NULL};
  double start = bench_now();
  bench_exec_send(&t->bench->engine, t->container, argv, t->bytes);
  return bench_now() - start;
}

/* One piece, as many times as the whole would take. */
static double put_by_base64(void *ctx) {
  struct transfer *t = ctx;
  char *command = malloc(CHUNK + 128);
  if (!command) bench_die("out of memory");
  int n = snprintf(command, 64, "echo ");
  memset(command + n, 'A', CHUNK);
  strcpy(command + n + CHUNK, " | base64 -d >> /workspace/pieces");
  const char *const argv[] = {"sh", "-c", command, NULL};
  double start = bench_now();
  for (int i = 0; i < CHUNKS; i++) bench_exec(&t->bench->engine, t->container, argv, NULL);
  double ms = bench_now() - start;
  free(command);
  return ms * (double)t->bytes / (CHUNKS * CHUNK * 0.75);
}

static double get_by_plugin(void *ctx) {
  struct transfer *t = ctx;
  t->left = 0;
  struct bench_ask ask = {.name = "archive.get",
                          .args = "{\"path\": \"big\", \"format\": \"tar\"}",
                          .session = SESSION,
                          .output = take,
                          .output_ctx = t};
  double ms = bench_must(&t->bench->box, &ask, NULL);
  if (t->left < t->bytes) bench_die("archive.get: not all came");
  return ms;
}

static double get_by_stream(void *ctx) {
  struct transfer *t = ctx;
  static const char *const argv[] = {"cat", "/workspace/raw", NULL};
  uint64_t got = 0;
  double start = bench_now();
  bench_exec(&t->bench->engine, t->container, argv, &got);
  if (got != t->bytes) bench_die("cat: not all came");
  return bench_now() - start;
}

/* `docker cp` cannot write to a tmpfs: it gets a container of its own, with the engine's defaults. */
static void measure(struct transfer *t, const char *file, const char *plain) {
  char in[128], out[128];
  (void)snprintf(in, sizeof in, "%s:/tmp/big", plain);
  (void)snprintf(out, sizeof out, "%s.out", file);
  const char *const cp_in[] = {"docker", "cp", file, in, NULL};
  const char *const cp_out[] = {"docker", "cp", in, out, NULL};
  struct bench_case cases[] = {
      {.name = "put", .run = put_by_plugin, .ctx = t, .every = 1},
      {.name = "put_raw", .run = put_by_stream, .ctx = t, .every = 1},
      {.name = "put_cp", .run = bench_run_spawn, .ctx = (void *)(uintptr_t)cp_in, .every = 1},
      {.name = "put_base64", .run = put_by_base64, .ctx = t, .every = 2},
      {.name = "get", .run = get_by_plugin, .ctx = t, .every = 1},
      {.name = "get_raw", .run = get_by_stream, .ctx = t, .every = 1},
      {.name = "get_cp", .run = bench_run_spawn, .ctx = (void *)(uintptr_t)cp_out, .every = 1},
  };
  bench_interleave(GROUP, cases, sizeof cases / sizeof *cases, t->bench->quick ? 3 : 7);
  (void)remove(out);
}

void bench_group_transfer(struct bench *whole) {
  struct bench large = *whole;
  if (!bench_has_program("docker")) {
    bench_note(GROUP, "not measured: there is no docker command");
    return;
  }
  char file[] = "/tmp/caisson-bench-XXXXXX", command[128], plain[64];
  bench_box_open(&large.box, whole->plugin, whole->instance, whole->image, LARGE);
  free(bench_shell(&large.box, SESSION, "true"));
  char *container = bench_container(&large.box, SESSION);
  struct transfer t = {.bench = &large, .container = container,
                       .bytes = (whole->quick ? 64 : 256) * MIB};
  int fd = mkstemp(file);
  if (fd < 0) bench_die("no temporary file");
  (void)snprintf(command, sizeof command, "head -c %llu /dev/zero > %s",
                 (unsigned long long)t.bytes, file);
  const char *const fill[] = {"/bin/sh", "-c", command, NULL};
  (void)bench_spawn(fill);
  (void)snprintf(plain, sizeof plain, "caisson-%s-plain", whole->instance);
  const char *const start[] = {"docker", "run", "-d", "--rm", "--network", "none", "--name", plain,
                               whole->image, "sleep", "600", NULL};
  (void)bench_spawn(start);
  bench_print_value(GROUP, "size", "MiB", (double)(t.bytes / MIB));
  measure(&t, file, plain);
  const char *const stop[] = {"docker", "rm", "-f", plain, NULL};
  (void)bench_spawn(stop);
  (void)remove(file);
  bench_remove(&large.box, SESSION);
  bench_box_close(&large.box);
  free(container);
}
