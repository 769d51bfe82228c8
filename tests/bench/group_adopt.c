/* SPDX-License-Identifier: Apache-2.0 */
/* A host that was restarted: a new process loads the plugin and calls a session that another one
 * made. Beside it one bare exec, over the API and by the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "adopt"
#define SESSION "adopt"

struct adopt {
  struct bench *bench;
  char *container;
  struct bench_samples loads, creates, calls;
};

/* In the new process. */
void bench_adopt_child(const struct bench *bench, const char *session) {
  struct bench_box box = {0};
  struct bench_ask ask = {.name = "shell", .args = "{\"command\": \"true\"}", .session = session};
  bench_box_open(&box, bench->plugin, bench->instance, bench->image, "");
  double ms = bench_must(&box, &ask, NULL);
  printf("%f %f %f\n", box.load_ms, box.create_ms, ms);
  bench_box_close(&box);
}

static double by_restart(void *ctx) {
  struct adopt *a = ctx;
  const struct bench *b = a->bench;
  const char *const argv[] = {"/proc/self/exe", "--plugin", b->plugin, "--instance",   b->instance,
                              "--image",        b->image,   "--adopt", SESSION, NULL};
  char out[128];
  double load, create, call;
  (void)bench_spawn_read(argv, out, sizeof out);
  if (sscanf(out, "%lf %lf %lf", &load, &create, &call) != 3) bench_die("adopt: %s", out);
  bench_add(&a->loads, load);
  bench_add(&a->creates, create);
  bench_add(&a->calls, call);
  return create + call;
}

static double by_api(void *ctx) {
  static const char *const argv[] = {"sh", "-c", "true", NULL};
  struct adopt *a = ctx;
  double start = bench_now();
  bench_exec(&a->bench->engine, a->container, argv, NULL);
  return bench_now() - start;
}

static double by_cli(void *ctx) {
  const struct adopt *a = ctx;
  const char *const argv[] = {"docker", "exec", a->container, "sh", "-c", "true", NULL};
  return bench_spawn(argv);
}

void bench_group_adopt(struct bench *bench) {
  struct adopt a = {.bench = bench};
  (void)by_restart(&a); /* makes the session, and goes */
  a.loads.n = a.creates.n = a.calls.n = 0;
  a.container = bench_container(&bench->box, SESSION);
  struct bench_case cases[] = {
      {.name = "box", .run = by_restart, .ctx = &a, .every = 1},
      {.name = "api", .run = by_api, .ctx = &a, .every = 1},
      {.name = "cli", .run = by_cli, .ctx = &a, .every = 1},
  };
  size_t n = bench_has_program("docker") ? 3 : 2;
  bench_interleave(GROUP, cases, n, bench->quick ? 10 : 60);
  bench_print(GROUP, "box_load", "ms", &a.loads);
  bench_print(GROUP, "box_create", "ms", &a.creates);
  bench_print(GROUP, "box_call", "ms", &a.calls);
  bench_remove(&bench->box, SESSION);
  free(a.container);
}
