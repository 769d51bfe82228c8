/* SPDX-License-Identifier: Apache-2.0 */
/* A session's everyday work over one channel: a command, and each operation on files. Short, so
 * that it is run with the helpers for other machines too, under an emulator. */
#include "driver.h"

static struct result result;

/* An operation with its input; true if it was done. */
static bool operate(struct channel *channel, const struct run *what, const char *input) {
  char size[32];
  struct run whole = *what;
  (void)snprintf(size, sizeof size, "size=%zu", strlen(input));
  whole.cwd = "/tmp";
  whole.with_stdin = *input != '\0';
  for (size_t i = 0; whole.with_stdin && i < 7; i++) {
    if (whole.operands[i] != NULL) continue;
    whole.operands[i] = size;
    break;
  }
  free_result(&result);
  if (!send_run(channel, &whole)) return false;
  if (whole.with_stdin) {
    send_frame(channel, CSN_FRAME_STDIN, input, strlen(input));
    send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  }
  finish(channel, &result);
  if (exited(&result, 0)) return true;
  explain(&result);
  return false;
}

static bool has(const char *text, const char *words) {
  if (text != NULL && strstr(text, words) != NULL) return true;
  explain(&result);
  return false;
}

static void test_commands(struct channel *channel) {
  is_str(shell(channel, "echo one; echo two >&2; exit 3", &result), "one\n", "a command's output");
  is_str(result.err, "two\n", "what it says on stderr");
  ok(exited(&result, 3), "and its exit code");
  is_str(shell(channel, "head -c 300000 /dev/zero | tr '\\0' x | wc -c", &result), "300000\n",
         "a pipeline");
  send_shell(channel, "trap '' TERM; echo on; while :; do sleep 0.1; done");
  free_result(&result);
  ok(prints(channel, &result, "on\n"), "a command that never ends");
  ok(send_cancel(channel), "is cancelled");
  finish(channel, &result);
  if (!ok(was_cancelled(&result), "and nothing of it is left")) explain(&result);
}

static void test_files(struct channel *channel) {
  ok(operate(channel, &(struct run){.operation = "write", .operands = {"path=dir/a.txt"}},
             "alpha\nbeta\ngamma 42\n"), "write a file");
  is_str(shell(channel, "cat /tmp/dir/a.txt", &result), "alpha\nbeta\ngamma 42\n", "it is there");
  ok(operate(channel, &(struct run){.operation = "read", .operands = {"path=dir/a.txt", "offset=2"}},
             ""), "read it");
  ok(has(result.out, "beta") && !strstr(result.out, "alpha"), "from the second line on");
  ok(operate(channel, &(struct run){.operation = "edit",
                                    .operands = {"path=dir/a.txt", "old_string=beta"}}, "BETA"),
     "edit it");
  is_str(shell(channel, "cat /tmp/dir/a.txt", &result), "alpha\nBETA\ngamma 42\n", "it is changed");
  ok(operate(channel, &(struct run){.operation = "list", .operands = {"path=dir"}}, ""), "list");
  ok(has(result.out, "a.txt"), "has it");
}

/* The second pattern takes PCRE2's compiled code to more than a search for a literal. */
static void test_searches(struct channel *channel) {
  ok(operate(channel, &(struct run){.operation = "glob", .operands = {"pattern=**/*.{txt,md}"}}, ""),
     "find files by their names");
  ok(has(result.out, "dir/a.txt"), "it is found");
  static const char *const patterns[] = {"pattern=gamma", "pattern=^g(a|m)+ (?<n>\\d{2})$"};
  for (size_t i = 0; i < 2; i++) {
    ok(operate(channel, &(struct run){.operation = "grep",
                                      .operands = {patterns[i], "output_mode=content"}}, ""),
       "search for %s", patterns[i]);
    ok(has(result.out, "gamma 42"), "it is found");
  }
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  test_commands(sandbox.first);
  test_files(sandbox.first);
  test_searches(sandbox.first);
  end_sandbox(&sandbox);
  free_result(&result);
  return done_testing();
}
