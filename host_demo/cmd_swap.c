/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_swap.c: would this version of the plugin be taken in the place of that one? And, with
 * --threads: what do calls notice while the two take turns? */
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "callers.h"
#include "commands.h"
#include "interrupt.h"
#include "json.h"
#include "report.h"
#include "ui.h"

#define DEFAULT_SWAPS 10
/* Answers that each thread has from a version before the next swap, so that there are times without
 * one to compare with. */
#define ANSWERS_BETWEEN 2
#define ANSWERS_BEFORE 20
#define KEY_MAX 64

/* What this process holds. */
struct held {
  long memory_kb; /* anonymous, in RAM; -1 where it cannot be read */
  unsigned descriptors;
};

struct trial {
  struct csn_host host;
  const struct csn_options *options;
  const char *other; /* the new version's path */
  char first[CSN_LOADER_PATH]; /* the old one's */
  char keys[CSN_CALLERS_SESSIONS][KEY_MAX];
  struct csn_callers callers;
  struct csn_swap swap; /* the last one */
  unsigned swaps;
  struct csn_times whole, load, create, test, drain, end;
  struct held before, after;
};

/* ---- one swap -------------------------------------------------------------------------------- */

static void print_version(const char *words, const struct csn_version *v) {
  (void)printf("%-6s %s %s, build %s, %s\n", words, v->id, v->version, v->build_id, v->path);
}

static int refused(const struct trial *t, const struct csn_failure *failure) {
  if (t->options->json) {
    cJSON *all = csn_must(cJSON_CreateObject());
    (void)cJSON_AddFalseToObject(all, "accepted");
    (void)cJSON_AddStringToObject(all, "step", csn_step_name(failure->step));
    (void)cJSON_AddStringToObject(all, "reason", failure->reason);
    (void)cJSON_AddStringToObject(all, "message", failure->message);
    char *text = csn_must(cJSON_PrintUnformatted(all));
    (void)puts(text);
    free(text);
    cJSON_Delete(all);
  }
  csn_ui_say("%s is refused (%s): %s", t->other, csn_step_name(failure->step), failure->message);
  return 1;
}

/* To the version that does not serve now. */
static int swap_over(struct trial *t, struct csn_failure *failure) {
  struct csn_version now;
  csn_slot_version(csn_host_slot(&t->host), &now);
  const char *next = strcmp(now.path, t->first) == 0 ? t->other : t->first;
  uint64_t grace = t->options->grace_ms ? t->options->grace_ms : CSN_GRACE_UNLIMITED;
  return csn_slot_swap(csn_host_slot(&t->host), next, grace, &t->swap, failure);
}

/* A swap under load, and its times. It is over for its callers when each has had an answer. */
static int timed_swap(struct trial *t, struct csn_failure *failure) {
  csn_callers_swap_begins(&t->callers);
  int failed = swap_over(t, failure);
  const struct csn_swap *s = &t->swap;
  if (!failed) {
    t->swaps++;
    csn_times_add(&t->whole, s->load_ms + s->create_ms + s->test_ms + s->drain_ms + s->end_ms);
    csn_times_add(&t->load, s->load_ms);
    csn_times_add(&t->create, s->create_ms);
    csn_times_add(&t->test, s->test_ms);
    csn_times_add(&t->drain, s->drain_ms);
    csn_times_add(&t->end, s->end_ms);
    (void)csn_callers_await(&t->callers, s->is.generation, 1);
  }
  csn_callers_swap_ended(&t->callers);
  return failed;
}

/* ---- the load -------------------------------------------------------------------------------- */

static struct held look(void) {
  struct held held = {.memory_kb = -1};
  char line[256];
  (void)malloc_trim(0);
  FILE *f = fopen("/proc/self/status", "re");
  while (f && fgets(line, sizeof line, f))
    (void)sscanf(line, "RssAnon: %ld", &held.memory_kb);
  if (f)
    (void)fclose(f);
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d))
    held.descriptors++;
  if (d)
    (void)closedir(d);
  return held;
}

/* What is held is compared between two new generations of the old version that have served no call,
 * so that no open channel of a session is counted. */
static int settle(struct trial *t, struct held *held, struct csn_failure *failure) {
  struct csn_version now;
  int failed = 0;
  do {
    failed = swap_over(t, failure);
    csn_slot_version(csn_host_slot(&t->host), &now);
  } while (!failed && strcmp(now.path, t->first) != 0);
  *held = look();
  return failed;
}

/* Both versions have served all threads before anything is measured. */
static int warm_up(struct trial *t, struct csn_failure *failure) {
  struct csn_callers *c = &t->callers;
  int failed = 0;
  csn_callers_start(c);
  bool going = csn_callers_await(c, 1, 1);
  for (int i = 0; i < 2 && going && !failed; i++) {
    failed = timed_swap(t, failure);
    going = !failed && csn_callers_await(c, t->swap.is.generation, 2);
  }
  csn_callers_stop(c);
  if (!failed && going)
    failed = settle(t, &t->before, failure);
  memset(&c->quiet, 0, sizeof c->quiet);
  memset(&c->beside, 0, sizeof c->beside);
  t->whole = t->load = t->create = t->test = t->drain = t->end = (struct csn_times){.calls = 0};
  t->swaps = 0;
  return failed;
}

