/* SPDX-License-Identifier: Apache-2.0 */
/* What commands leave in the background: it stays alive, does not hold the call up, is counted, and
 * can go on printing. */
#include "driver.h"

static struct result result;

/* Writes forever; says in /tmp/NAME how far it is. */
#define SERVER(name) \
  "(i=0; while echo line $i; do i=$((i+1)); echo $i > /tmp/" name "; sleep 0.01; done)"

static int progress(struct channel *channel, const char *name) {
  char command[64];
  struct result read = {0};
  (void)snprintf(command, sizeof command, "cat /tmp/%s", name);
  int count = atoi(shell(channel, command, &read));
  free_result(&read);
  return count;
}

/* Whether the server still makes progress. */
static bool lives(struct channel *channel, const char *name) {
  int before = progress(channel, name);
  for (int i = 0; i < 200; i++) {
    if (progress(channel, name) > before + 3) return true;
    pause_ms(10);
  }
  return false;
}

static void test_left(struct channel *channel) {
  double start = now_ms();
  shell(channel, "sleep 600 & sleep 600 & (setsid sleep 600 &); sleep 0.1; echo on; exit 2",
        &result);
  ok(exited(&result, 2), "a command that leaves processes ends by itself");
  ok(now_ms() - start < 2000, "at once (%.0f ms)", now_ms() - start);
  is_int(result.exit.still_running, 3, "and they are counted");
  is_int(count_inside(channel), 6, "they live (and, by now, the counting call's supervisor)");
  shell(channel, "kill -9 $(grep -l sleep /proc/[0-9]*/comm | cut -d/ -f3)", &result);
  for (int i = 0; i < 200 && count_inside(channel) != 2; i++) pause_ms(10);
  is_int(count_inside(channel), 2, "when they are dead nothing else is left");
  shell(channel, "sleep 0.05 & exit 0", &result);
  ok(result.exit.still_running == 1, "one that is about to end counts as well");
  shell(channel, "(exit 0) & (exit 0) & exit 0", &result);
  ok(exited(&result, 0), "what ends with the command may or may not");
}

/* The first server is under the serve itself, the second under a supervisor of its own. */
static void test_servers(struct channel *channel) {
  shell(channel, SERVER("a") " & echo on", &result);
  ok(result.exit.still_running >= 1, "a server in the background");
  ok(lives(channel, "a"), "goes on printing when its call is over");
  shell(channel, SERVER("b") " 2>/dev/null & " SERVER("c") " >&2 & echo on", &result);
  ok(result.exit.still_running >= 2, "two more");
  ok(lives(channel, "b") && lives(channel, "c"), "do so too");
  shell(channel, "yes & yes >&2 & exit 3", &result);
  ok(exited(&result, 3), "ones that never stop printing do not hold their call up");
  ok(result.exit.out_bytes <= 3 << 20, "nor does what they print after it count (%d kB)",
     (int)(result.exit.out_bytes >> 10));
  free_result(&result);
  send_shell(channel, "echo on; sleep 600");
  prints(channel, &result, "on");
  send_cancel(channel);
  finish(channel, &result);
  ok(was_cancelled(&result), "a later call is cancelled");
  ok(lives(channel, "a") && lives(channel, "b") && lives(channel, "c"), "and they do not notice");
}

/* They outlive their channel, whichever way they were kept. */
static void test_channel_ends(struct sandbox *sandbox) {
  struct channel *channel = open_channel(sandbox);
  struct csn_frame frame;
  greet(channel);
  shell(channel, SERVER("d") " & echo on", &result);
  shell(channel, SERVER("e") " & echo on", &result);
  send_frame(channel, CSN_FRAME_BYE, NULL, 0);
  is_int(next_frame(channel, &frame, PATIENCE_MS), 0, "their channel closes");
  close_channel(channel);
  ok(lives(sandbox->first, "d"), "a server outlives its channel");
  ok(lives(sandbox->first, "e"), "so does one with a supervisor");
  shell(sandbox->first,
        "for p in $(grep -lE '^(sh|bash|yes)$' /proc/[0-9]*/comm | cut -d/ -f3); do "
        "[ $p = $$ ] || kill -9 $p; done",
        &result);
  for (int i = 0; i < 200 && count_inside(sandbox->first) != 2; i++) pause_ms(10);
  is_int(count_inside(sandbox->first), 2, "and the keepers end with them");
}

/* Someone left behind who opens the call's pipes for reading steals bytes, but stops nothing. */
static void test_thief(struct channel *channel) {
  shell(channel, "cat < /proc/self/fd/1 > /dev/null & sleep 0.1; i=0; "
                 "while [ $i -lt 2000 ]; do echo some output; i=$((i+1)); done; kill $!; exit 6",
        &result);
  ok(exited(&result, 6), "a reader of its own stdout does not hang the call");
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  test_left(sandbox.first);
  test_servers(sandbox.first);
  test_channel_ends(&sandbox);
  test_thief(sandbox.first);
  free_result(&result);
  end_sandbox(&sandbox);
  return done_testing();
}
