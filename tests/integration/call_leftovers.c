/* SPDX-License-Identifier: Apache-2.0 */
/* What a call leaves in its sandbox for the next one: servers in the background, memory, files and
 * processes up to their limits. */
#include "support/host.h"
#include "tap.h"

static struct box *box;

/* ---- in the background ----------------------------------------------------------------------- */

/* Writes 1 kB lines to its stdout, which is the call's, and counts them in a file. */
#define CHATTER                           \
  "python3 -c 'import itertools\n"        \
  "for n in itertools.count(1):\n"        \
  "    print(\"x\" * 1000, flush=True)\n" \
  "    if n % 50 == 0: open(\"count\", \"w\").write(str(n))' noise & "

struct at_least {
  const char *session;
  int lines;
};

static int lines_written(const char *session) {
  CALL c = shell(box, session, "cat count");
  return atoi(call_string(c, "stdout"));
}

static bool has_written(void *arg) {
  const struct at_least *a = arg;
  return lines_written(a->session) >= a->lines;
}

static void test_chatter(void) {
  CALL c = shell(box, "b", CHATTER "sleep 0.2; echo started");
  exited(c, 0, "a command that leaves a noisy process behind");
  call_ok(c, c->took_ns < host_patience(10000) * 1000000LL, "ends at once (%lld ms)",
          (long long)c->took_ns / 1000000);
  is_int(c->result.flags & CAISSON_RESULT_STILL_RUNNING, CAISSON_RESULT_STILL_RUNNING,
         "a flag says that something still runs");
  is_int(call_number(c, "still_running"), 1, "and how many");
  call_ok(c, strstr(call_text(c), "[1 process that it started still runs in the background]"),
          "the text says so too");
  uint64_t seen = atomic_load(&c->seen);
  /* More than any pipe holds. */
  struct at_least much = {"b", lines_written("b") + 2000};
  ok(host_wait(has_written, &much, 60000), "it goes on, and may write as much as it likes");
  is_int(atomic_load(&c->seen), seen, "none of which reaches a call that is over");
  CALL t = call_run(call_arg_number(call_new_shell(box, "b", "sleep 600"), "timeout_ms", 200));
  was_late(t, "another call is killed");
  is_int(host_count_processes(box, "b", " noise"), 1, "it is not");
  CALL kill = python(box, "b",
                     "import os\n"
                     "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
                     "    try: line = open('/proc/%s/cmdline' % pid, 'rb').read()\n"
                     "    except OSError: continue\n"
                     "    if b'\\0noise\\0' in line: os.kill(int(pid), 9)\n");
  exited(kill, 0, "a later call may look for it");
  is_int(host_count_processes(box, "b", " noise"), 0, "and end it");
}

/* The channel that the call had is gone then, and so is everything that read from its pipes. */
static void test_chatter_outlives_its_host(void) {
  struct box *here = box;
  box = box_open_as("v", NULL);
  {
    CALL c = shell(box, "v", CHATTER "sleep 0.2; echo started");
    exited(c, 0, "a noisy process again");
  }
  box_close(box);
  box = box_open_as("v", NULL);
  struct at_least much = {"v", lines_written("v") + 2000};
  ok(host_wait(has_written, &much, 60000), "it goes on when its instance is destroyed");
  box_close(box);
  box = here;
}

static void test_server(void) {
  CALL c = shell(box, "b",
                 "echo hello > page; python3 -m http.server 8000 --bind 127.0.0.1 "
                 ">/dev/null 2>&1 & echo started");
  exited(c, 0, "a server in the background");
  static const char fetch[] =
      "import time, urllib.request\n"
      "for i in range(1000):\n"
      "    try: print(urllib.request.urlopen('http://127.0.0.1:8000/page').read()); break\n"
      "    except OSError: time.sleep(0.02)\n";
  for (int i = 0; i < 2; i++) {
    CALL get = python(box, "b", fetch);
    is_str(call_string(get, "stdout"), "b'hello\\n'\n", "answers later calls");
  }
}

static void test_orphans(void) {
  CALL c =
      shell(box, "b",
            "(setsid sh -c 'sleep 9000 & sleep 9001' & ) >/dev/null 2>&1; sleep 0.2; echo gone");
  exited(c, 0, "processes that hide in a session of their own");
  call_ok(c, call_number(c, "still_running") >= 2, "are counted all the same");
  CALL quick = shell(box, "b", "sh -c 'sleep 0.001 &' ; (:) & echo done");
  exited(quick, 0, "what is about to end");
}

/* ---- memory ---------------------------------------------------------------------------------- */

static struct box *open_small(void) {
  return box_open_as("m",
                     "{\"sandbox\": {\"memory\": \"64m\", \"workspace\": {\"size\": \"8m\"},"
                     " \"tmp\": {\"size\": \"8m\"}, \"shm\": {\"size\": \"1m\"},"
                     " \"pids\": 64}}");
}

static const char glutton[] = "held = []\nwhile True: held.append(b'x' * 1000000)\n";

