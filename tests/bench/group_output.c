/* SPDX-License-Identifier: Apache-2.0 */
/* 1 GB of output through hooks.output beside a raw hijacked exec of the same command, and what it
 * leaves in this process's memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "output"
#define SESSION "output"
#define MIB (1 << 20)

struct writer {
  struct bench *bench;
  const char *container, *command;
  uint64_t bytes; /* what it must write */
};

static int32_t count(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  (void)stream;
  (void)bytes;
  *(uint64_t *)ctx += n;
  return 0;
}

static void check(const struct writer *w, uint64_t got) {
  if (got != w->bytes)
    bench_die("%s: %llu bytes came, not %llu", w->command, (unsigned long long)got,
              (unsigned long long)w->bytes);
}

static double by_plugin(void *ctx) {
  struct writer *w = ctx;
  char args[128];
  uint64_t got = 0;
  (void)snprintf(args, sizeof args, "{\"command\": \"%s\"}", w->command);
  struct bench_ask ask = {.name = "shell", .args = args, .session = SESSION, .output = count};
  ask.output_ctx = &got;
  double ms = bench_must(&w->bench->box, &ask, NULL);
  check(w, got);
  return ms;
}

static double by_exec(void *ctx) {
  struct writer *w = ctx;
  const char *const argv[] = {"sh", "-c", w->command, NULL};
  uint64_t got = 0;
  double start = bench_now();
  bench_exec(&w->bench->engine, w->container, argv, &got);
  double ms = bench_now() - start;
  check(w, got);
  return ms;
}

/* A line of /proc/self/status in kB; -1 where it is not there. */
static double memory(const char *name) {
  char line[256];
  double kb = -1;
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0) kb = strtod(line + strlen(name) + 1, NULL);
  if (file) (void)fclose(file);
  return kb;
}

/* Makes the kernel count the peak from now on; 0 if it does. */
static int reset_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "we");
  if (!file) return -1;
  int bad = fputs("5", file) < 0;
  return fclose(file) | bad;
}

/* One call by the plugin alone: its peak above what the process had before. */
static void measure_memory(struct writer *w) {
  int no_peak = reset_peak();
  double before = memory("VmRSS:");
  (void)by_plugin(w);
  double after = memory("VmRSS:"), peak = memory("VmHWM:");
  bench_print_value(GROUP, "rss_growth", "kB", after - before);
  if (!no_peak) bench_print_value(GROUP, "peak_growth", "kB", peak - before);
}

static void measure(struct writer *w, const char *box_name, const char *raw_name) {
  struct bench_case cases[] = {
      {.name = box_name, .run = by_plugin, .ctx = w, .every = 1},
      {.name = raw_name, .run = by_exec, .ctx = w, .every = 1},
  };
  bench_interleave(GROUP, cases, 2, w->bench->quick ? 2 : 5);
}

void bench_group_output(struct bench *bench) {
  int mib = bench->quick ? 256 : 1024;
  char head[64], pieces[64];
  (void)snprintf(head, sizeof head, "head -c %lld /dev/zero", (long long)mib * MIB);
  (void)snprintf(pieces, sizeof pieces, "/workspace/workload write %d", mib);
  bench_upload(&bench->box, SESSION, bench->workload, "workload");
  char *container = bench_container(&bench->box, SESSION);
  struct writer w = {bench, container, head, (uint64_t)mib * MIB};
  bench_print_value(GROUP, "size", "MiB", mib);
  measure_memory(&w);
  double before = bench_throttled(&bench->box, SESSION);
  measure(&w, "box_head", "raw_head");
  w.command = pieces;
  measure(&w, "box_write", "raw_write");
  bench_print_value(GROUP, "throttled", "times", bench_throttled(&bench->box, SESSION) - before);
  bench_remove(&bench->box, SESSION);
  free(container);
}
