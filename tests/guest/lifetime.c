/* SPDX-License-Identifier: Apache-2.0 */
/* Process 1's own life: it ends when nobody uses the sandbox or its time is over, says why, and
 * lives on when a channel ends; the helper refuses to be anything else. */
#include "driver.h"

static struct result result;

static int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

static void test_idle(void) {
  static const char *const arguments[] = {"init", "--idle-ms", "1500", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  double start = now_ms();
  ok(greet(sandbox.first), "a sandbox that may be idle for 1.5 s");
  is_int(exit_code(await_init(&sandbox, 10000)), CSN_INIT_EXIT_IDLE, "ends by itself");
  double took = now_ms() - start;
  ok(took > 1400 && took < 4000, "in time, whoever is connected (%.0f ms)", took);
  ok(says(&sandbox, "caisson: init: no call for 1500 ms", 1000), "and says so");
  end_sandbox(&sandbox);
}

static void test_busy(void) {
  static const char *const arguments[] = {"init", "--idle-ms", "1500", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  greet(sandbox.first);
  shell(sandbox.first, "sleep 3.5; echo on", &result);
  is_str(result.out, "on\n", "a call is a sign of life");
  double start = now_ms();
  while (now_ms() < start + 3000) shell(sandbox.first, "true", &result);
  ok(exited(&result, 0), "so are many short ones");
  is_int(exit_code(await_init(&sandbox, 10000)), CSN_INIT_EXIT_IDLE, "then it ends");
  end_sandbox(&sandbox);
}

static void test_pings_are_none(void) {
  static const char *const arguments[] = {"init", "--idle-ms", "1000", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  greet(sandbox.first);
  double end = now_ms() + 6000;
  int status = -1;
  while (status == -1 && now_ms() < end) {
    send_frame(sandbox.first, CSN_FRAME_PING, "12345678", 8);
    send_frame(sandbox.first, CSN_FRAME_STAT, NULL, 0);
    status = await_init(&sandbox, 100);
  }
  is_int(exit_code(status), CSN_INIT_EXIT_IDLE, "pings and looks are no signs of life");
  end_sandbox(&sandbox);
}

static void test_lifetime(void) {
  static const char *const arguments[] = {"init",          "--idle-ms", "60000",
                                          "--lifetime-ms", "1000",      NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  greet(sandbox.first);
  send_shell(sandbox.first, "sleep 600");
  is_int(exit_code(await_init(&sandbox, 10000)), CSN_INIT_EXIT_LIFETIME,
         "a sandbox ends when its lifetime is over, busy or not");
  ok(says(&sandbox, "caisson: init: lifetime of 1000 ms", 1000), "and says so");
  end_sandbox(&sandbox);
}

static void test_first_channel_ends(void) {
  struct sandbox sandbox = new_sandbox();
  struct csn_frame frame;
  shell(sandbox.first, "echo kept > /tmp/file; sleep 600 &", &result);
  close(sandbox.first->in);
  sandbox.first->in = -1;
  is_int(next_frame(sandbox.first, &frame, PATIENCE_MS), 0, "the first channel ends");
  ok(says(&sandbox, CSN_SERVE_ENDED_PREFIX "exit 0\n", 2000), "process 1 says so");
  struct channel *channel = open_channel(&sandbox);
  ok(greet(channel), "and lives on: the next channel opens");
  is_int(channel->hello.channels_others, 0, "alone");
  is_str(shell(channel, "cat /tmp/file", &result), "kept\n", "files are there");
  is_int(count_inside(channel), 4, "what ran in the background runs, with who reads its output");
  close_channel(channel);
  end_sandbox(&sandbox);
}

/* Orphans of all kinds end up with process 1, which must not let their bodies pile up. */
static void test_reaping(void) {
  struct sandbox sandbox = new_sandbox();
  struct channel *channel = open_channel(&sandbox);
  greet(channel);
  shell(channel, "for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 0.5 &); done", &result);
  send_frame(channel, CSN_FRAME_BYE, NULL, 0);
  struct csn_frame frame;
  while (next_frame(channel, &frame, PATIENCE_MS) > 0) continue;
  close_channel(channel);
  for (int i = 0; i < 300 && count_inside(sandbox.first) != 2; i++) pause_ms(20);
  is_int(count_inside(sandbox.first), 2, "orphans end");
  is_str(
      shell(sandbox.first, "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l", &result),
      "0\n", "and are reaped");
  end_sandbox(&sandbox);
}

static int outcome_of(const char *const *arguments, bool as_init) {
  int status = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (as_init) {
    struct sandbox sandbox = start_sandbox(arguments);
    status = await_init(&sandbox, 10000);
    end_sandbox(&sandbox);
    close(null);
    return exit_code(status);
  }
  const char *argv[8] = {getenv("CAISSON_GUEST")};
  for (size_t i = 0; i < 6 && arguments[i] != NULL; i++) argv[i + 1] = arguments[i];
  (void)fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(126);
  }
  waitpid(pid, &status, 0);
  close(null);
  return exit_code(status);
}

static void test_usage(void) {
  static const char *const none[] = {NULL}, *const unknown[] = {"dance", NULL},
                    *const option[] = {"init", "--idle", "3", NULL},
                    *const value[] = {"init", "--idle-ms", "3x", NULL},
                    *const missing[] = {"init", "--key", NULL}, *const init[] = {"init", NULL},
                    *const serve[] = {"serve", NULL};
  is_int(outcome_of(none, true), CSN_INIT_EXIT_USAGE, "no command is refused");
  is_int(outcome_of(unknown, true), CSN_INIT_EXIT_USAGE, "so is an unknown one");
  is_int(outcome_of(option, true), CSN_INIT_EXIT_USAGE, "an unknown option");
  is_int(outcome_of(value, true), CSN_INIT_EXIT_USAGE, "a number that is none");
  is_int(outcome_of(missing, true), CSN_INIT_EXIT_USAGE, "an option without its value");
  is_int(outcome_of(init, false), CSN_INIT_EXIT_USAGE,
         "init refuses to run where it is not process 1");
  is_int(outcome_of(serve, false), CSN_SERVE_EXIT_LOST,
         "serve refuses to run where process 1 is not ours");
}

int main(void) {
  test_idle();
  test_busy();
  test_pings_are_none();
  test_lifetime();
  test_first_channel_ends();
  test_reaping();
  test_usage();
  free_result(&result);
  return done_testing();
}
