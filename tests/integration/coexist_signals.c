/* SPDX-License-Identifier: Apache-2.0 */
/* What a host does with SIGPIPE and SIGCHLD is its own affair: whatever it is, no SIGPIPE is raised when
 * an engine, an ssh or a program that is asked for credentials dies over what it is being sent; such
 * programs work; and the host's own children stay the host's. */
#include "integration/coexist_support.h"
#include "support/engine.h"
#include "util/child.h"

#include <sys/stat.h>

/* ---- an ssh of this test's own --------------------------------------------------------------- */

static char folder[64];

static const char *in_folder(const char *name) {
  static _Thread_local char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_script(const char *name, const char *text) {
  FILE *f = fopen(in_folder(name), "we");
  if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(in_folder(name), 0755) != 0)
    BAIL_OUT("cannot write %s", in_folder(name));
}

static void remove_folder(void) {
  static const char *const names[] = {"ssh", "pid", "asked"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(names[i]));
  rmdir(folder);
}

/* Found first in PATH: what stands behind ssh:// is the engine's own client, and says who it is. */
static void make_programs(void) {
  char path[4096], script[512];
  snprintf(folder, sizeof folder, "/tmp/caisson-signals-XXXXXX");
  if (!mkdtemp(folder)) BAIL_OUT("no folder in /tmp");
  atexit(remove_folder);
  snprintf(script, sizeof script,
           "#!/bin/sh\necho $$ > %s\nDOCKER_HOST=unix://%s exec docker system dial-stdio\n",
           in_folder("pid"), engine_socket());
  write_script("ssh", script);
  write_script("asked", "#!/bin/sh\nread -r question\necho \"$question answered\"\nexit 3\n");
  snprintf(path, sizeof path, "%s:%s", folder, getenv("PATH"));
  setenv("PATH", path, 1);
}

static void kill_ssh(void) {
  int pid = 0;
  FILE *f = fopen(in_folder("pid"), "re");
  if (!f || fscanf(f, "%d", &pid) != 1 || pid <= 1) BAIL_OUT("no ssh was started");
  fclose(f);
  kill(pid, SIGKILL);
}

/* ---- habits ---------------------------------------------------------------------------------- */

static atomic_int sigpipes, reaped;

static void count_sigpipe(int number) {
  (void)number;
  atomic_fetch_add(&sigpipes, 1);
}

/* As servers do that start programs and keep no list of them. */
static void reap_all(int number) {
  int before = errno;
  (void)number;
  while (waitpid(-1, NULL, WNOHANG) > 0) atomic_fetch_add(&reaped, 1);
  errno = before;
}

static atomic_int reaper_ends;

static void *reap_always(void *arg) {
  while (!atomic_load(&reaper_ends)) {
    if (waitpid(-1, NULL, WNOHANG) > 0) atomic_fetch_add(&reaped, 1);
    else pause_a_moment();
  }
  return arg;
}

static const struct habit {
  const char *what;
  void (*sigpipe)(int), (*sigchld)(int);
  int flags;       /* of SIGCHLD's action */
  bool has_reaper; /* a thread that waits for any child */
  bool keeps;      /* the host's own child is the host's to wait for */
} habits[] = {{"all by default", SIG_DFL, SIG_DFL, 0, false, true},
              {"both ignored", SIG_IGN, SIG_IGN, 0, false, false},
              {"handlers, one of which reaps all", count_sigpipe, reap_all, SA_RESTART, false, false},
              {"SA_NOCLDWAIT", SIG_DFL, SIG_DFL, SA_NOCLDWAIT, false, false},
              {"a thread that reaps all", count_sigpipe, SIG_DFL, 0, true, false}};

static void take_up(void (*sigpipe)(int), void (*sigchld)(int), int flags) {
  struct sigaction pipe_action = {.sa_handler = sigpipe};
  struct sigaction child_action = {.sa_handler = sigchld, .sa_flags = flags};
  sigaction(SIGPIPE, &pipe_action, NULL);
  sigaction(SIGCHLD, &child_action, NULL);
}

/* ---- what is done under each ----------------------------------------------------------------- */

/* Stdin without end, under which the way to the engine breaks. */
struct flood {
  void (*kill)(pid_t pid);
  pid_t pid;
  uint64_t given;
};

static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  struct flood *f = ctx;
  if (f->given >= 1 << 20 && f->kill) {
    f->kill(f->pid);
    f->kill = NULL;
  }
  memset(buffer, 'x', capacity);
  f->given += capacity;
  return (int64_t)capacity;
}

static void kill_proxy(pid_t pid) {
  kill(pid, SIGKILL);
}

static void kill_tunnel(pid_t pid) {
  (void)pid;
  kill_ssh();
}

