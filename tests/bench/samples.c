/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, samples, percentiles and the lines of JSON that they become. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

double bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void bench_pause(unsigned ms) {
  struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&t, NULL);
}

void bench_add(struct bench_samples *samples, double value) {
  if (samples->n == samples->capacity) {
    samples->capacity = samples->capacity ? samples->capacity * 2 : 64;
    samples->values = realloc(samples->values, samples->capacity * sizeof *samples->values);
    if (!samples->values) bench_die("out of memory");
  }
  samples->values[samples->n++] = value;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Nearest rank: always a value that was measured. */
static double percentile(const struct bench_samples *sorted, unsigned p) {
  size_t rank = (sorted->n * p + 99) / 100;
  return sorted->values[rank ? rank - 1 : 0];
}

static void print_line(cJSON *line) {
  char *text = line ? cJSON_PrintUnformatted(line) : NULL;
  if (!text) bench_die("out of memory");
  puts(text);
  fflush(stdout);
  cJSON_free(text);
  cJSON_Delete(line);
}

static cJSON *new_line(const char *group, const char *name, const char *unit) {
  cJSON *line = cJSON_CreateObject();
  cJSON_AddStringToObject(line, "group", group);
  cJSON_AddStringToObject(line, "name", name);
  cJSON_AddStringToObject(line, "unit", unit);
  return line;
}

void bench_print(const char *group, const char *name, const char *unit,
                 struct bench_samples *samples) {
  if (samples->n == 0) return;
  qsort(samples->values, samples->n, sizeof *samples->values, by_value);
  cJSON *line = new_line(group, name, unit);
  cJSON_AddNumberToObject(line, "n", (double)samples->n);
  cJSON_AddNumberToObject(line, "min", samples->values[0]);
  cJSON_AddNumberToObject(line, "p50", percentile(samples, 50));
  cJSON_AddNumberToObject(line, "p99", percentile(samples, 99));
  cJSON_AddNumberToObject(line, "max", samples->values[samples->n - 1]);
  print_line(line);
  free(samples->values);
  *samples = (struct bench_samples){0};
}

void bench_print_figures(const char *group, const char *name, const char *unit, size_t n,
                         double p50, double p99, double max) {
  cJSON *line = new_line(group, name, unit);
  cJSON_AddNumberToObject(line, "n", (double)n);
  cJSON_AddNumberToObject(line, "p50", p50);
  cJSON_AddNumberToObject(line, "p99", p99);
  cJSON_AddNumberToObject(line, "max", max);
  print_line(line);
}

void bench_print_value(const char *group, const char *name, const char *unit, double value) {
  cJSON *line = new_line(group, name, unit);
  cJSON_AddNumberToObject(line, "value", value);
  print_line(line);
}

void bench_note(const char *group, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  cJSON *line = cJSON_CreateObject();
  cJSON_AddStringToObject(line, "group", group);
  cJSON_AddStringToObject(line, "note", text);
  print_line(line);
}

/* The same orders in every run. */
static unsigned pick(unsigned below) {
  static uint32_t state = 2463534242u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % below;
}

static void shuffle(size_t *order, size_t n) {
  for (size_t i = 0; i < n; i++) order[i] = i;
  for (size_t i = n; i > 1; i--) {
    size_t j = pick((unsigned)i), other = order[j];
    order[j] = order[i - 1];
    order[i - 1] = other;
  }
}

void bench_interleave(const char *group, struct bench_case *cases, size_t n, unsigned rounds) {
  size_t order[16];
  if (n > sizeof order / sizeof *order) bench_die("too many cases in %s", group);
  for (size_t i = 0; i < n; i++) (void)cases[i].run(cases[i].ctx);
  for (unsigned round = 0; round < rounds; round++) {
    shuffle(order, n);
    for (size_t i = 0; i < n; i++) {
      struct bench_case *c = &cases[order[i]];
      if (bench_stopped) bench_die("interrupted");
      if (round % c->every == 0) bench_add(&c->samples, c->run(c->ctx));
    }
  }
  for (size_t i = 0; i < n; i++) bench_print(group, cases[i].name, "ms", &cases[i].samples);
}
