/* SPDX-License-Identifier: Apache-2.0 */
/* From call_cancel() to the return of call_run(), which promises that everything is dead; and
 * whether it is, by a look of our own into the sandbox. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "cancel"
#define SESSION "cancel"
#define START_PATIENCE_MS 20000.0
/* A quota is given out anew every 100 ms: a pause of more than that finds it whole. */
#define QUOTA_PAUSE_MS 120
/* With the shell's own means: a program for each process would cost more than the cancel. */
#define COUNT_ALIVE                                                                         \
  "n=0; for f in /proc/[0-9]*/comm; do { read -r c <\"$f\"; } 2>&-; "                       \
  "[ \"$c\" = workload ] && n=$((n+1)); c=; done; echo $n"

struct kind {
  const char *name, *command;
  unsigned rounds, quick_rounds;
  unsigned run_ms; /* how long it runs before it is cancelled */
};

/* "exec", so that nothing but the workload itself is there to be killed. */
static const struct kind kinds[] = {
    {"one", "echo ready; exec sleep 600", 100, 20, QUOTA_PAUSE_MS},
    {"tree", "exec ./workload tree 25", 200, 50, QUOTA_PAUSE_MS},
    {"chains", "exec ./workload chains 64", 100, 50, QUOTA_PAUSE_MS},
    {"bomb", "exec ./workload bomb", 15, 4, 500},
};

/* One call on a thread of its own. */
struct running {
  const struct bench_box *box;
  struct bench_ask ask;
  struct bench_answer answer;
  uint64_t call;
  int ready, ended;
};

static int32_t note_ready(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  struct running *r = ctx;
  (void)stream;
  if (n > 0 && memchr(bytes, 'y', n)) __atomic_store_n(&r->ready, 1, __ATOMIC_SEQ_CST);
  return 0;
}

static void *run(void *ctx) {
  struct running *r = ctx;
  bench_call(r->box, &r->ask, &r->answer);
  __atomic_store_n(&r->ended, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static int wait_ready(struct running *r) {
  double until = bench_now() + START_PATIENCE_MS;
  while (!__atomic_load_n(&r->ready, __ATOMIC_SEQ_CST)) {
    if (bench_now() > until || bench_stopped || __atomic_load_n(&r->ended, __ATOMIC_SEQ_CST))
      return -1;
    bench_pause(1);
  }
  return 0;
}

/* What the plugin says is left, or -1 where it does not say. */
static double survivors(const struct bench_answer *answer) {
  cJSON *whole = cJSON_Parse(answer->text);
  const cJSON *content = cJSON_GetObjectItem(whole, "structuredContent");
  const cJSON *n = cJSON_GetObjectItem(content, "survivors");
  double left = cJSON_IsNumber(n) ? n->valuedouble : -1;
  cJSON_Delete(whole);
  return left;
}

struct figures {
  struct bench_samples cancels, next;
  double survivors, alive;
};

static void cancel_once(const struct bench_box *box, const struct kind *kind, struct figures *f) {
  char args[128];
  pthread_t thread;
  (void)snprintf(args, sizeof args, "{\"command\": \"%s\"}", kind->command);
  struct running r = {.box = box, .ask = {.name = "shell", .args = args, .session = SESSION}};
  r.ask.output = note_ready;
  r.ask.output_ctx = &r;
  r.ask.call = &r.call;
  if (pthread_create(&thread, NULL, run, &r)) bench_die("no thread");
  int late = wait_ready(&r);
  if (!late) bench_pause(kind->run_ms);
  double start = bench_now();
  (void)box->plugin->call_cancel(box->instance, __atomic_load_n(&r.call, __ATOMIC_SEQ_CST));
  pthread_join(thread, NULL);
  if (bench_stopped) bench_die("interrupted");
  if (late || r.answer.status != CAISSON_OK || r.answer.outcome != CAISSON_OUTCOME_CANCELLED)
    bench_die("cancel of %s: %sstatus %d, outcome %d: %s\n%s", kind->name,
              late ? "it did not start; " : "", r.answer.status, r.answer.outcome,
              r.answer.message, r.answer.text ? r.answer.text : "");
  bench_add(&f->cancels, r.answer.ended - start);
  f->survivors += survivors(&r.answer);
  free(r.answer.text);
}

/* The session goes on: the next call, and what it finds alive. */
static void look_after(const struct bench_box *box, struct figures *f) {
  struct bench_ask ask = {.name = "shell", .args = "{\"command\": \"true\"}", .session = SESSION};
  bench_add(&f->next, bench_must(box, &ask, NULL));
  char *count = bench_shell(box, SESSION, COUNT_ALIVE);
  f->alive += strtod(count, NULL);
  free(count);
}

static void measure(struct bench *bench, const struct kind *kind) {
  struct figures f = {.survivors = 0};
  char name[64];
  unsigned rounds = bench->quick ? kind->quick_rounds : kind->rounds;
  for (unsigned i = 0; i < rounds; i++) {
    cancel_once(&bench->box, kind, &f);
    look_after(&bench->box, &f);
  }
  bench_print(GROUP, kind->name, "ms", &f.cancels);
  (void)snprintf(name, sizeof name, "%s_next", kind->name);
  bench_print(GROUP, name, "ms", &f.next);
  (void)snprintf(name, sizeof name, "%s_survivors", kind->name);
  bench_print_value(GROUP, name, "processes", f.survivors);
  (void)snprintf(name, sizeof name, "%s_alive", kind->name);
  bench_print_value(GROUP, name, "processes", f.alive);
}

void bench_group_cancel(struct bench *bench) {
  bench_upload(&bench->box, SESSION, bench->workload, "workload");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) measure(bench, &kinds[i]);
  bench_remove(&bench->box, SESSION);
}
