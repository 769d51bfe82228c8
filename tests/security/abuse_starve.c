/* SPDX-License-Identifier: Apache-2.0 */
/* Code that takes all the CPU, processes, threads, output or descriptors that it can get, to keep
 * the helper from doing its work: a cancel still ends all of it and the result says exactly that;
 * the neighbour has its own. */
#include <stdio.h>

#include "attack.h"

static struct box *box;

static const char *const kinds[] = {"loops",   "threads", "storm",       "zombies", "orphans",
                                    "stopped", "output",  "descriptors", "crowd"};

static int64_t ms_since(int64_t since) {
  return (host_now_ns() - since) / 1000000;
}

static void test_starving(struct neighbour *neighbour, const char *kind) {
  char command[64];
  snprintf(command, sizeof command, "./starve %s", kind);
  CALL c = call_new_shell(box, "a", command);
  c->keep = 1024;
  call_start(c);
  ok(call_wait_output(c, "ready", 60000), "%s: it has what it wants", kind);
  neighbour_is_well(neighbour, kind);
  int64_t since = host_now_ns();
  call_cancel(c);
  call_join(c);
  was_cancelled(c, "%s: a cancel ends it (%lld ms)", kind, (long long)ms_since(since));
  is_int((long long)call_number(c, "survivors"), 0, "%s: nothing survives", kind);
  CALL next = shell(box, "a", "echo exact");
  exited(next, 0, "%s: the next call works", kind);
  is_str(call_string(next, "stdout"), "exact\n", "%s: and its answer is its own", kind);
  is_int(next->result.flags, 0, "%s: in the same sandbox", kind);
  is_int(host_count_processes(box, "a", "starve"), 0, "%s: nothing of it runs", kind);
}

/* While nothing more can be started, a second call says so in the right words. */
static void test_second_call(void) {
  CALL c = call_new_shell(box, "a", "./starve crowd");
  call_start(c);
  ok(call_wait_output(c, "ready", 60000), "the sandbox is full of processes");
  CALL second = shell(box, "a", "echo works");
  is_str(call_reason(second), CAISSON_REASON_PROCESS_LIMIT, "a second call has the reason") ||
      (diag("%s", call_describe(second)), false);
  call_cancel(c);
  call_join(c);
  was_cancelled(c, "the first can be cancelled");
  CALL next = shell(box, "a", "echo works");
  exited(next, 0, "and the next call works");
}

int main(void) {
  box = box_open("{\"sandbox\":{\"pids\":128,\"nofile\":1024}}");
  struct neighbour *neighbour = neighbour_new(box);
  attack_put(box, "a", "starve");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    test_starving(neighbour, kinds[i]);
  test_second_call();
  unsigned uid = attack_uid(box, "a");
  CALL gone = operation(box, "session.remove", "a", NULL);
  call_ok(gone, call_is_true(gone, "removed"), "the sandbox is removed");
  attack_leaves_nothing("its removal", uid);
  neighbour_free(neighbour);
  box_close(box);
  return done_testing();
}
