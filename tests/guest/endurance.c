/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of calls leave a serve and process 1 as they were: descriptors, memory, processes. */
#include "driver.h"

#define CALLS 10000

static struct result result;

struct footprint {
  int descriptors;
  long private_kb;
};

/* Of the process `inside` in the sandbox, as we see it from outside. */
static struct footprint footprint_of(pid_t pid) {
  char command[160];
  struct footprint footprint = {0, 0};
  (void)snprintf(command, sizeof command,
                 "ls /proc/%d/fd | wc -l; awk '/^Anonymous/{print $2}' /proc/%d/smaps_rollup",
                 (int)pid, (int)pid);
  FILE *pipe = popen(command, "r");
  if (pipe == NULL || fscanf(pipe, "%d %ld", &footprint.descriptors, &footprint.private_kb) != 2)
    BAIL_OUT("/proc/%d cannot be read", (int)pid);
  pclose(pipe);
  return footprint;
}

/* Process 1's only child is the first serve. */
static pid_t first_serve(pid_t init) {
  char path[64];
  int pid = 0;
  (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)init, (int)init);
  FILE *file = fopen(path, "re");
  if (file == NULL || fscanf(file, "%d", &pid) != 1) BAIL_OUT("%s cannot be read", path);
  fclose(file);
  return pid;
}

/* Every kind of end a call can have. */
static void one_of_each(struct channel *channel) {
  static char script[300000];
  memset(script, '#', sizeof script);
  shell(channel, "echo on; echo on >&2; exit 1", &result);
  shell(channel, "sleep 0.01 & exit 0", &result);
  run(channel, &(struct run){.programs = {"none"}}, &result);
  run(channel, &(struct run){.programs = {"sh"}, .args = {"@SCRIPT@"}, .script = script,
                             .script_size = sizeof script},
      &result);
  run(channel, &(struct run){.programs = {"sh"}, .args = {"-c", "seq 1 50000"},
                             .spill_after = 50000, .spill_max = 1 << 20},
      &result);
  free_result(&result);
  send_run(channel, &(struct run){.programs = {"cat"}, .with_stdin = true});
  for (int i = 0; i < 4; i++) send_frame(channel, CSN_FRAME_STDIN, script, CSN_FRAME_MAX);
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  finish(channel, &result);
  free_result(&result);
  send_shell(channel, "sleep 600 & echo ready; sleep 600");
  prints(channel, &result, "ready");
  send_cancel(channel);
  finish(channel, &result);
  shell(channel, "sleep 0.02; rm -f /tmp/.caisson/output*", &result);
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  pid_t serve = first_serve(sandbox.init);
  for (int i = 0; i < 20; i++) one_of_each(sandbox.first);
  struct footprint before = footprint_of(serve), init_before = footprint_of(sandbox.init);
  int fine = 0;
  for (int i = 0; i < CALLS; i++) {
    shell(sandbox.first, "exit 7", &result);
    fine += exited(&result, 7);
  }
  for (int i = 0; i < CALLS / 100; i++) one_of_each(sandbox.first);
  is_int(fine, CALLS, "%d calls are fine", CALLS);
  shell(sandbox.first, "sleep 0.1", &result);
  struct footprint after = footprint_of(serve), after_init = footprint_of(sandbox.init);
  is_int(after.descriptors, before.descriptors, "the serve has as many descriptors as before");
  is_int(after_init.descriptors, init_before.descriptors, "so has process 1");
  ok(after.private_kb <= before.private_kb + 16, "the serve's memory did not grow (%ld, %ld kB)",
     before.private_kb, after.private_kb);
  ok(after_init.private_kb <= init_before.private_kb + 16, "nor did process 1's (%ld, %ld kB)",
     init_before.private_kb, after_init.private_kb);
  ok(after.private_kb < 120 && after_init.private_kb < 120, "and both are small");
  is_int(count_inside(sandbox.first), 2, "nothing is left of any call");
  is_str(shell(sandbox.first, "ls -A /tmp/.caisson", &result), "", "nor any file");
  free_result(&result);
  end_sandbox(&sandbox);
  return done_testing();
}
