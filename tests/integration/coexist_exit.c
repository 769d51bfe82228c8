/* SPDX-License-Identifier: Apache-2.0 */
/* A host that ends, in every way there is, or lets go of the plugin while calls run in it: nothing
 * crashes, and what its calls ran in the sandbox ends with it. Each such host is a fork that loads the
 * plugin itself; this process has not loaded it yet. */
#include "integration/coexist_support.h"

#include <dlfcn.h>

#define CALLS 3
#define ENDED_WELL 0

/* ---- how it ends ----------------------------------------------------------------------------- */

static void by_exit(void) {
  exit(ENDED_WELL);
}

static void by_quick_exit(void) {
  quick_exit(ENDED_WELL);
}

static void by_underscore_exit(void) {
  _exit(ENDED_WELL);
}

static void by_exec(void) {
  execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
}

static void by_dlclose_and_exit(void) {
  void *so = dlopen(host_env("CAISSON_PLUGIN"), RTLD_NOW | RTLD_NOLOAD);
  for (int i = 0; so && i < 3; i++) dlclose(so);
  exit(ENDED_WELL);
}

static void by_return(void) {
}

static int32_t exit_in_hook(struct call *c, uint32_t stream, const void *bytes, size_t n) {
  (void)c, (void)stream, (void)bytes, (void)n;
  exit(ENDED_WELL);
}

static const struct ending {
  const char *what;
  void (*end)(void); /* NULL: a hook does it */
} endings[] = {{"exit()", by_exit},
               {"a return from main", by_return},
               {"quick_exit()", by_quick_exit},
               {"_exit()", by_underscore_exit},
               {"an exec of another program", by_exec},
               {"dlclose() and exit()", by_dlclose_and_exit},
               {"exit() from inside a hook", NULL}};

#define ENDINGS (sizeof endings / sizeof *endings)
#define FIRST ((size_t)10) /* marks of two digits, none of which is part of another */

/* TLS brings a library with ends and threads' data of its own. */
static const char *const by_engine[] = {"", ", over TLS"};

/* ---- the host that ends ---------------------------------------------------------------------- */

