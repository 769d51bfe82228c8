/* SPDX-License-Identifier: Apache-2.0 */
/* Forks of a host: a child that goes its own way and ends, by exit() or by another program, takes
 * nothing from its parent's calls, containers and connections; and a server that forks first has one
 * plugin in each worker, sharing sessions. */
#include "integration/coexist_support.h"
#include "support/process.h"

#include <dlfcn.h>
#include <sys/mman.h>

#define WORKERS 2
#define ROUNDS 10

/* ---- what a child does, with calls of its parent's running ----------------------------------- */

static struct box *box;
static uint64_t unrun; /* a call that was opened before the fork */

static caisson_str str(const char *s) {
  return (caisson_str){s, strlen(s)};
}

/* How many functions did not say CAISSON_E_FORKED. */
static int count_answers(void) {
  const caisson_plugin *p = plugin();
  caisson_result result = {.struct_size = sizeof result};
  caisson_request request = {.struct_size = sizeof request,
                             .name = str("shell"),
                             .args_json = str("{\"command\": \"true\"}"),
                             .session = str("s")};
  caisson_error err = {.struct_size = sizeof err};
  caisson_str json;
  uint64_t id;
  return (p->create(&box->host, NULL, 0, &id, &err) != CAISSON_E_FORKED) +
         (strcmp(err.reason, CAISSON_REASON_ABI_FORKED) != 0) +
         (p->describe(box->id, &json) != CAISSON_E_FORKED) +
         (p->call_open(box->id, &request, &id, &err) != CAISSON_E_FORKED) +
         (p->call_run(box->id, unrun, NULL, &result, &err) != CAISSON_E_FORKED) +
         (p->call_cancel(box->id, unrun) != CAISSON_E_FORKED) +
         (p->call_close(box->id, unrun) != CAISSON_E_FORKED) +
         (p->drain(box->id, 0) != CAISSON_E_FORKED) + (p->destroy(box->id) != CAISSON_E_FORKED);
}

static int *wrong; /* what a child has counted: memory that it shares */

/* Without a word, since a checker of memory would take what the parent's other threads hold for lost. */
static void die(void) {
  kill(getpid(), SIGKILL);
}

static void and_exit(void) {
  *wrong = count_answers();
  exit(0);
}

/* All that a child can do to what it shares with its parent: its copies closed, one by one. */
static void and_close_all(void) {
  *wrong = count_answers();
  for (int fd = 3; fd < 1024; fd++) close(fd);
  die();
}

static void and_dlclose(void) {
  void *so = dlopen(host_env("CAISSON_PLUGIN"), RTLD_NOW | RTLD_NOLOAD);
  for (int i = 0; so && i < 3; i++) dlclose(so);
  *wrong = count_answers();
  exit(0);
}

/* A grandchild is as much a fork as its parent. */
static void and_fork_again(void) {
  pid_t pid = fork();
  if (pid == 0) *wrong = count_answers();
  if (pid != 0) status_of(pid);
  die();
}

/* What the new program finds open beside its standard descriptors and what ls opens itself. What this
 * process was started with is marked, so these are the plugin's. */
static void and_exec(void) {
  *wrong = 0;
  execl("/bin/sh", "sh", "-c", "exit $(($(ls /proc/self/fd | wc -l) - 4))", (char *)NULL);
  _exit(127);
}

static void at_once(void) {
  *wrong = 0;
  die();
}

static const struct way {
  const char *what;
  void (*go)(void);
  int status;     /* an exit status, or minus a signal */
  bool has_exits; /* with all that runs at an exit, a checker of memory too */
} ways[] = {{"a child that asks all and exits", and_exit, 0, true},
            {"a child that closes all descriptors", and_close_all, -SIGKILL, false},
            {"a child that closes the plugin", and_dlclose, 0, true},
            {"a child's child", and_fork_again, -SIGKILL, false},
            {"a child that becomes another program", and_exec, 0, false},
            {"a child that dies", at_once, -SIGKILL, false}};

