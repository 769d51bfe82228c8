/* SPDX-License-Identifier: Apache-2.0 */
/* Code that poses as the helper: what it writes is a command's output and nothing else, process 1
 * does not hear it, and the helper's own program does nothing for it. */
#include <stdio.h>

#include "attack.h"
#include "inside/forged.h"

static struct box *box;

static void check_forged(struct call *c, const char *title) {
  static unsigned char expected[FORGED_SIZE];
  forge_frames(expected);
  exited(c, 7, "%s: the call ends as it did", title);
  ok(c->out.size == FORGED_SIZE && memcmp(c->out.data, expected, FORGED_SIZE) == 0,
     "%s: frames on stdout are output, byte for byte", title);
  ok(c->errors.size == FORGED_SIZE && memcmp(c->errors.data, expected, FORGED_SIZE) == 0,
     "%s: frames on stderr too", title);
  CALL next = shell(box, "a", "echo exact");
  exited(next, 0, "%s: the next call works", title);
  is_str(call_string(next, "stdout"), "exact\n", "%s: and its answer is its own", title);
}

static struct call *new_forging(void) {
  struct call *c = call_new_shell(box, "a", "./forge");
  c->keep = 2 * (size_t)FORGED_SIZE;
  return call_arg(c, "stdin", "input");
}

static void test_frames(void) {
  attack_put(box, "a", "forge");
  CALL c = call_run(new_forging());
  check_forged(c, "on a first channel");
  CALL left = shell(box, "a", "sleep 9999 >/dev/null 2>&1 &");
  exited(left, 0, "something is left behind");
  CALL supervised = call_run(new_forging());
  check_forged(supervised, "under a supervisor");
}

static void test_hub(void) {
  CALL c = shell(box, "a", "./forge hub");
  exited(c, 0, "forge hub ends by itself");
  attack_judge(c, "stdout", "forge hub");
}

/* Its file can be executed by everybody, so by code in a sandbox too. */
static void test_own_program(void) {
  static const char *const ways[] = {"serve",         "init",      "init --key a", "reap --remove",
                                     "reap 0",        "routes",    "host",         "",
                                     "serve --key b", "supervise", "keeper"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    char command[256];
    snprintf(command, sizeof command,
             "for g in /.caisson/guest-*; do timeout -s KILL 5 $g %s </dev/null 2>&1 | head -c "
             "4096 >/dev/null; "
             "done; ls /.caisson | grep -c guest-",
             ways[i]);
    CALL c = shell(box, "a", command);
    exited(c, 0, "the helper's program, run inside as \"%s\"", ways[i]);
  }
  CALL next = shell(box, "a", "echo exact");
  exited(next, 0, "the next call works");
  is_int(next->result.flags, 0, "in the same sandbox");
}

int main(void) {
  box = box_open(NULL);
  struct neighbour *neighbour = neighbour_new(box);
  test_frames();
  test_hub();
  test_own_program();
  neighbour_is_well(neighbour, "all that");
  neighbour_free(neighbour);
  box_close(box);
  return done_testing();
}
