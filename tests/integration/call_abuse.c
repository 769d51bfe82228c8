/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that attack what runs them: they may end their own call and their neighbours', never the
 * host, the session's files or the next call. */
#include "support/host.h"
#include "tap.h"

static struct box *box;

/* Which container it is; the caller's to free. */
static char *container_of(const char *session) {
  CALL c = operation(box, "session.inspect", session, NULL);
  return strdup(call_string(c, "container_id"));
}

/* ---- kills ----------------------------------------------------------------------------------- */

/* The command's parent, and the helper that speaks to the host: its parent, or itself where it has
 * no other process for that. Process 1, and 0 for what is outside, are neither. */
#define SUPERVISOR "$PPID"
#define HELPER                                              \
  "$(read -r stat </proc/$PPID/stat; set -- ${stat##*) }; " \
  "[ $2 -gt 1 ] && echo $2 || echo $PPID)"

static const struct {
  const char *name, *command;
} kills[] = {
    {"kill -9 -1", "kill -9 -1; sleep 600"},
    {"kill -9 -1 by a grandchild in its own session",
     "setsid python3 -c 'import os; os.kill(-1, 9)' & sleep 600"},
    {"killing its supervisor", "kill -9 " SUPERVISOR "; sleep 600"},
    {"killing its helper", "kill -9 " HELPER "; sleep 600"},
    {"killing helper and supervisor", "kill -9 " HELPER " " SUPERVISOR "; sleep 600"},
    {"SIGTERM and all other signals to helper and supervisor",
     "for s in $(seq 1 64); do kill -$s " HELPER " " SUPERVISOR "; done 2>/dev/null; sleep 600"},
};

/* Two seconds is the promise; what else this machine does meanwhile may take its time too. */
#define LOST_WITHIN_MS 2000

static void test_kill(const char *name, const char *command) {
  CALL setup = shell(box, "k", "echo mine > kept; sleep 9999 >/dev/null 2>&1 &");
  exited(setup, 0, "%s: a session with a file and a process", name);
  char *before = container_of("k");
  CALL c = shell(box, "k", command);
  was_lost(c, "%s: the call is lost", name);
  call_ok(c, c->took_ns < host_patience(LOST_WITHIN_MS) * 1000000LL, "%s: within 2 s (%lld ms)",
          name, (long long)c->took_ns / 1000000);
  is_str(call_reason(c), CAISSON_REASON_HELPER_LOST, "%s: the reason", name);
  call_ok(c, strstr(call_text(c), "[lost: "), "%s: the text says so", name);
  CALL next = shell(box, "k", "cat kept");
  exited(next, 0, "%s: the next call works", name);
  is_str(call_string(next, "stdout"), "mine\n", "%s: files are there", name);
  is_int(next->result.flags, 0, "%s: it is the same session", name);
  char *after = container_of("k");
  is_str(after, before, "%s: and the same container", name);
  is_int(host_count_processes(box, "k", "sleep"), 0, "%s: nothing that ran before runs now", name);
  free(before);
  free(after);
}

/* The first call of a session has its channel over process 1, later ones by an exec. */
static void test_kill_on_second_channel(void) {
  CALL first = call_start(call_new_shell(box, "k", "echo ready; sleep 600"));
  ok(call_wait_output(first, "ready", 20000), "a call on one channel");
  CALL second = shell(box, "k", "kill -9 -1; sleep 600");
  was_lost(second, "kill -9 -1 on another");
  call_ok(second, second->took_ns < host_patience(LOST_WITHIN_MS) * 1000000LL,
          "is lost within 2 s");
  ok(call_wait_done(first, LOST_WITHIN_MS), "and so is the first, as soon");
  was_lost(call_join(first), "with its outcome");
  CALL next = shell(box, "k", "cat kept");
  is_str(call_string(next, "stdout"), "mine\n", "the session lives on");
}

/* ---- what cannot be killed ------------------------------------------------------------------- */

static void test_init(void) {
  char *before = container_of("k");
  CALL c = shell(box, "k", "for s in $(seq 1 64); do kill -$s 1; done 2>/dev/null; echo alive");
  exited(c, 0, "signals to process 1");
  is_str(call_string(c, "stdout"), "alive\n", "do nothing");
  CALL next = shell(box, "k", "cat kept");
  is_str(call_string(next, "stdout"), "mine\n", "the next call works");
  char *after = container_of("k");
  is_str(after, before, "in the same container");
  free(before);
  free(after);
}

/* ---- what is stopped ------------------------------------------------------------------------- */

/* Is a helper or supervisor stopped in the session? */
static bool is_stopped(void *session) {
  CALL c = shell(box, session,
                 "for d in /proc/[0-9]*; do read -r l <$d/stat && echo \"$l\"; done "
                 "2>/dev/null | grep -q 'caisson-serve) T'");
  return c->status == CAISSON_OK && c->result.exit_code == 0;
}

/* A helper that is stopped cannot answer: a cancel must end the call all the same, all of it, and
 * the next call must work. */
