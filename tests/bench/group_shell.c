/* SPDX-License-Identifier: Apache-2.0 */
/* One command on a session that runs: the plugin beside the host's own spawn of the same shell, and
 * beside the two ways in which sandboxes are usually talked to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "shell"
#define SESSION "shell"
#define SMALL_SESSION "shell-small"
/* The tool takes bash where PATH has it: with this PATH there is only the image's sh. */
#define MAKE_SH                                                               \
  "mkdir -p sh-only && ln -sf \"$(readlink -f /bin/sh)\" sh-only/sh && "      \
  "readlink -f /bin/sh"
#define SH_ARGS "{\"command\": \"true\", \"env\": {\"PATH\": \"/workspace/sh-only\"}}"
#define ARGS "{\"command\": \"true\"}"

struct raw {
  struct bench_engine *engine;
  const char *container;
};

static double run_raw(void *ctx) {
  static const char *const argv[] = {"sh", "-c", "true", NULL};
  struct raw *raw = ctx;
  double start = bench_now();
  bench_exec(raw->engine, raw->container, argv, NULL);
  return bench_now() - start;
}

/* Says which files the shells are, since their sizes decide half of the times. */
static void note_shells(const char *theirs) {
  static const char *const argv[] = {"/bin/sh", "-c", "readlink -f /bin/sh", NULL};
  char ours[256];
  (void)bench_spawn_read(argv, ours, sizeof ours);
  ours[strcspn(ours, "\n")] = '\0';
  bench_note(GROUP, "sh is %s here and %.*s in the sandbox", ours, (int)strcspn(theirs, "\n"),
             theirs);
}

static void measure(struct bench *bench, char *container, struct bench_worker *sdk) {
  static const char *const host_sh[] = {"/bin/sh", "-c", "true", NULL};
  static const char *const host_bash[] = {"/bin/bash", "-c", "true", NULL};
  const char *const cli[] = {"docker", "exec", container, "sh", "-c", "true", NULL};
  struct bench_boxed sh = {&bench->box, {.name = "shell", .args = SH_ARGS, .session = SESSION}};
  struct bench_boxed bash = {&bench->box, {.name = "shell", .args = ARGS, .session = SESSION}};
  struct bench_boxed ash = {&bench->box, {.name = "shell", .args = ARGS, .session = SMALL_SESSION}};
  struct bench_queue queue;
  struct bench_started started = {&queue, sh.ask};
  struct raw raw = {&bench->engine, container};
  struct bench_case cases[9] = {
      {.name = "host_sh", .run = bench_run_spawn, .ctx = (void *)(uintptr_t)host_sh, .every = 1},
      {.name = "box_sh", .run = bench_run_boxed, .ctx = &sh, .every = 1},
      {.name = "box_started", .run = bench_run_started, .ctx = &started, .every = 1},
      {.name = "host_bash", .run = bench_run_spawn, .ctx = (void *)(uintptr_t)host_bash, .every = 1},
      {.name = "box_bash", .run = bench_run_boxed, .ctx = &bash, .every = 1},
      {.name = "box_ash", .run = bench_run_boxed, .ctx = &ash, .every = 1},
      {.name = "raw", .run = run_raw, .ctx = &raw, .every = 10}};
  size_t n = 7;
  bench_queue_open(&queue, &bench->box);
  if (bench_has_program("docker"))
    cases[n++] = (struct bench_case){
        .name = "cli", .run = bench_run_spawn, .ctx = (void *)(uintptr_t)cli, .every = 10};
  if (sdk)
    cases[n++] =
        (struct bench_case){.name = "sdk", .run = bench_worker_sample, .ctx = sdk, .every = 10};
  bench_interleave(GROUP, cases, n, bench->quick ? 200 : 1000);
  bench_queue_close(&queue);
}

void bench_group_shell(struct bench *bench) {
  char small[256], script[512];
  (void)snprintf(small, sizeof small, "{\"image\": \"%s\"}", bench->small_image);
  (void)snprintf(script, sizeof script, "%s/sdk.py", bench->here);
  struct bench_ask ask = {
      .name = "shell", .args = ARGS, .options = small, .session = SMALL_SESSION};
  (void)bench_must(&bench->box, &ask, NULL);
  char *theirs = bench_shell(&bench->box, SESSION, MAKE_SH);
  char *container = bench_container(&bench->box, SESSION);
  const char *const sdk_argv[] = {"/usr/bin/python3", script, container, NULL};
  struct bench_worker sdk;
  int have_sdk = bench_worker_start(&sdk, sdk_argv) == 0;
  double before = bench_throttled(&bench->box, SESSION);
  note_shells(theirs);
  measure(bench, container, have_sdk ? &sdk : NULL);
  bench_print_value(GROUP, "throttled", "times", bench_throttled(&bench->box, SESSION) - before);
  if (have_sdk) bench_worker_stop(&sdk);
  bench_remove(&bench->box, SESSION);
  bench_remove(&bench->box, SMALL_SESSION);
  free(container);
  free(theirs);
}
