/* SPDX-License-Identifier: Apache-2.0 */
/* Many live sessions: whether calls get slower by it, what a session costs this process and what
 * its helper costs the machine; and many new ones at once. */
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define MANY "many"
#define BURST "burst"
#define BUSY 4 /* calls at a time */
#define STARTERS 8

/* Threads that make calls on sessions in turn. */
struct crowd {
  struct bench *bench;
  const char *kind;    /* of the keys */
  unsigned sessions, calls;
  unsigned next;       /* the next call's number */
  int failed;
  pthread_mutex_t mutex;
  struct bench_samples samples;
};

static int take_number(struct crowd *c, unsigned *number) {
  pthread_mutex_lock(&c->mutex);
  *number = c->next;
  int more = c->next < c->calls && !c->failed && !bench_stopped;
  if (more) c->next++;
  pthread_mutex_unlock(&c->mutex);
  return more;
}

static void *call_on(void *arg) {
  struct crowd *c = arg;
  unsigned number;
  while (take_number(c, &number)) {
    char key[32];
    struct bench_answer answer;
    (void)snprintf(key, sizeof key, "%s-%u", c->kind, number % c->sessions);
    struct bench_ask ask = {.name = "shell", .args = "{\"command\": \"true\"}", .session = key};
    bench_call(&c->bench->box, &ask, &answer);
    pthread_mutex_lock(&c->mutex);
    c->failed |= answer.status != CAISSON_OK || answer.exit_code != 0;
    bench_add(&c->samples, answer.ms);
    pthread_mutex_unlock(&c->mutex);
    free(answer.text);
  }
  return NULL;
}

/* How long all of them took. */
static double run_crowd(struct crowd *c, unsigned threads, void *(*body)(void *)) {
  pthread_t *ids = calloc(threads, sizeof *ids);
  if (!ids) bench_die("no memory");
  pthread_mutex_init(&c->mutex, NULL);
  double begun = bench_now();
  for (unsigned i = 0; i < threads; i++)
    if (pthread_create(&ids[i], NULL, body, c)) bench_die("no thread");
  for (unsigned i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  double took = bench_now() - begun;
  pthread_mutex_destroy(&c->mutex);
  free(ids);
  if (c->failed) bench_die("%s: a call failed", c->kind);
  return took;
}

/* ---- what is there -------------------------------------------------------------------------- */

/* The sum of a process's lines that begin with `name`, in kB; -1 if it cannot be read. */
static long sum_kb(const char *file, const char *name) {
  char line[256];
  long sum = -1, kb;
  FILE *f = fopen(file, "re");
  if (!f) return -1;
  while (fgets(line, sizeof line, f))
    if (strncmp(line, name, strlen(name)) == 0 && sscanf(strchr(line, ':') + 1, "%ld", &kb) == 1)
      sum = (sum < 0 ? 0 : sum) + kb;
  (void)fclose(f);
  return sum;
}

static unsigned count_descriptors(void) {
  unsigned n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d)) n++;
  if (d) closedir(d);
  return n;
}

/* Of process 1 and of the first channel's helper, as this machine sees them. */
static long helper_kb(struct bench *bench, const char *container) {
  char path[200];
  long child = 0, sum = 0;
  (void)snprintf(path, sizeof path, "/containers/%s/json", container);
  cJSON *found = bench_request(&bench->engine, "GET", path, NULL);
  const cJSON *state = cJSON_GetObjectItem(found, "State");
  long pid = (long)cJSON_GetNumberValue(cJSON_GetObjectItem(state, "Pid"));
  cJSON_Delete(found);
  (void)snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
  FILE *children = fopen(path, "re");
  if (!children) return -1;
  int have = fscanf(children, "%ld", &child);
  (void)fclose(children);
  const long both[] = {pid, have == 1 ? child : 0};
  for (size_t i = 0; i < 2 && both[i] > 0; i++) {
    (void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", both[i]);
    long kb = sum_kb(path, "Private_");
    if (kb < 0) return -1;
    sum += kb;
  }
  return sum;
}

static void weigh_helpers(struct bench *bench, unsigned sessions) {
  double sum = 0;
  unsigned weighed = sessions < 20 ? sessions : 20;
  for (unsigned i = 0; i < weighed; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "%s-%u", MANY, i);
    char *container = bench_container(&bench->box, key);
    long kb = helper_kb(bench, container);
    free(container);
    if (kb < 0) {
      bench_note(MANY, "the helper's memory cannot be read from here");
      return;
    }
    sum += (double)kb;
  }
  bench_print_value(MANY, "helper_memory", "kB", sum / weighed);
}

