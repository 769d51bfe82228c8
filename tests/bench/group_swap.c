/* SPDX-License-Identifier: Apache-2.0 */
/* Two builds of the plugin take turns under calls that never pause: what `caisson-host swap`
 * reports of it. The host is a process of its own, since it is the host that swaps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define GROUP "swap"
#define THREADS "16"

static const cJSON *get(const cJSON *object, const char *name) {
  const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
  if (!found) bench_die(GROUP ": no `%s` in the report", name);
  return found;
}

static double number(const cJSON *object, const char *name) {
  return cJSON_GetNumberValue(get(object, name));
}

static void print_times(const char *name, const cJSON *times) {
  bench_print_figures(GROUP, name, "ms", (size_t)number(times, "count"), number(times, "p50_ms"),
                      number(times, "p99_ms"), number(times, "max_ms"));
}

/* An instance of its own, so that its sandboxes can be told from the bench's. */
static void write_config(const struct bench *bench, char path[64]) {
  (void)snprintf(path, 64, "/tmp/caisson-bench-swap-XXXXXX");
  int fd = mkstemp(path);
  FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (!f) bench_die("cannot write %s", path);
  (void)fprintf(f,
                "{\"config_version\": 1, \"instance\": \"%s.swap\", "
                "\"sandbox\": {\"image\": \"%s\", \"idle_ttl_s\": 300}}",
                bench->instance, bench->image);
  (void)fclose(f);
}

static void report(const cJSON *found) {
  static const char *const counts[] = {"swaps", "calls", "failed", "lost", "retried",
                                       "quiet_above_3_p99"};
  static const char *const steps[] = {"load", "create", "self-test", "drain", "end"};
  const cJSON *swap = get(found, "swap");
  const cJSON *before = get(found, "before"), *after = get(found, "after");
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    bench_print_value(GROUP, counts[i], "", number(found, counts[i]));
  print_times("quiet", get(found, "quiet"));
  print_times("beside", get(found, "beside"));
  print_times("whole", get(swap, "whole"));
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
    print_times(steps[i], get(swap, steps[i]));
  bench_print_value(GROUP, "memory_growth", "kB",
                    number(after, "memory_kb") - number(before, "memory_kb"));
  bench_print_value(GROUP, "descriptor_growth", "",
                    number(after, "descriptors") - number(before, "descriptors"));
}

void bench_group_swap(struct bench *bench) {
  char config[64], setting[96], out[8192];
  write_config(bench, config);
  (void)snprintf(setting, sizeof setting, "CAISSON_CONFIG=%s", config);
  const char *count = bench->quick ? "20" : "1000";
  const char *const argv[] = {"env",         setting, bench->host_program, "--plugin",
                              bench->plugin, "swap",  "--json",            bench->other_plugin,
                              "--threads",   THREADS, "--count",           count,
                              NULL};
  (void)bench_spawn_read(argv, out, sizeof out);
  (void)unlink(config);
  cJSON *found = cJSON_Parse(out);
  if (!found) bench_die(GROUP ": no report, but: %.200s", out);
  report(found);
  cJSON_Delete(found);
}
