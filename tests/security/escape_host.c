/* SPDX-License-Identifier: Apache-2.0 */
/* Out of a sandbox by files and by processes: the host's, the kernel's, the helper's. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attack.h"

static struct box *box;

/* A file of this machine that everybody may read. */
static void test_paths(void) {
  char path[] = "/tmp/caisson-escape-XXXXXX";
  int fd = mkstemp(path);
  if (fd < 0 || fchmod(fd, 0644) || write(fd, "host", 4) != 4) BAIL_OUT("no file in /tmp");
  attack(box, "a", "paths", path);
  close(fd);
  unlink(path);
}

/* As the helper's own child, and as one of a supervisor's: something was left behind before. */
static void test_processes(void) {
  attack(box, "a", "processes", "");
  CALL left = shell(box, "a", "sleep 9999 >/dev/null 2>&1 &");
  exited(left, 0, "something is left behind");
  attack_run(box, "a", "processes", "supervised");
  CALL job = call_new_shell(box, "a", "./processes");
  call_run(call_arg_json(job, "background", "true"));
  CALL c = call_arg(call_new(box, "a", "shell_output"), "job_id", call_string(job, "job_id"));
  call_run(call_arg_number(c, "wait_ms", 20000));
  attack_judge(c, "new_stdout", "processes, as a job");
}

/* With no_new_privs the loader of a set-uid program still shows its ids, and they are the
 * sandbox's. */
static void test_setuid(void) {
  CALL c = shell(box, "a",
                 "n=0; for p in $(find / -xdev -perm /6000 -type f 2>/dev/null); do n=$((n+1)); "
                 "LD_SHOW_AUXV=1 timeout 5 $p --version </dev/null 2>/dev/null | "
                 "grep -E 'AT_EUID|AT_SECURE'; done | sort | uniq -c; id -u");
  exited(c, 0, "every set-uid program of the image is tried");
  call_ok(c,
          strstr(call_string(c, "stdout"), "AT_EUID") &&
              !strstr(call_string(c, "stdout"), "AT_EUID:             0\n"),
          "none runs as root");
}

int main(void) {
  box = box_open(NULL);
  struct neighbour *neighbour = neighbour_new(box);
  test_paths();
  test_processes();
  test_setuid();
  unsigned uid = attack_uid(box, "a");
  CALL gone = operation(box, "session.remove", "a", NULL);
  call_ok(gone, call_is_true(gone, "removed"), "the sandbox is removed");
  attack_leaves_nothing("its removal", uid);
  neighbour_is_well(neighbour, "all that");
  neighbour_free(neighbour);
  box_close(box);
  return done_testing();
}