static void test_broken(const char *habit, const char *what, const char *settings, struct flood *f,
                        bool comes_back) {
  struct box *box = box_open(settings);
  CALL before = shell(box, "s", "echo fine; exit 3");
  exited(before, 3, "%s: a call %s", habit, what);
  is_str(call_string(before, "stdout"), "fine\n", "%s: with its output", habit);
  CALL c = call_new_shell(box, "s", "cat > /dev/null");
  c->input = give;
  c->input_ctx = f;
  call_run(c);
  was_lost(c, "%s: a call whose connection breaks while it is fed %s", habit, what);
  if (comes_back) {
    CALL after = shell(box, "s", "exit 4");
    exited(after, 4, "%s: the next call makes another", habit);
  }
  box_close(box);
}

/* As a program is asked for a registry's credentials; and one that does not listen. */
static void test_programs(const char *habit) {
  static const char *const talks[] = {"asked", NULL}, *const deaf[] = {"true", NULL};
  static char question[100000];
  const struct csn_control control = CSN_CONTROL_NONE;
  CSN_CLEANUP_BUFFER struct csn_buffer said = CSN_BUFFER(1 << 20), nothing = CSN_BUFFER(1 << 20);
  struct csn_error err = {0};
  int status = 0;
  is_int(csn_child_ask(talks, "who\n", &control, &said, &status, &err), 0, "%s: a program is asked",
         habit);
  is_str(said.data, "who answered\n", "%s: and answers", habit);
  ok(status == 3 || status == CSN_CHILD_STATUS_UNKNOWN, "%s: its status is right or not known: %d",
     habit, status);
  memset(question, 'q', sizeof question - 1);
  is_int(csn_child_ask(deaf, question, &control, &nothing, &status, &err), 0,
         "%s: one that does not listen", habit);
  is_int(nothing.size, 0, "%s: says nothing", habit);
}

/* The plugin waits for its own children by their ids. */
static void test_own_child(const struct habit *h, struct box *box) {
  int status = 0;
  pid_t own = fork();
  if (own == 0) _exit(7);
  CALL c = shell(box, "s", "exit 5");
  exited(c, 5, "%s: a call beside a child of the host's", h->what);
  test_programs(h->what);
  if (!h->keeps) return;
  is_int(waitpid(own, &status, 0), own, "%s: the host's child is left to the host", h->what);
  is_int(WEXITSTATUS(status), 7, "%s: with its status", h->what);
}

static void test_habit(const struct habit *h) {
  static const char ssh[] = "{\"engine\":{\"endpoint\":\"ssh://there\"}}";
  pthread_t reaper;
  struct proxy *proxy = proxy_start("{\"rules\":[]}");
  struct front front = front_start();
  take_up(h->sigpipe, h->sigchld, h->flags);
  atomic_store(&reaper_ends, !h->has_reaper);
  pthread_create(&reaper, NULL, reap_always, NULL);
  struct box *box = box_open(ssh);
  test_own_child(h, box);
  box_close(box);
  test_broken(h->what, "by ssh", ssh, &(struct flood){.kill = kill_tunnel}, true);
  test_broken(h->what, "by a socket", proxy->settings,
              &(struct flood){.kill = kill_proxy, .pid = proxy->pid}, false);
  if (has_tls())
    test_broken(h->what, "over TLS", front.settings,
                &(struct flood){.kill = kill_proxy, .pid = front.pid}, false);
  atomic_store(&reaper_ends, 1);
  pthread_join(reaper, NULL);
  struct sigaction now;
  sigaction(SIGPIPE, NULL, &now);
  ok(now.sa_handler == h->sigpipe, "%s: what is done about SIGPIPE is still the host's", h->what);
  sigaction(SIGCHLD, NULL, &now);
  ok(now.sa_handler == h->sigchld, "%s: and about SIGCHLD", h->what);
  is_int(atomic_load(&sigpipes), 0, "%s: no SIGPIPE was raised", h->what);
  take_up(SIG_DFL, SIG_DFL, 0);
  front_stop(&front);
  proxy_stop(proxy);
}

/* The count is one that could rise. */
static void test_count(void) {
  int ends[2];
  take_up(count_sigpipe, SIG_DFL, 0);
  if (pipe2(ends, O_CLOEXEC) != 0) BAIL_OUT("no pipe");
  close(ends[0]);
  ok(write(ends[1], "x", 1) < 0 && errno == EPIPE, "a pipe that nobody reads");
  close(ends[1]);
  is_int(atomic_load(&sigpipes), 1, "is counted");
  take_up(SIG_DFL, SIG_DFL, 0);
}

int main(void) {
  make_programs();
  for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) test_habit(&habits[i]);
  ok(atomic_load(&reaped) > 0, "the plugin's children were taken from it: %d", atomic_load(&reaped));
  test_count();
  return done_testing();
}
