/* SPDX-License-Identifier: Apache-2.0 */
/* See janitor.h. The process on watch is a daemon that holds the reading end of a pipe: the names
 * come through it, and its end means that the test is gone. */
#include "support/janitor.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/host.h"
#include "tap.h"

#define NAMES_MAX 64
#define NAME_SIZE 64

static struct {
  char names[NAMES_MAX][NAME_SIZE];
  size_t count;
} known;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pipe_fd = -1;
static pid_t owner;

/* ---- the work -------------------------------------------------------------------------------- */

static void end_sandboxes(const caisson_plugin *p, const char *instance) {
  char config[256];
  static const char args[] = "{\"scope\":\"instance\"}";
  static const char name[] = "session.shutdown";
  caisson_host host = {.struct_size = sizeof host, .name = "janitor", .version = "1"};
  caisson_request request = {.struct_size = sizeof request,
                             .flags = CAISSON_REQUEST_HOST,
                             .name = {name, sizeof name - 1},
                             .args_json = {args, sizeof args - 1},
                             .deadline_ms = 60000};
  caisson_result result = {.struct_size = sizeof result};
  uint64_t box, call;
  int n =
      snprintf(config, sizeof config,
               "{\"config_version\":1,\"instance\":\"%s\",\"engine\":{\"lazy\":true}}", instance);
  if (p->create(&host, config, (uint64_t)n, &box, NULL) != CAISSON_OK) return;
  if (p->call_open(box, &request, &call, NULL) == CAISSON_OK)
    p->call_run(box, call, NULL, &result, NULL);
  p->destroy(box);
}

/* ---- on watch -------------------------------------------------------------------------------- */

/* A name per line; "." means that the test has done the work itself. */
static void watch(int fd) {
  FILE *in = fdopen(fd, "r");
  char line[NAME_SIZE + 2];
  while (in && fgets(line, sizeof line, in)) {
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, ".") == 0) return;
    if (known.count < NAMES_MAX) strcpy(known.names[known.count++], line);
  }
  void *so = dlopen(getenv("CAISSON_PLUGIN"), RTLD_NOW | RTLD_LOCAL);
  caisson_entry_fn *entry =
      so ? (caisson_entry_fn *)(uintptr_t)dlsym(so, CAISSON_ENTRY_SYMBOL) : NULL;
  for (size_t i = 0; entry && i < known.count; i++) end_sandboxes(entry(), known.names[i]);
}

/* Twice forked, so that the test has no child to wait for; nothing of the test's terminal or pipes
 * is kept, so that whoever reads its output sees its end. */
static void start_watch(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) BAIL_OUT("no pipe to be had");
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    close(ends[1]);
    watch(ends[0]);
    _exit(0);
  }
  if (child < 0) BAIL_OUT("no process to be had");
  waitpid(child, NULL, 0);
  close(ends[0]);
  pipe_fd = ends[1];
}

static void say(const char *line) {
  if (write(pipe_fd, line, strlen(line)) < 0) BAIL_OUT("the janitor is gone");
}

/* ---- the test's side ------------------------------------------------------------------------- */

static void at_exit(void) {
  if (getpid() != owner) return;
  for (size_t i = 0; i < known.count; i++) end_sandboxes(plugin(), known.names[i]);
  say(".\n");
}

static void start(void) {
  start_watch();
  owner = getpid();
  atexit(at_exit);
}

static bool is_known(const char *instance) {
  for (size_t i = 0; i < known.count; i++)
    if (strcmp(known.names[i], instance) == 0) return true;
  return false;
}

void janitor_add(const char *instance) {
  char line[NAME_SIZE + 2];
  pthread_mutex_lock(&mutex);
  if (!owner) start();
  if (!is_known(instance)) {
    if (known.count == NAMES_MAX) BAIL_OUT("too many instance names");
    snprintf(known.names[known.count++], NAME_SIZE, "%s", instance);
    snprintf(line, sizeof line, "%s\n", instance);
    say(line);
  }
  pthread_mutex_unlock(&mutex);
}

/* A process that a test starts as another host of the same sandboxes is given their name, and
 * leaves the cleaning to the test. */
char *host_instance_name(const char *suffix) {
  static char base[32];
  static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
  char name[NAME_SIZE];
  const char *given = getenv("CAISSON_TEST_INSTANCE");
  pthread_mutex_lock(&once);
  if (!base[0] && given) snprintf(base, sizeof base, "%s", given);
  if (!base[0])
    snprintf(base, sizeof base, "t%ld.%lx", (long)getpid(),
             (unsigned long)(host_now_ns() & 0xffffff));
  pthread_mutex_unlock(&once);
  snprintf(name, sizeof name, "%s%s", base, suffix ? suffix : "");
  if (!given) janitor_add(name);
  return strdup(name);
}
