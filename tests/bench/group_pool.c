/* SPDX-License-Identifier: Apache-2.0 */
/* The first call on a new session that takes a sandbox of the warm pool, beside one that has to
 * start its own and the engine's own create and start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "pool"
#define MODEL "pool-model"
#define SIZE 2

struct pool {
  struct bench_model model;
  struct bench_box box;
  unsigned count;
};

static double first_call(const struct bench_box *box, const char *kind, unsigned n) {
  char key[32];
  (void)snprintf(key, sizeof key, "pool-%s-%u", kind, n);
  struct bench_ask ask = {.name = "shell", .args = "{\"command\": \"true\"}", .session = key};
  double ms = bench_must(box, &ask, NULL);
  bench_remove(box, key);
  return ms;
}

static double by_start(void *ctx) {
  struct pool *p = ctx;
  return first_call(&p->model.bench->box, "cold", p->count++);
}

static int count_spare(struct pool *p) {
  cJSON *list = bench_request(&p->model.bench->engine, "GET", "/containers/json", NULL);
  char prefix[80];
  int n = 0;
  (void)snprintf(prefix, sizeof prefix, "/caisson-%s-pool.", p->model.bench->instance);
  const cJSON *c;
  cJSON_ArrayForEach(c, list) {
    const char *name =
        cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(c, "Names"), 0));
    n += name && strncmp(name, prefix, strlen(prefix)) == 0;
  }
  cJSON_Delete(list);
  return n;
}

/* Filling the pool is no part of it. */
static double by_pool(void *ctx) {
  struct pool *p = ctx;
  while (count_spare(p) < SIZE && !bench_stopped) bench_pause(20);
  bench_pause(100); /* the last one's start is over for the plugin too */
  return first_call(&p->box, "warm", p->count++);
}

void bench_group_pool(struct bench *bench) {
  free(bench_shell(&bench->box, MODEL, "true"));
  char *container = bench_container(&bench->box, MODEL);
  struct pool p = {.model = {.bench = bench, .body = bench_body_of(bench, container)},
                   .box = {.pool_size = SIZE}};
  bench_box_open(&p.box, bench->plugin, bench->instance, bench->image, "");
  struct bench_case cases[] = {
      {.name = "engine", .run = bench_create_and_start, .ctx = &p.model, .every = 1},
      {.name = "cold", .run = by_start, .ctx = &p, .every = 1},
      {.name = "box", .run = by_pool, .ctx = &p, .every = 1},
  };
  bench_interleave(GROUP, cases, 3, bench->quick ? 8 : 40);
  bench_box_close(&p.box);
  cJSON_Delete(p.model.body);
  free(container);
  bench_remove(&bench->box, MODEL);
}