/* Its parent's calls go on over the very connections that the child had, too. */
static void test_way(const struct way *w) {
  CALL waiting = call_start(call_new_shell(box, "s", "echo ready; until [ -e go ]; do sleep 0.02; done; "
                                                     "rm go; head -c 3000000 /dev/zero; exit 4"));
  CALL reading = call_start(call_new_shell(box, "s", "echo ready; while :; do echo more; sleep 0.01; done"));
  if (!call_wait_output(waiting, "ready", 30000) || !call_wait_output(reading, "ready", 30000))
    BAIL_OUT("the parent's calls do not start: %s", call_describe(waiting));
  *wrong = -1;
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0) w->go();
  is_int(status_of(child), w->status, "%s", w->what);
  is_int(*wrong, 0, "%s: is told CAISSON_E_FORKED by all that it asks", w->what);
  unsigned long long seen = atomic_load(&reading->seen);
  CALL go = shell(box, "s", "touch go");
  exited(go, 0, "%s: the parent calls", w->what);
  exited(call_join(waiting), 4, "%s: a call from before goes on to its end", w->what);
  is_int(atomic_load(&waiting->seen), 3000000 + 6, "%s: its output is whole", w->what);
  ok(!atomic_load(&reading->is_done) && atomic_load(&reading->seen) >= seen,
     "%s: the other goes on", w->what);
  call_cancel(reading);
  was_cancelled(call_join(reading), "%s: until it is cancelled", w->what);
  is_int(go->result.flags | (waiting->result.flags & ~CAISSON_RESULT_TRUNCATED), 0,
         "%s: the sandbox is the same", w->what);
}

static void test_children(const char *what, const char *settings) {
  diag("%s", what);
  caisson_request request = {.struct_size = sizeof request,
                             .name = str("shell"),
                             .args_json = str("{\"command\": \"exit 6\"}"),
                             .session = str("s")};
  bool is_checked = process_is_sanitized() || getenv("CAISSON_SLOW");
  wrong = mmap(NULL, sizeof *wrong, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  box = box_open(settings);
  CALL first = shell(box, "s", "exit 0");
  exited(first, 0, "a session");
  is_int(plugin()->call_open(box->id, &request, &unrun, NULL), CAISSON_OK, "a call is open");
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (!(ways[i].has_exits && is_checked)) test_way(&ways[i]);
  caisson_result result = {.struct_size = sizeof result};
  is_int(plugin()->call_run(box->id, unrun, NULL, &result, NULL), CAISSON_OK, "it runs after all");
  is_int(result.exit_code, 6, "as it should");
  box_close(box);
  munmap(wrong, sizeof *wrong);
}

/* ---- a server that forks first --------------------------------------------------------------- */

struct tally {
  atomic_int ready, right;
};

/* Each worker adds its lines to the one file of a session that both use, and reads what the other has
 * written. */
static void work(int number, const char *name, struct tally *tally) {
  setenv("CAISSON_TEST_INSTANCE", name, 1);
  struct box *own = box_open(NULL);
  atomic_fetch_add(&tally->ready, 1);
  while (atomic_load(&tally->ready) < WORKERS) pause_a_moment();
  for (int i = 0; i < ROUNDS; i++) {
    char command[64];
    snprintf(command, sizeof command, "echo %d.%d >> lines; exit %d", number, i, i);
    CALL c = shell(own, "shared", command);
    if (c->status == CAISSON_OK && c->result.exit_code == i) atomic_fetch_add(&tally->right, 1);
  }
  box_close(own);
  exit(0);
}

static void test_workers(void) {
  struct tally *tally =
      mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  static char *name; /* a worker's checker of memory has to find it */
  name = host_instance_name(NULL);
  pid_t workers[WORKERS];
  /* Loaded once, before the fork, as such servers do. */
  is_int(plugin()->magic, CAISSON_MAGIC, "a server loads the plugin and forks");
  (void)fflush(stdout);
  for (int i = 0; i < WORKERS; i++)
    if ((workers[i] = fork()) == 0) work(i, name, tally);
  for (int i = 0; i < WORKERS; i++) is_int(status_of(workers[i]), 0, "worker %d ends well", i);
  is_int(atomic_load(&tally->right), WORKERS * ROUNDS, "all calls of all workers");
  munmap(tally, sizeof *tally);
  box = box_open(NULL);
  CALL count = shell(box, "shared", "sort -u lines | wc -l");
  is_str(call_string(count, "stdout"), "20\n", "in one sandbox, which outlives them");
  box_close(box);
  free(name);
}

static void mark_inherited(void) {
  for (int fd = 3; fd < 1024; fd++) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int main(void) {
  mark_inherited();
  test_workers();
  struct front front = front_start();
  test_children("by the engine's socket", NULL);
  /* Whoever closes such a connection can tell the other side so. */
  if (has_tls()) test_children("over TLS", front.settings);
  front_stop(&front);
  return done_testing();
}