static void test_stopped(void) {
  static const struct {
    const char *name, *command;
  } rows[] = {{"a stopped supervisor", "echo ready; kill -STOP " SUPERVISOR "; sleep 600"},
              {"a stopped helper", "echo ready; kill -STOP " HELPER "; sleep 600"}};
  char session[] = "stop";
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = call_start(call_new_shell(box, session, rows[i].command));
    ok(host_wait(is_stopped, session, 20000), "%s", rows[i].name);
    call_cancel(c);
    int64_t since = host_now_ns();
    call_join(c);
    call_ok(c,
            c->status == CAISSON_OK && (c->result.outcome == CAISSON_OUTCOME_CANCELLED ||
                                        c->result.outcome == CAISSON_OUTCOME_LOST),
            "%s: its call ends after a cancel", rows[i].name);
    int64_t ms = (host_now_ns() - since) / 1000000;
    ok(ms < host_patience(30000), "%s: in %lld ms", rows[i].name, (long long)ms);
    CALL next = shell(box, session, "echo works");
    exited(next, 0, "%s: the next call works", rows[i].name);
    is_int(host_count_processes(box, session, "sleep 600"), 0, "%s: nothing of it is left",
           rows[i].name);
  }
}

/* ---- what is squeezed ------------------------------------------------------------------------ */

static const struct squeeze {
  const char *name, *code;
} squeezes[] = {
    {"prlimit of process 1: no files", "r.prlimit(1, r.RLIMIT_NOFILE, (0, 0))"},
    {"prlimit of process 1: no memory", "r.prlimit(1, r.RLIMIT_AS, (1, 1))"},
    {"prlimit of process 1: no CPU time", "r.prlimit(1, r.RLIMIT_CPU, (1, 1))"},
    {"prlimit of process 1: no stack", "r.prlimit(1, r.RLIMIT_STACK, (4096, 4096))"},
    {"renice of process 1", "os.setpriority(os.PRIO_PROCESS, 1, 19)"},
    {"process 1 made idle", "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))"},
    {"prlimit of the helper: no files", "r.prlimit(helper, r.RLIMIT_NOFILE, (0, 0))"},
    {"prlimit of the helper: no memory", "r.prlimit(helper, r.RLIMIT_AS, (1, 1))"},
    {"renice of the helper", "os.setpriority(os.PRIO_PROCESS, helper, 19)"},
    {"prlimit of the supervisor: no files", "r.prlimit(os.getppid(), r.RLIMIT_NOFILE, (0, 0))"},
    {"renice of the supervisor", "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)"},
};

#define SQUEEZES (sizeof squeezes / sizeof *squeezes)

static struct call *start_squeeze(const struct squeeze *s, const char *session) {
  char code[600];
  snprintf(code, sizeof code,
           "import os, time, resource as r\n"
           "stat = open('/proc/%%d/stat' %% os.getppid()).read()\n"
           "helper = int(stat.rsplit(')', 1)[1].split()[1])\n"
           "if helper <= 1: helper = os.getppid()\n"
           "%s\n"
           "time.sleep(3)\n"
           "print('squeezed')\n",
           s->code);
  return call_start(call_new_python(box, session, code));
}

static bool is_squeezed(const struct call *c) {
  return c->status == CAISSON_OK && c->result.outcome == CAISSON_OUTCOME_LOST &&
         strcmp(call_reason(c), CAISSON_REASON_SANDBOX_SQUEEZED) == 0;
}

/* The call ends by itself, or is lost for that very reason; and either way the session goes on. */
static void check_squeeze(const struct squeeze *s, struct call *c) {
  call_join(c);
  bool is_harmless = c->status == CAISSON_OK && c->result.outcome == CAISSON_OUTCOME_EXITED;
  if (is_harmless)
    is_str(call_string(c, "stdout"), "squeezed\n", "%s: harmless", s->name);
  else
    call_ok(c, strcmp(call_reason(c), CAISSON_REASON_SANDBOX_SQUEEZED) == 0,
            "%s: lost, with that reason", s->name);
  if (!is_harmless) was_lost(c, "%s: and its outcome", s->name);
  /* Whoever comes while the helper, which noticed it after its result, ends all is lost as well. */
  CALL meanwhile = shell(box, c->session, "echo works");
  if (!is_squeezed(meanwhile)) exited(meanwhile, 0, "%s: the next call works", s->name);
  for (int i = 0; i < 2; i++) {
    CALL next = shell(box, c->session, "echo works");
    exited(next, 0, "%s: a further one works", s->name);
  }
  CALL cancelled = call_new_shell(box, c->session, "sleep 600");
  call_run(call_arg_number(cancelled, "timeout_ms", 200));
  was_late(cancelled, "%s: one can be killed", s->name);
}

static void test_squeezes(void) {
  struct call *calls[SQUEEZES];
  char session[32];
  for (size_t i = 0; i < SQUEEZES; i++) {
    snprintf(session, sizeof session, "squeeze%zu", i);
    calls[i] = start_squeeze(&squeezes[i], session);
  }
  for (size_t i = 0; i < SQUEEZES; i++) {
    check_squeeze(&squeezes[i], calls[i]);
    call_free(calls[i]);
  }
}

int main(void) {
  box = box_open(NULL);
  for (size_t i = 0; i < sizeof kills / sizeof *kills; i++)
    test_kill(kills[i].name, kills[i].command);
  test_kill_on_second_channel();
  test_init();
  test_stopped();
  test_squeezes();
  box_close(box);
  return done_testing();
}
