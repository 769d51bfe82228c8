/* SPDX-License-Identifier: Apache-2.0 */
/* swap_report.c: what a trial of two versions found, for people and as a document. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "swap_trial.h"
#include "ui.h"

static void add_times(cJSON *to, const char *name, const struct csn_times *times) {
  cJSON *object = csn_must(cJSON_AddObjectToObject(to, name));
  (void)cJSON_AddNumberToObject(object, "count", (double)times->calls);
  (void)cJSON_AddNumberToObject(object, "p50_ms", csn_times_quantile(times, 0.5));
  (void)cJSON_AddNumberToObject(object, "p99_ms", csn_times_quantile(times, 0.99));
  (void)cJSON_AddNumberToObject(object, "max_ms", times->max_ms);
}

static void add_version(cJSON *to, const char *name, const struct csn_version *v) {
  cJSON *object = csn_must(cJSON_AddObjectToObject(to, name));
  (void)cJSON_AddStringToObject(object, "id", v->id);
  (void)cJSON_AddStringToObject(object, "version", v->version);
  (void)cJSON_AddStringToObject(object, "build_id", v->build_id);
  (void)cJSON_AddStringToObject(object, "path", v->path);
}

static void add_held(cJSON *to, const char *name, const struct csn_held *held) {
  cJSON *object = csn_must(cJSON_AddObjectToObject(to, name));
  (void)cJSON_AddNumberToObject(object, "memory_kb", (double)held->memory_kb);
  (void)cJSON_AddNumberToObject(object, "descriptors", held->descriptors);
}

/* Calls beside no swap that still took more than three times the usual p99. */
static uint64_t outliers(const struct csn_callers *c) {
  return csn_times_above(&c->quiet, 3 * csn_times_quantile(&c->quiet, 0.99));
}

static void add_trial(cJSON *all, const struct csn_trial *t) {
  const struct csn_callers *c = &t->callers;
  (void)cJSON_AddNumberToObject(all, "swaps", t->swaps);
  (void)cJSON_AddNumberToObject(all, "threads", c->threads);
  (void)cJSON_AddNumberToObject(all, "calls", (double)c->calls);
  (void)cJSON_AddNumberToObject(all, "failed", (double)c->failed);
  (void)cJSON_AddNumberToObject(all, "lost", (double)c->lost);
  (void)cJSON_AddNumberToObject(all, "retried", (double)c->retried);
  (void)cJSON_AddStringToObject(all, "first_failure", c->first_failure);
  add_times(all, "quiet", &c->quiet);
  (void)cJSON_AddNumberToObject(all, "quiet_above_3_p99", (double)outliers(c));
  add_times(all, "beside", &c->beside);
  cJSON *swap = csn_must(cJSON_AddObjectToObject(all, "swap"));
  add_times(swap, "whole", &t->whole);
  add_times(swap, "load", &t->load);
  add_times(swap, "create", &t->create);
  add_times(swap, "self-test", &t->test);
  add_times(swap, "drain", &t->drain);
  add_times(swap, "end", &t->end);
  add_held(all, "before", &t->before);
  add_held(all, "after", &t->after);
}

void csn_trial_print_json(const struct csn_trial *t, const struct csn_version *was,
                          const struct csn_version *is) {
  cJSON *all = csn_must(cJSON_CreateObject());
  (void)cJSON_AddTrueToObject(all, "accepted");
  add_version(all, "was", was);
  add_version(all, "is", is);
  if (t->callers.threads > 0)
    add_trial(all, t);
  char *text = csn_must(cJSON_PrintUnformatted(all));
  (void)puts(text);
  free(text);
  cJSON_Delete(all);
}

static void print_times(const char *words, const struct csn_times *times) {
  (void)printf("  %-26s %9" PRIu64 " %9.2f %9.2f %9.2f\n", words, times->calls,
               csn_times_quantile(times, 0.5), csn_times_quantile(times, 0.99), times->max_ms);
}

void csn_trial_print(const struct csn_trial *t) {
  const struct csn_callers *c = &t->callers;
  (void)printf("%u swaps under %u threads: %" PRIu64 " calls, %" PRIu64 " failed, %" PRIu64
               " lost, %" PRIu64 " made anew because they came just then\n",
               t->swaps, c->threads, c->calls, c->failed, c->lost, c->retried);
  if (c->failed > 0)
    (void)printf("the first that failed: %s\n", c->first_failure);
  (void)printf("  %-26s %9s %9s %9s %9s\n", "", "n", "p50 ms", "p99 ms", "max ms");
  print_times("calls beside no swap", &c->quiet);
  print_times("calls beside a swap", &c->beside);
  print_times("a swap", &t->whole);
  print_times("  load", &t->load);
  print_times("  create", &t->create);
  print_times("  self-test", &t->test);
  print_times("  drain the old one", &t->drain);
  print_times("  end the old one", &t->end);
  (void)printf("%" PRIu64 " calls beside no swap took more than 3 x their p99\n", outliers(c));
  (void)printf("held before and after: %ld and %ld kB of memory, %u and %u descriptors\n",
               t->before.memory_kb, t->after.memory_kb, t->before.descriptors,
               t->after.descriptors);
}
