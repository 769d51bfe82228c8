/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caisson-guest: the helper inside a sandbox. `init` is its process 1, `serve` is one channel,
 * `reap` removes old helpers. This file knows the command line and nothing else.
 */
#include "guest/basics.h"
#include "guest/init.h"
#include "guest/reap.h"
#include "guest/report.h"
#include "guest/routes.h"
#include "guest/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: caisson-guest init [--key KEY] [--idle-ms N] [--lifetime-ms N] [--pooled 1]\n"
    "                          [--await-routes LIST]\n"
    "       caisson-guest serve [--silence-ms N]\n"
    "       caisson-guest reap list|remove MIN_AGE_S [NAME_TO_KEEP...]\n"
    "       caisson-guest routes [--deny LIST] [--allow LIST] [--resolvers LIST] [--ports LIST]\n"
    "                            [--host 1]\n"
    "       caisson-guest host\n"
    "The part of Caisson that runs inside a sandbox; it is started by the engine, not by people.\n";

static _Noreturn void refuse(void) {
  if (write(2, usage, sizeof usage - 1) < 0) exit(CSN_INIT_EXIT_USAGE);
  exit(CSN_INIT_EXIT_USAGE);
}

static uint64_t parse_number(const char *text) {
  char *end;
  errno = 0;
  uint64_t number = strtoull(text, &end, 10);
  if (errno != 0 || *text < '0' || *text > '9' || *end != '\0') refuse();
  return number;
}

struct option {
  const char *name;
  uint64_t *number;      /* one of the two is set */
  const char **string;
};

static void parse(char **arguments, const struct option *options, size_t count) {
  for (; *arguments != NULL; arguments += 2) {
    const struct option *option = NULL;
    for (size_t i = 0; i < count; i++) {
      if (strcmp(options[i].name, *arguments) == 0) option = &options[i];
    }
    if (option == NULL || arguments[1] == NULL) refuse();
    if (option->string != NULL)
      *option->string = arguments[1];
    else
      *option->number = parse_number(arguments[1]);
  }
}

static _Noreturn void run_init(char **arguments) {
  struct csn_init_options init = {.key = ""};
  const struct option options[] = {
    {"--key", NULL, &init.key},
    {"--idle-ms", &init.idle_ms, NULL},
    {"--lifetime-ms", &init.lifetime_ms, NULL},
    {"--pooled", &init.pooled, NULL},
    {"--await-routes", NULL, &init.await_routes},
  };
  parse(arguments, options, sizeof options / sizeof options[0]);
  csn_guest_drop_capabilities();
  csn_init_main(&init);
}

static _Noreturn void run_serve(char **arguments) {
  uint64_t silence_ms = CSN_SILENCE_MS;
  const struct option options[] = {{"--silence-ms", &silence_ms, NULL}};
  parse(arguments, options, 1);
  csn_guest_drop_capabilities();
  csn_serve_main(silence_ms);
}

static _Noreturn void run_reap(char **arguments) {
  if (arguments[0] == NULL || arguments[1] == NULL) refuse();
  bool removes = strcmp(arguments[0], "remove") == 0;
  if (!removes && strcmp(arguments[0], "list") != 0) refuse();
  csn_reap_main(removes, parse_number(arguments[1]), arguments + 2);
}

static _Noreturn void run_routes(char **arguments) {
  struct csn_routes_options routes = {"", "", "", "", ""};
  const struct option options[] = {
    {"--deny", NULL, &routes.deny},           {"--allow", NULL, &routes.allow},
    {"--resolvers", NULL, &routes.resolvers}, {"--ports", NULL, &routes.ports},
    {"--host", NULL, &routes.host},
  };
  parse(arguments, options, sizeof options / sizeof options[0]);
  csn_routes_main(&routes);
}

int main(int argc, char **argv) {
  csn_report_remember();
  csn_guest_harden();
  /* 0, 1 and 2 exist, so that nothing else ever gets their numbers. */
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return CSN_INIT_EXIT_INTERNAL;
  }
  if (argc >= 2 && strcmp(argv[1], "init") == 0) run_init(argv + 2);
  if (argc >= 2 && strcmp(argv[1], "serve") == 0) run_serve(argv + 2);
  if (argc >= 2 && strcmp(argv[1], "reap") == 0) run_reap(argv + 2);
  if (argc >= 2 && strcmp(argv[1], "routes") == 0) run_routes(argv + 2);
  if (argc == 2 && strcmp(argv[1], "host") == 0) csn_routes_host_main();
  refuse();
}