/* ---- many ----------------------------------------------------------------------------------- */

static void measure(struct bench *bench, const char *name, unsigned sessions, unsigned threads,
                    unsigned calls) {
  struct crowd c = {.bench = bench, .kind = MANY, .sessions = sessions, .calls = calls};
  (void)run_crowd(&c, threads, call_on);
  bench_print(MANY, name, "ms", &c.samples);
}

void bench_group_many(struct bench *bench) {
  unsigned sessions = bench->quick ? 50 : 200, calls = bench->quick ? 400 : 2000;
  struct crowd first = {.bench = bench, .kind = MANY, .sessions = 1, .calls = 200};
  (void)run_crowd(&first, BUSY, call_on); /* warm: its channels, this process's memory */
  (void)malloc_trim(0);
  long before = sum_kb("/proc/self/status", "RssAnon");
  unsigned descriptors = count_descriptors();
  struct crowd all = {.bench = bench, .kind = MANY, .sessions = sessions, .calls = sessions};
  (void)run_crowd(&all, STARTERS, call_on);
  (void)malloc_trim(0);
  long after = sum_kb("/proc/self/status", "RssAnon");
  bench_print_value(MANY, "sessions", "", sessions);
  /* One and all in turns, so that a machine that gets busier meets both. */
  measure(bench, "one", 1, 1, calls);
  measure(bench, "all", sessions, 1, calls);
  measure(bench, "one_busy", 1, BUSY, calls);
  measure(bench, "all_busy", sessions, BUSY, calls);
  bench_print_value(MANY, "host_memory", "kB", (double)(after - before) / (sessions - 1));
  bench_print_value(MANY, "host_descriptors", "",
                    (double)(count_descriptors() - descriptors) / (sessions - 1));
  weigh_helpers(bench, sessions);
  struct bench_ask ask = {.name = "session.shutdown", .args = "{\"scope\": \"instance\"}"};
  (void)bench_must(&bench->box, &ask, NULL);
  free(first.samples.values);
  free(all.samples.values);
}

/* ---- a burst -------------------------------------------------------------------------------- */

struct engine_burst {
  struct crowd crowd; /* first: it is what a thread is given */
  struct bench_model model;
  char (*containers)[BENCH_ID];
};

static void *create_on(void *arg) {
  struct engine_burst *e = arg;
  struct bench own = *e->model.bench;
  struct bench_model model = {.bench = &own, .body = e->model.body};
  bench_engine_open(&own.engine);
  unsigned number;
  while (take_number(&e->crowd, &number)) {
    model.count = number;
    (void)bench_start_like(&model, e->containers[number]);
  }
  bench_engine_close(&own.engine);
  free(model.creates.values);
  free(model.starts.values);
  return NULL;
}

static double engine_burst(struct bench *bench, cJSON *body, unsigned sessions) {
  struct engine_burst e = {.crowd = {.kind = BURST, .sessions = sessions, .calls = sessions},
                           .model = {.bench = bench, .body = body}};
  e.containers = calloc(sessions, sizeof *e.containers);
  if (!e.containers) bench_die("no memory");
  double ms = run_crowd(&e.crowd, sessions, create_on);
  for (unsigned i = 0; i < sessions; i++) bench_engine_remove(&bench->engine, e.containers[i]);
  free(e.containers);
  return ms;
}

static double box_burst(struct bench *bench, unsigned sessions) {
  struct crowd c = {.bench = bench, .kind = BURST, .sessions = sessions, .calls = sessions};
  double ms = run_crowd(&c, sessions, call_on);
  free(c.samples.values);
  for (unsigned i = 0; i < sessions; i++) {
    char key[32];
    (void)snprintf(key, sizeof key, "%s-%u", BURST, i);
    bench_remove(&bench->box, key);
  }
  return ms;
}

void bench_group_burst(struct bench *bench) {
  unsigned sessions = bench->quick ? 10 : 50, rounds = bench->quick ? 1 : 3;
  struct bench_samples box = {0}, engine = {0};
  free(bench_shell(&bench->box, "burst-model", "true"));
  char *container = bench_container(&bench->box, "burst-model");
  cJSON *body = bench_body_of(bench, container);
  for (unsigned i = 0; i < rounds; i++) {
    bench_add(&engine, engine_burst(bench, body, sessions));
    bench_add(&box, box_burst(bench, sessions));
  }
  bench_print_value(BURST, "sessions", "", sessions);
  bench_print(BURST, "engine", "ms", &engine);
  bench_print(BURST, "box", "ms", &box);
  cJSON_Delete(body);
  free(container);
  bench_remove(&bench->box, "burst-model");
}