static int run_trial(struct trial *t, struct csn_failure *failure) {
  struct csn_callers *c = &t->callers;
  int failed = warm_up(t, failure);
  if (failed || csn_interrupt_pressed())
    return failed;
  csn_callers_start(c);
  bool going = csn_callers_await(c, t->swap.is.generation, ANSWERS_BEFORE);
  for (unsigned i = 0; i < t->options->count && going && !failed; i++) {
    failed = timed_swap(t, failure);
    going = !failed && csn_callers_await(c, t->swap.is.generation, 1 + ANSWERS_BETWEEN);
  }
  csn_callers_stop(c);
  if (!failed && going)
    failed = settle(t, &t->after, failure);
  return failed;
}

/* Sessions of the trial's own, unless one was named. */
static void name_sessions(struct trial *t) {
  struct csn_callers *c = &t->callers;
  c->sessions = c->threads < CSN_CALLERS_SESSIONS ? c->threads : CSN_CALLERS_SESSIONS;
  for (unsigned i = 0; i < c->sessions; i++) {
    (void)snprintf(t->keys[i], sizeof t->keys[i], "swap-%ld-%u", (long)getpid(), i);
    c->keys[i] = t->keys[i];
  }
  if (!(t->options->given & CSN_OPT_SESSION))
    return;
  c->sessions = 1;
  c->keys[0] = t->options->session;
}

static void remove_sessions(struct trial *t) {
  for (unsigned i = 0; i < t->callers.sessions; i++) {
    struct csn_reply reply;
    csn_op_run(&t->host, t->options, "session.remove", t->callers.keys[i], "{}", &reply);
    if (!csn_report_good(&reply))
      csn_report_failure(&reply);
    csn_reply_free(&reply);
  }
}

/* ---- the report ------------------------------------------------------------------------------ */

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

static void add_held(cJSON *to, const char *name, const struct held *held) {
  cJSON *object = csn_must(cJSON_AddObjectToObject(to, name));
  (void)cJSON_AddNumberToObject(object, "memory_kb", (double)held->memory_kb);
  (void)cJSON_AddNumberToObject(object, "descriptors", held->descriptors);
}

/* Calls beside no swap that still took more than three times the usual p99. */
static uint64_t outliers(const struct csn_callers *c) {
  return csn_times_above(&c->quiet, 3 * csn_times_quantile(&c->quiet, 0.99));
}

static void add_trial(cJSON *all, const struct trial *t) {
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

static void print_json(const struct trial *t, const struct csn_version *was,
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

static void print_trial(const struct trial *t) {
  const struct csn_callers *c = &t->callers;
  (void)printf("%u swaps under %u threads: %" PRIu64 " calls, %" PRIu64 " failed, %" PRIu64
               " lost, %" PRIu64 " made anew because they came just then\n",
               t->swaps, c->threads, c->calls, c->failed, c->lost,
               c->retried);
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

/* ---- the command ----------------------------------------------------------------------------- */

static int dry_run(struct trial *t) {
  struct csn_failure failure;
  if (csn_slot_try(csn_host_slot(&t->host), t->other, &t->swap, &failure) < 0)
    return refused(t, &failure);
  const struct csn_swap *s = &t->swap;
  if (t->options->json) {
    print_json(t, &s->was, &s->is);
    return 0;
  }
  print_version("now", &s->was);
  print_version("new", &s->is);
  (void)printf("it would be taken: loaded in %.1f ms, created in %.1f ms, tested in %.1f ms\n",
               s->load_ms, s->create_ms, s->test_ms);
  return 0;
}

static int under_load(struct trial *t) {
  struct csn_failure failure;
  struct csn_callers *c = &t->callers;
  char *shell = csn_host_tool_name(&t->host, "shell"), *args = NULL;
  const char *text = t->options->arg_count > 2 ? t->options->args[2] : "{}";
  c->tool = t->options->arg_count > 1 ? t->options->args[1] : shell ? shell : "shell";
  if (t->options->arg_count > 1)
    c->args = args = csn_tool_arguments(&t->host, c->tool, text);
  name_sessions(t);
  csn_interrupt_enter(CSN_INTERRUPT_CALL);
  int failed = run_trial(t, &failure);
  bool stopped = csn_interrupt_pressed();
  csn_interrupt_enter(CSN_INTERRUPT_IDLE);
  if (!(t->options->given & CSN_OPT_SESSION))
    remove_sessions(t);
  free(shell);
  free(args);
  if (failed)
    return refused(t, &failure);
  if (stopped)
    return CAISSON_EXIT_CANCELLED;
  if (t->options->json)
    print_json(t, &t->swap.is, &t->swap.was);
  else
    print_trial(t);
  return c->failed > 0 ? 1 : 0;
}

int csn_cmd_swap(const struct csn_options *options) {
  struct csn_options own = *options;
  if (own.count == 0)
    own.count = DEFAULT_SWAPS;
  if (own.threads == 0 && (own.arg_count > 1 || (own.given & CSN_OPT_COUNT)))
    return csn_ui_usage("swap: calls that go on while versions take turns need --threads N");
  struct trial *t = csn_must(calloc(1, sizeof *t));
  t->options = &own;
  t->other = own.args[0];
  t->callers.host = &t->host;
  t->callers.threads = own.threads;
  t->callers.timeout_ms = own.timeout_ms;
  int code = csn_host_start(&t->host, options, false);
  if (!code) {
    struct csn_version version;
    csn_slot_version(csn_host_slot(&t->host), &version);
    memcpy(t->first, version.path, sizeof t->first);
    code = own.threads > 0 ? under_load(t) : dry_run(t);
    csn_host_stop(&t->host);
  }
  free(t);
  return code;
}
