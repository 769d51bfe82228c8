/* SPDX-License-Identifier: Apache-2.0 */
/* Small files: the tools on files beside the way in which sandboxes usually do it, a program in the
 * sandbox that `docker exec` starts for each call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define GROUP "files"
#define SESSION "files"
#define BATCH 1000
#define READER "import sys; sys.stdout.write(open('/workspace/four').read())"
#define MAKE_FILES                                                                 \
  "seq 1 100000 | head -c 4096 > four; mkdir -p dir; cd dir; "                     \
  "for i in $(seq 1 100); do echo $i > file$i; done"

/* Forth and back, so that there is always something to edit; one edit's time. */
static double run_edits(void *ctx) {
  struct bench_boxed *b = ctx;
  b->ask.args = "{\"path\": \"four\", \"old_string\": \"\\n500\\n\", \"new_string\": \"\\nfive\\n\"}";
  double ms = bench_run_boxed(b);
  b->ask.args = "{\"path\": \"four\", \"old_string\": \"\\nfive\\n\", \"new_string\": \"\\n500\\n\"}";
  return (ms + bench_run_boxed(b)) / 2;
}

/* A thousand files of 4 kB, one call each. */
static double run_batch(void *ctx) {
  const struct bench_boxed *b = ctx;
  double ms = 0;
  for (int i = 0; i < BATCH && !bench_stopped; i++) {
    char args[5000];
    int n = snprintf(args, sizeof args, "{\"path\": \"batch/f%d\", \"content\": \"", i);
    memset(args + n, 'x', 4096);
    strcpy(args + n + 4096, "\"}");
    struct bench_ask ask = {.name = "write", .args = args, .session = SESSION};
    ms += bench_must(b->box, &ask, NULL);
  }
  return ms;
}

void bench_group_files(struct bench *bench) {
  free(bench_shell(&bench->box, SESSION, MAKE_FILES));
  char *container = bench_container(&bench->box, SESSION);
  const char *const cli[] = {"docker", "exec", container, "python3", "-c", READER, NULL};
  char content[4200] = "{\"path\": \"written\", \"content\": \"";
  size_t n = strlen(content);
  memset(content + n, 'x', 4096);
  strcpy(content + n + 4096, "\"}");
  struct bench_boxed shell = {&bench->box,
                        {.name = "shell", .args = "{\"command\": \"true\"}", .session = SESSION}};
  struct bench_boxed read = {&bench->box,
                       {.name = "read", .args = "{\"path\": \"four\"}", .session = SESSION}};
  struct bench_boxed write = {&bench->box, {.name = "write", .args = content, .session = SESSION}};
  struct bench_boxed edit = {&bench->box, {.name = "edit", .session = SESSION}};
  struct bench_boxed list = {&bench->box,
                       {.name = "list", .args = "{\"path\": \"dir\"}", .session = SESSION}};
  struct bench_case cases[7] = {
      {.name = "shell", .run = bench_run_boxed, .ctx = &shell, .every = 1},
      {.name = "read", .run = bench_run_boxed, .ctx = &read, .every = 1},
      {.name = "write", .run = bench_run_boxed, .ctx = &write, .every = 1},
      {.name = "edit", .run = run_edits, .ctx = &edit, .every = 1},
      {.name = "list", .run = bench_run_boxed, .ctx = &list, .every = 1},
      {.name = "batch", .run = run_batch, .ctx = &read, .every = 100}};
  size_t count = 6;
  if (bench_has_program("docker"))
    cases[count++] = (struct bench_case){
        .name = "cli", .run = bench_run_spawn, .ctx = (void *)(uintptr_t)cli, .every = 20};
  bench_interleave(GROUP, cases, count, bench->quick ? 200 : 1000);
  bench_remove(&bench->box, SESSION);
  free(container);
}
