/* SPDX-License-Identifier: Apache-2.0 */
/* Starting commands and how they end: codes, signals, environment, what cannot be started,
 * scripts. */
#include "driver.h"

#include <sys/resource.h>

static struct result result;

static void test_endings(struct channel *channel) {
  shell(channel, "exit 7", &result);
  ok(exited(&result, 7), "an exit code comes back");
  ok(result.exit.duration_ns > 0 && result.exit.duration_ns < 20000000000ull, "with a duration");
  ok(result.exit.still_running == 0 && result.exit.kill_rounds == 0, "and nothing left");
  shell(channel, "kill -SEGV $$", &result);
  ok(result.exit.how == CSN_HOW_SIGNALLED && result.exit.status == SIGSEGV, "so does a signal");
  shell(channel, "kill -9 $$", &result);
  ok(result.exit.outcome == CSN_OUTCOME_EXITED && result.exit.status == SIGKILL,
     "a command that kills itself was not killed by us");
  is_int(result.exit.oom, 0, "nor by the kernel");
  shell(channel, "(sleep 0.1; kill -CONT $$) & kill -STOP $$; wait; echo on", &result);
  is_str(result.out, "on\n", "one that stops and is continued goes on");
}

static void test_surroundings(struct channel *channel) {
  run(channel, &(struct run){.programs = {"sh"},
                             .args = {"-c", "echo \"$0|$1|$A|$PWD\"; env | wc -l", "zero", "o ne"},
                             .env = {"A=x y"},
                             .cwd = "/tmp"},
      &result);
  is_str(result.out, "zero|o ne|x y|/tmp\n3\n", "arguments, environment and directory arrive");
  is_str(shell(channel, "umask; ulimit -c; nice", &result), "0022\n0\n10\n",
         "umask, core limit and nice are set");
  is_str(
      shell(channel, "grep -E '^(SigBlk|SigIgn|NoNewPrivs|CapEff)' /proc/self/status | tr -d '\\t'",
            &result),
      "SigBlk:0000000000000000\nSigIgn:0000000000000000\nCapEff:0000000000000000\nNoNewPrivs:1\n",
      "no signal is blocked or ignored, no privilege is to be had");
  is_str(shell(channel, "cd /proc/self/fd && echo *", &result), "0 1 2 3\n",
         "only 0, 1 and 2 are open (3 is the listing's own)");
  is_str(shell(channel, "readlink /proc/self/fd/0; cat; echo $?", &result), "/dev/null\n0\n",
         "stdin is /dev/null unless there is one");
  is_str(shell(channel, "set -- $(cat /proc/$$/stat); echo $(( $$ == $5 && $$ == $6 ))", &result),
         "1\n", "a command leads a session and a group of its own");
  shell(channel, "cat /proc/1/environ /proc/$PPID/environ /proc/$PPID/mem; ls /proc/1/fd", &result);
  ok(result.out == NULL && result.err != NULL, "the helper's own processes cannot be looked into");
}

static void test_oom_score(struct channel *channel) {
  int base = atoi(shell(channel, "cat /proc/1/oom_score_adj", &result));
  int want = base + 300 < 1000 ? base + 300 : 1000;
  int got = atoi(shell(channel, "(sleep 0.5; cat /proc/self/oom_score_adj) & wait", &result));
  is_int(got, want, "the kernel prefers commands, and what they start, when memory is short");
}

static void expect_error(struct channel *channel, const struct run *what, const char *reason,
                         const char *words) {
  run(channel, what, &result);
  ok(result.type == CSN_FRAME_ERROR, "%s: an error", reason);
  is_str(result.reason, reason, "with this reason");
  if (!ok(strstr(result.text, words) != NULL, "with the words: %s", words)) explain(&result);
}

static void test_failures(struct channel *channel) {
  expect_error(channel, &(struct run){.programs = {"no-such-bash", "no/such/sh"}},
               CSN_REASON_NOT_FOUND, "no-such-bash, no/such/sh");
  is_int(result.number, ENOENT, "and an errno");
  expect_error(channel, &(struct run){.programs = {"/etc/passwd"}}, CSN_REASON_EXEC,
               "cannot execute /etc/passwd: Permission denied");
  expect_error(channel, &(struct run){.programs = {"sh"}, .cwd = "/no/such"}, CSN_REASON_CWD,
               "/no/such: No such file or directory");
  expect_error(channel, &(struct run){.programs = {"sh"}, .cwd = "/etc/passwd"}, CSN_REASON_CWD,
               "Not a directory");
  expect_error(channel, &(struct run){.programs = {"sh"}, .cwd = "/proc/self"}, CSN_REASON_CWD,
               "/proc/self");
  expect_error(channel, &(struct run){.programs = {NULL}}, CSN_REASON_REQUEST, "no PROGRAM");
  expect_error(channel, &(struct run){.programs = {"sh"}, .cwd = "tmp"}, CSN_REASON_REQUEST,
               "absolute");
  is_str(shell(channel, "echo fine", &result), "fine\n", "the next call is fine");
}

/* The first candidate that exists runs, under its own name; an unusable one is passed over. */
static void test_candidates(struct channel *channel) {
  run(channel, &(struct run){.programs = {"no-such", "/etc/passwd", "sh", "bash"},
                             .args = {"-c", "tr '\\0' ' ' < /proc/$$/cmdline"}},
      &result);
  ok(result.out != NULL && strncmp(result.out, "sh -c ", 6) == 0, "the first that exists is run");
  shell(channel, "mkdir -p /tmp/bin; printf '#!/bin/sh\\necho mine\\n' > /tmp/bin/tool; "
                 "chmod +x /tmp/bin/tool", &result);
  run(channel, &(struct run){.programs = {"tool"}, .env = {"PATH=/nowhere::/tmp/bin"}}, &result);
  ok(result.type == CSN_FRAME_ERROR, "PATH is the first one in the environment");
  run(channel, &(struct run){.programs = {"/tmp/bin/tool"}}, &result);
  is_str(result.out, "mine\n", "a path is taken as it is");
}

