/* SPDX-License-Identifier: Apache-2.0 */
/* A program that answers one question: what it is given, what it may say, and how it ends. */
#include "util/child.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "support/process.h"
#include "tap.h"

static int ask(const char *script, const char *input, const struct csn_control *control,
               struct csn_buffer *out, int *status, struct csn_error *err) {
  const char *const argv[] = {"sh", "-c", script, NULL};
  csn_buffer_reset(out);
  *status = -7;
  return csn_child_ask(argv, input, control, out, status, err);
}

static void test_answers(struct csn_buffer *out) {
  const struct csn_control none = CSN_CONTROL_NONE;
  struct csn_error err;
  int status;
  is_int(ask("cat; echo b >&2", "a\n", &none, out, &status, &err), 0, "a program");
  is_str(csn_buffer_text(out), "a\n", "gets its question and answers, its errors aside");
  is_int(status, 0, "and ends well");
  ask("exit 3", "", &none, out, &status, &err);
  is_int(status, 3, "an exit code");
  ask("kill -9 $$", "x", &none, out, &status, &err);
  is_int(status, 137, "a signal");
  ask("ls /proc/self/fd | wc -l", "", &none, out, &status, &err);
  is_str(csn_buffer_text(out), "4\n", "no descriptor but its three, and the one ls opens");
  /* The low ones: two of the high ones are the C library's own. */
  ask("grep -E '^Sig(Blk|Ign)' /proc/self/status | sed -E 's/.*(.{7})$/\\1/'", "", &none, out, &status,
      &err);
  is_str(csn_buffer_text(out), "0000000\n0000000\n", "signals as a program expects them");
}

static void test_ends(struct csn_buffer *out) {
  const struct csn_control none = CSN_CONTROL_NONE;
  struct csn_error err;
  int status;
  struct csn_control soon = csn_control_within(&none, 200 * CSN_MS);
  is_int(ask("exec sleep 1000", "", &soon, out, &status, &err), CAISSON_E_DEADLINE, "a deadline");
  is_int(status, 137, "has ended it");
  is_int(ask("exec cat /dev/zero", "", &none, out, &status, &err), CAISSON_E_LIMIT, "too much to say");
  const char *const argv[] = {"caisson-no-such-program", NULL};
  is_int(csn_child_ask(argv, "", &none, out, &status, &err), CAISSON_E_INTERNAL, "no such program");
  is_int(err.sys_errno, 2, "is ENOENT");
  is_int(ask("exec <&-; sleep 0.1; echo late", "nobody reads this", &none, out, &status, &err), 0,
         "one that takes no question");
  is_str(csn_buffer_text(out), "late\n", "may answer all the same");
}

static void test_reaped(struct csn_buffer *out) {
  const struct csn_control none = CSN_CONTROL_NONE;
  struct csn_error err;
  int status;
  signal(SIGCHLD, SIG_IGN);
  is_int(ask("echo a", "", &none, out, &status, &err), 0, "where the kernel reaps children");
  is_int(status, CSN_CHILD_STATUS_UNKNOWN, "nobody knows how it ended");
  is_str(csn_buffer_text(out), "a\n", "but what it said");
  signal(SIGCHLD, SIG_DFL);
}

int main(void) {
  struct csn_buffer out = CSN_BUFFER(100000);
  /* What the host has blocked or ignores is not the program's. */
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signal(SIGPIPE, SIG_IGN);
  int before = process_fds();
  test_answers(&out);
  test_ends(&out);
  test_reaped(&out);
  is_int(process_fds(), before, "no descriptor is left");
  is_int(waitpid(-1, NULL, WNOHANG), -1, "and no child");
  csn_buffer_free(&out);
  return done_testing();
}