/* Its calls: one that waits, one whose children do, one that never stops talking. */
static void start_calls(struct box *box, size_t number) {
  static const char *const formats[CALLS] = {
      "echo ready; sleep 600.%zu", "echo ready; (setsid sleep 600.%zu &); sleep 600.%zu",
      "echo ready; while :; do sleep 0.01; echo 600.%zu; done"};
  for (int i = 0; i < CALLS; i++) {
    char command[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* they stand in the table above */
    snprintf(command, sizeof command, formats[i], FIRST + number, FIRST + number);
#pragma GCC diagnostic pop
    struct call *c = call_start(call_new_shell(box, "s", command));
    if (!call_wait_output(c, "ready", 30000)) BAIL_OUT("a call does not start");
  }
}

/* Returns only where main is to return, behind which a checker of memory still has to find the box. */
static void be_a_host(size_t number, const char *name, const char *settings) {
  static struct box *box;
  setenv("CAISSON_TEST_INSTANCE", name, 1);
  box = box_open(settings);
  start_calls(box, number);
  if (endings[number % ENDINGS].end) {
    endings[number % ENDINGS].end();
    return;
  }
  struct call *last = call_new_shell(box, "s", "echo out");
  last->on_output = exit_in_hook;
  call_run(last);
}

/* ---- what is left of it ---------------------------------------------------------------------- */

struct remains {
  struct box *box;
  char mark[16];
};

static bool is_gone(void *arg) {
  const struct remains *r = arg;
  return host_count_processes(r->box, "s", r->mark) == 0;
}

static void test_remains(const char *name, size_t hosts) {
  struct box *box = box_open(NULL);
  is_str(box->name, name, "the next host of the same sandbox");
  for (size_t i = 0; i < hosts; i++) {
    struct remains r = {.box = box};
    snprintf(r.mark, sizeof r.mark, "600.%zu", FIRST + i);
    ok(host_wait(is_gone, &r, 30000), "%s%s: nothing of its calls runs any more",
       endings[i % ENDINGS].what, by_engine[i / ENDINGS]);
  }
  CALL c = shell(box, "s", "exit 3");
  exited(c, 3, "and the sandbox works");
  is_int(c->result.flags, 0, "the very same one");
  box_close(box);
}

/* ---- dlclose while the plugin is in use ------------------------------------------------------ */

static pthread_key_t key;
static atomic_int late_calls;

/* At the end of a thread, when the memory that the libraries keep for it may be gone already. */
static void call_at_end(void *box) {
  CALL c = shell(box, "s", "exit 3");
  if (c->status == CAISSON_OK && c->result.exit_code == 3) atomic_fetch_add(&late_calls, 1);
}

static void *call_and_end(void *box) {
  CALL c = shell(box, "s", "exit 0");
  pthread_setspecific(key, box);
  return c->status == CAISSON_OK ? box : NULL;
}

struct waiting {
  struct box *box;
  atomic_int has_called, may_end;
};

static void *call_and_wait(void *arg) {
  struct waiting *w = arg;
  CALL c = shell(w->box, "s", "exit 0");
  atomic_store(&w->has_called, c->status == CAISSON_OK ? 1 : -1);
  while (!atomic_load(&w->may_end)) pause_a_moment();
  return NULL;
}

static bool has_called(void *arg) {
  struct waiting *w = arg;
  return atomic_load(&w->has_called);
}

/* Each reference that anybody took, and more. */
static void let_go(void) {
  void *so = dlopen(host_env("CAISSON_PLUGIN"), RTLD_NOW | RTLD_NOLOAD);
  if (!so) BAIL_OUT("%s", dlerror());
  is_int(dlclose(so), 0, "dlclose, of the last open");
  is_int(dlclose(so), 0, "and of the first");
}

static void test_dlclose(const char *settings) {
  struct box *box = box_open(settings);
  CALL running = call_start(call_new_shell(box, "s", "echo ready; sleep 1; exit 4"));
  ok(call_wait_output(running, "ready", 30000), "a call that runs");
  struct waiting w = {.box = box};
  pthread_t waiting, ending[4];
  pthread_create(&waiting, NULL, call_and_wait, &w);
  ok(host_wait(has_called, &w, 30000) && atomic_load(&w.has_called) == 1,
     "a thread that has called, and lives");
  let_go();
  exited(call_join(running), 4, "the call that runs goes on to its end");
  CALL after = shell(box, "s", "exit 5");
  exited(after, 5, "the table still works: the file stays where it is");
  pthread_key_create(&key, call_at_end);
  for (int i = 0; i < 4; i++) pthread_create(&ending[i], NULL, call_and_end, box);
  for (int i = 0; i < 4; i++) pthread_join(ending[i], NULL);
  is_int(atomic_load(&late_calls), 4, "threads may call while they end");
  box_close(box);
  atomic_store(&w.may_end, 1);
  is_int(pthread_join(waiting, NULL), 0, "a thread that used it ends after it was closed");
}

int main(void) {
  static char *name; /* as `box` above */
  name = host_instance_name(NULL);
  struct front front = front_start();
  size_t hosts = has_tls() ? 2 * ENDINGS : ENDINGS;
  for (size_t i = 0; i < hosts; i++) {
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      be_a_host(i, name, i < ENDINGS ? NULL : front.settings);
      return ENDED_WELL;
    }
    is_int(status_of(child), ENDED_WELL, "a host with calls that run ends by %s%s",
           endings[i % ENDINGS].what, by_engine[i / ENDINGS]);
  }
  test_remains(name, hosts);
  test_dlclose(has_tls() ? front.settings : NULL);
  front_stop(&front);
  free(name);
  return done_testing();
}