static void test_large_arguments(struct channel *channel) {
  static char large[130000];
  memset(large, 'x', sizeof large - 1);
  run(channel,
      &(struct run){.programs = {"sh"}, .args = {"-c", "echo ${#1} ${#2}", "sh", large, large}},
      &result);
  is_str(result.out, "129999 129999\n", "arguments of 260 kB arrive over several frames");
}

/* The kernel allows a quarter of the stack limit. */
static void test_too_large_arguments(void) {
  static char large[130000];
  memset(large, 'x', sizeof large - 1);
  const struct rlimit small = {1 << 20, RLIM_INFINITY};
  struct rlimit usual;
  getrlimit(RLIMIT_STACK, &usual);
  setrlimit(RLIMIT_STACK, &small);
  struct sandbox sandbox = new_sandbox();
  setrlimit(RLIMIT_STACK, &usual);
  run(sandbox.first, &(struct run){.programs = {"true"}, .args = {large, large, large}}, &result);
  ok(result.type == CSN_FRAME_ERROR && strcmp(result.reason, CSN_REASON_TOO_BIG) == 0,
     "arguments that the kernel refuses are refused as such");
  is_str(shell(sandbox.first, "echo fine", &result), "fine\n", "the next call is fine");
  end_sandbox(&sandbox);
}

static void test_scripts(struct channel *channel) {
  static char large[5 << 20];
  memset(large, '#', sizeof large);
  memcpy(large + sizeof large - 11, "\necho last\n", 11);
  struct run script = {.programs = {"sh"}, .args = {"@SCRIPT@", "@SCRIPT@x"},
                       .env = {"WHERE=@SCRIPT@"}, .script = large, .script_size = sizeof large};
  run(channel, &script, &result);
  is_str(result.out, "last\n", "a script of 5 MB is run");
  script.script = "echo \"$0\"; echo \"$1\"; echo \"$WHERE\"; stat -c %a \"$0\" \"${0%/*}\"; echo "
                  "\"$0\" > /tmp/where";
  script.script_size = strlen(script.script);
  run(channel, &script, &result);
  ok(result.out != NULL && strncmp(result.out, "/tmp/.caisson/run-", 18) == 0,
     "from a private file");
  ok(result.out != NULL && strstr(result.out, "/script.txt\n@SCRIPT@x\n/tmp/.caisson/run-") != NULL,
     "whose path replaces whole arguments and values only");
  ok(result.out != NULL && strstr(result.out, "\n600\n700\n") != NULL, "with private modes");
  is_str(shell(channel, "read w < /tmp/where; ls -d \"${w%/*}\" 2>/dev/null || echo gone", &result),
         "gone\n", "that is gone afterwards");
  script.script_size = 0;
  run(channel, &script, &result);
  ok(exited(&result, 0) && result.out == NULL, "an empty script is run");
  is_str(shell(channel, "rm -rf /tmp/.caisson; echo $?", &result), "0\n",
         "its folder can be removed");
  script.script_size = 10;
  script.script = "echo again";
  run(channel, &script, &result);
  is_str(result.out, "again\n", "and comes back");
}

static void test_script_without_room(struct channel *channel) {
  static char large[4 << 20];
  shell(channel, "head -c 1G /dev/zero > /tmp/full 2>/dev/null", &result);
  const struct run script = {.programs = {"sh"}, .args = {"@SCRIPT@"}, .script = large,
                             .script_size = sizeof large};
  run(channel, &script, &result);
  ok(result.type == CSN_FRAME_ERROR && strcmp(result.reason, CSN_REASON_SCRIPT) == 0 &&
         result.number == ENOSPC,
     "a script that finds no room is an error");
  is_str(shell(channel, "rm /tmp/full; ls /tmp/.caisson | grep -c run-", &result), "0\n",
         "and leaves nothing behind");
}

static void test_timeout(struct channel *channel) {
  double start = now_ms();
  run(channel, &(struct run){.programs = {"sh"}, .args = {"-c", "echo before; sleep 600"},
                             .timeout_ms = 300},
      &result);
  double took = now_ms() - start;
  ok(result.type == CSN_FRAME_EXIT && result.exit.outcome == CSN_OUTCOME_DEADLINE,
     "a timeout ends it");
  ok(result.exit.how == CSN_HOW_SIGNALLED && result.exit.status == SIGKILL, "by SIGKILL");
  ok(took >= 300 && took < 2000, "in time (%.0f ms)", took);
  is_str(result.out, "before\n", "what it printed is there");
  is_int(count_inside(channel), 2, "and nothing of it runs");
}

static void test_other_channel(struct sandbox *sandbox) {
  struct channel *channel = open_channel(sandbox);
  ok(greet(channel), "a second channel");
  is_str(shell(channel, "echo two", &result), "two\n", "runs commands as well");
  close_channel(channel);
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  test_endings(sandbox.first);
  test_surroundings(sandbox.first);
  test_oom_score(sandbox.first);
  test_failures(sandbox.first);
  test_candidates(sandbox.first);
  test_large_arguments(sandbox.first);
  test_scripts(sandbox.first);
  test_script_without_room(sandbox.first);
  test_timeout(sandbox.first);
  test_other_channel(&sandbox);
  test_too_large_arguments();
  free_result(&result);
  end_sandbox(&sandbox);
  return done_testing();
}