static void test_memory(struct box *small) {
  CALL setup = shell(small, "s", "echo mine > kept");
  exited(setup, 0, "a sandbox of 64 MiB");
  CALL c = python(small, "s", glutton);
  ended(c, CAISSON_OK, CAISSON_OUTCOME_OOM, CAISSON_EXIT_OOM, "a program that takes all memory");
  is_str(call_reason(c), CAISSON_REASON_MEMORY_LIMIT, "has its reason");
  call_ok(c, strstr(call_text(c), "[out of memory"), "and the text says so");
  CALL s = shell(small, "s", "python3 -c 'x = b\"x\" * 100000000'; echo $?");
  exited(s, 0, "a shell whose child took all memory ends as it likes");
  is_str(call_string(s, "stdout"), "137\n", "and sees what happened");
  CALL next = shell(small, "s", "cat kept");
  exited(next, 0, "the next call works");
  is_str(call_string(next, "stdout"), "mine\n", "in the same sandbox");
  is_int(next->result.flags, 0, "that is not a new one");
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_full_files(struct box *small) {
  CALL fill = shell(small, "s", "head -c 100000000 /dev/zero > /workspace/big; echo $?");
  exited(fill, 0, "/workspace is filled");
  is_str(call_string(fill, "stdout"), "1\n", "the command sees that it is full");
  CALL fine = python(small, "s", "print('fine')");
  exited(fine, 0, "which is no hindrance");
  CALL tmp = shell(small, "s", "rm big; head -c 100000000 /dev/zero > /tmp/big; echo $?");
  exited(tmp, 0, "/tmp is filled");
  CALL p = python(small, "s", "print('x')\n");
  did_not_start(p, CAISSON_E_SANDBOX, "a program has no room then");
  is_str(call_reason(p), CAISSON_REASON_DISK_FULL, "that is the reason");
  call_ok(p, strstr(p->err.message, "/tmp"), "the message says where");
  CALL loud = shell(small, "s", "seq 1 100000");
  exited(loud, 0, "long output is shown all the same");
  ok(loud->out.size == 588895 && !call_is_true(loud, "spill_whole"), "without a whole file of it");
  CALL rm = shell(small, "s", "rm /tmp/big");
  exited(rm, 0, "a command can make room");
  CALL again = python(small, "s", "print('works')");
  exited(again, 0, "and then programs run again");
}

static void test_hidden_directory(struct box *small) {
  static const struct {
    const char *what, *command;
  } rows[] = {
      {"without the helper's directory", "rm -rf /tmp/.caisson"},
      {"with a link in its place", "rm -rf /tmp/.caisson; ln -s /workspace /tmp/.caisson"},
      {"with a file in its place", "rm -rf /tmp/.caisson; touch /tmp/.caisson"},
      {"with one that cannot be written", "rm -rf /tmp/.caisson; mkdir -m 0 /tmp/.caisson"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = shell(small, "d", rows[i].command);
    exited(c, 0, "%s", rows[i].what);
    CALL p = python(small, "d", "print('works')");
    call_ok(p,
            (p->status == CAISSON_OK && p->result.exit_code == 0) || p->status == CAISSON_E_SANDBOX,
            "%s: a program runs, or is refused", rows[i].what);
    CALL loud = shell(small, "d", "seq 1 100000");
    exited(loud, 0, "%s: commands run", rows[i].what);
    is_int(loud->out.size, 588895, "%s: with all their output", rows[i].what);
  }
  CALL c = shell(small, "d", "rm -rf /tmp/.caisson");
  exited(c, 0, "without it once more");
  CALL p = python(small, "d", "print('works')");
  exited(p, 0, "a program runs");
}

/* ---- processes ------------------------------------------------------------------------------- */

static void test_processes(struct box *small) {
  CALL c = python(small, "p",
                  "import subprocess as s\n"
                  "for i in range(100): s.Popen(['sleep', '9999'], stdout=s.DEVNULL)");
  call_ok(c, c->status == CAISSON_OK, "a command that leaves as many processes as it can");
  CALL next = shell(small, "p", "true");
  call_ok(next, next->status == CAISSON_E_SANDBOX || next->result.exit_code != 0,
          "leaves no room for another");
  if (next->status == CAISSON_E_SANDBOX)
    is_str(call_reason(next), CAISSON_REASON_PROCESS_LIMIT, "that is the reason");
  CALL removed = operation(small, "session.remove", "p", NULL);
  exited(removed, 0, "the host can remove the session");
  CALL fresh = shell(small, "p", "echo works");
  exited(fresh, 0, "and has a new one");
}

int main(void) {
  box = box_open(NULL);
  test_chatter();
  test_chatter_outlives_its_host();
  test_server();
  test_orphans();
  box_close(box);
  struct box *small = open_small();
  test_memory(small);
  test_full_files(small);
  test_hidden_directory(small);
  test_processes(small);
  box_close(small);
  return done_testing();
}
