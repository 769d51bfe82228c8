/* SPDX-License-Identifier: Apache-2.0 */
/* The first call on a new session beside the engine's own create and start of an equal
 * container. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "first"
#define MODEL "first-model"

/* The container is removed at once, outside what is measured. */
static double by_plugin(void *ctx) {
  struct bench_model *f = ctx;
  char key[32];
  (void)snprintf(key, sizeof key, "first-%u", f->count++);
  struct bench_ask ask = {.name = "shell", .args = "{\"command\": \"true\"}", .session = key};
  double ms = bench_must(&f->bench->box, &ask, NULL);
  bench_remove(&f->bench->box, key);
  return ms;
}

double bench_start_like(struct bench_model *f, char container[BENCH_ID]) {
  struct bench_engine *engine = &f->bench->engine;
  char path[256];
  (void)snprintf(path, sizeof path, "/containers/create?name=caisson-%s-raw-%u",
                 f->bench->instance, f->count++);
  double start = bench_now();
  cJSON *made = bench_request(engine, "POST", path, f->body);
  double created = bench_now();
  const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(made, "Id"));
  if (!id) bench_die("create: no id");
  (void)snprintf(container, BENCH_ID, "%s", id);
  cJSON_Delete(made);
  (void)snprintf(path, sizeof path, "/containers/%s/start", container);
  cJSON_Delete(bench_request(engine, "POST", path, NULL));
  double started = bench_now();
  bench_add(&f->creates, created - start);
  bench_add(&f->starts, started - created);
  return started - start;
}

void bench_engine_remove(struct bench_engine *engine, const char *container) {
  char path[256];
  (void)snprintf(path, sizeof path, "/containers/%s?force=1&v=1", container);
  cJSON_Delete(bench_request(engine, "DELETE", path, NULL));
}

double bench_create_and_start(void *model) {
  struct bench_model *f = model;
  char container[BENCH_ID];
  double ms = bench_start_like(f, container);
  bench_engine_remove(&f->bench->engine, container);
  return ms;
}

/* What a create body holds stands in two places of the inspect answer. */
cJSON *bench_body_of(struct bench *bench, const char *container) {
  char path[256];
  (void)snprintf(path, sizeof path, "/containers/%s/json", container);
  cJSON *found = bench_request(&bench->engine, "GET", path, NULL);
  cJSON *body = cJSON_DetachItemFromObjectCaseSensitive(found, "Config");
  cJSON *host = cJSON_DetachItemFromObjectCaseSensitive(found, "HostConfig");
  if (!body || !host) bench_die("inspect %s: no Config or HostConfig", container);
  cJSON_AddItemToObject(body, "HostConfig", host);
  cJSON_Delete(found);
  return body;
}

void bench_group_first(struct bench *bench) {
  /* Also delivers the helper, where this engine does not have it yet. */
  free(bench_shell(&bench->box, MODEL, "true"));
  char *container = bench_container(&bench->box, MODEL);
  struct bench_model f = {.bench = bench, .body = bench_body_of(bench, container)};
  struct bench_case cases[] = {
      {.name = "box", .run = by_plugin, .ctx = &f, .every = 1},
      {.name = "engine", .run = bench_create_and_start, .ctx = &f, .every = 1},
  };
  bench_interleave(GROUP, cases, 2, bench->quick ? 8 : 40);
  bench_print(GROUP, "engine_create", "ms", &f.creates);
  bench_print(GROUP, "engine_start", "ms", &f.starts);
  cJSON_Delete(f.body);
  free(container);
  bench_remove(&bench->box, MODEL);
}
