/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the plugin beside what it replaces and prints one line of JSON for each figure; `run`
 * makes a table of them. Knows the order of the groups and what is cleaned up at the end.
 *
 *   bench --plugin FILE --instance NAME --image IMAGE --small-image IMAGE --here FOLDER
 *         --workload FILE --other-plugin FILE --host FILE [--quick] [GROUP...] */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

volatile int bench_stopped;

static struct bench bench;

static const struct {
  const char *name;
  void (*run)(struct bench *bench);
} groups[] = {
    {"shell", bench_group_shell},   {"first", bench_group_first},   {"pool", bench_group_pool},
    {"adopt", bench_group_adopt},   {"many", bench_group_many},     {"burst", bench_group_burst},
    {"cancel", bench_group_cancel}, {"output", bench_group_output},
    {"files", bench_group_files},   {"search", bench_group_search}, {"transfer", bench_group_transfer},
    {"swap", bench_group_swap},     {"mcp", bench_group_mcp},
};

#define GROUPS (sizeof groups / sizeof *groups)

static void on_signal(int number) {
  (void)number;
  bench_stopped = 1;
}

/* Everything that carries this bench's instance name, whoever made it. */
static void clean_up(void) {
  struct bench_answer answer;
  struct bench_ask ask = {.name = "session.shutdown", .args = "{\"scope\": \"instance\"}"};
  if (!bench.box.instance) return;
  bench_stopped = 0; /* this call is not to be cancelled */
  bench_call(&bench.box, &ask, &answer);
  if (answer.status != CAISSON_OK || answer.exit_code != 0)
    (void)fprintf(stderr, "bench: could not remove its sandboxes: %s\n", answer.message);
  free(answer.text);
  bench_box_close(&bench.box);
}

_Noreturn void bench_die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)fputs("bench: ", stderr);
  (void)vfprintf(stderr, format, args);
  (void)fputc('\n', stderr);
  va_end(args);
  clean_up();
  exit(1);
}

static _Noreturn void usage(void) {
  (void)fputs("bench: run it by tests/bench/run, which knows its arguments\n", stderr);
  exit(2);
}

/* The session to adopt, or NULL. */
static const char *read_options(int argc, char **argv) {
  static const struct option options[] = {
      {"plugin", 1, NULL, 'p'}, {"instance", 1, NULL, 'i'},    {"image", 1, NULL, 'm'},
      {"here", 1, NULL, 'h'},   {"small-image", 1, NULL, 's'}, {"workload", 1, NULL, 'w'},
      {"adopt", 1, NULL, 'a'},  {"quick", 0, NULL, 'q'},       {"other-plugin", 1, NULL, 'o'},
      {"host", 1, NULL, 'H'},   {NULL, 0, NULL, 0}};
  const char *adopt = NULL;
  int c;
  while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (c) {
      case 'p': bench.plugin = optarg; break;
      case 'i': bench.instance = optarg; break;
      case 'm': bench.image = optarg; break;
      case 's': bench.small_image = optarg; break;
      case 'h': bench.here = optarg; break;
      case 'w': bench.workload = optarg; break;
      case 'o': bench.other_plugin = optarg; break;
      case 'H': bench.host_program = optarg; break;
      case 'q': bench.quick = 1; break;
      case 'a': adopt = optarg; break;
      default: usage();
    }
  }
  if (!bench.plugin || !bench.instance || !bench.image) usage();
  if (!adopt && !(bench.small_image && bench.here && bench.workload && bench.other_plugin &&
                  bench.host_program))
    usage();
  return adopt;
}

static int is_wanted(const char *name, char **names, int n) {
  for (int i = 0; i < n; i++)
    if (strcmp(names[i], name) == 0) return 1;
  return n == 0;
}

int main(int argc, char **argv) {
  const char *adopt = read_options(argc, argv);
  if (adopt) {
    bench_adopt_child(&bench, adopt);
    return 0;
  }
  struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  signal(SIGPIPE, SIG_IGN);
  bench_box_open(&bench.box, bench.plugin, bench.instance, bench.image, "");
  bench_engine_open(&bench.engine);
  for (size_t i = 0; i < GROUPS; i++)
    if (is_wanted(groups[i].name, argv + optind, argc - optind)) groups[i].run(&bench);
  clean_up();
  return 0;
}
