/* SPDX-License-Identifier: Apache-2.0 */
/* A cancel ends everything that a command started, whatever it did to get away, and nothing
 * else. */
#include "driver.h"

static struct result result;

/* Start, wait for "ready", cancel; the time from CANCEL to EXIT in ms. */
static double cancel(struct channel *channel, const char *command) {
  free_result(&result);
  send_shell(channel, command);
  if (!prints(channel, &result, "ready")) return 1e9;
  double start = now_ms();
  send_cancel(channel);
  finish(channel, &result);
  return now_ms() - start;
}

/* How many run once it has settled: a channel that was closed before may still be leaving. */
static int count_settled(struct channel *channel, int before) {
  double end = now_ms() + 10000;
  int count = count_inside(channel);
  while (count > before && now_ms() < end) count = count_inside(channel);
  return count;
}

static void cancels(struct channel *channel, double within_ms, const char *what,
                    const char *command) {
  int before = count_inside(channel);
  double took = cancel(channel, command);
  if (!ok(was_cancelled(&result), "cancelled: %s", what)) explain(&result);
  ok(took < within_ms, "in time (%.1f ms, %d rounds)", took, (int)result.exit.kill_rounds);
  int after = count_settled(channel, before);
  ok(after <= before, "nothing of it is left (%d, before %d)", after, before);
}

static void test_commands(struct channel *channel) {
  cancels(channel, 2000, "a sleeper", "echo ready; sleep 600");
  cancels(channel, 2000, "one that ignores every signal",
          "trap '' TERM INT HUP QUIT; echo ready; while :; do sleep 1; done");
  cancels(channel, 2000, "one that stops itself", "echo ready; kill -STOP $$");
  cancels(channel, 2000, "one that burns CPU", "echo ready; while :; do :; done");
  cancels(channel, 2000, "one that never stops printing", "echo ready; yes");
  cancels(channel, 2000, "sessions of their own",
          "for i in 1 2 3 4 5; do setsid sh -c 'sleep 600 & sleep 600' & done; echo ready; wait");
  cancels(channel, 2000, "orphans",
          "(setsid sleep 600 &); (sh -c 'trap \"\" TERM; sleep 600 & kill -STOP $$' &); "
          "sleep 0.2; echo ready; sleep 600");
  cancels(channel, 5000, "a tree of 200",
          "i=0; while [ $i -lt 100 ]; do (setsid sh -c 'trap \"\" TERM; kill -STOP $$' &); "
          "sleep 600 & i=$((i+1)); done; sleep 0.3; echo ready; wait");
}

/* Each process forks a child and ends, forever: walking the tree alone never catches up with
 * them. */
static void test_chains(struct channel *channel) {
  static const char chains[] =
      "chain() { chain & exit; }; i=0; while [ $i -lt 64 ]; do chain & i=$((i+1)); done; "
      "sleep 0.5; echo ready; sleep 600";
  cancels(channel, 10000, "64 fork-and-exit chains", chains);
}

static void test_bomb(struct channel *channel) {
  cancels(channel, 10000, "a fork bomb (of bounded size)",
          "bomb() { [ $1 -eq 0 ] && exec sleep 600; bomb $(($1-1)) & bomb $(($1-1)) & wait; }; "
          "bomb 7 & sleep 1; echo ready; wait");
}

static void test_race(struct channel *channel) {
  int odd = 0;
  for (int i = 0; i < 200; i++) {
    free_result(&result);
    send_shell(channel, "exit 5");
    if (i % 4 != 0) pause_ms(i % 4 - 1);
    send_cancel(channel);
    finish(channel, &result);
    if (exited(&result, 5) || was_cancelled(&result)) continue;
    odd++;
    explain(&result);
  }
  is_int(odd, 0, "a cancel at about the end gives one result or the other, and only one");
  is_str(shell(channel, "echo fine", &result), "fine\n", "the next call is fine");
}

/* Before the script has arrived there is nothing to kill. */
static void test_before_start(struct channel *channel) {
  uint8_t request[512];
  struct csn_wire_out body = {request, sizeof request, 0};
  csn_field_put_string(&body, CSN_FIELD_PROGRAM, "sh");
  csn_field_put_string(&body, CSN_FIELD_ARG, "@SCRIPT@");
  csn_field_put_string(&body, CSN_FIELD_CWD, "/");
  csn_field_put_number(&body, CSN_FIELD_SCRIPT_SIZE, 100);
  csn_field_put_string(&body, CSN_FIELD_SCRIPT_NAME, "s");
  csn_field_put_string(&body, CSN_FIELD_SCRIPT_MARK, "@SCRIPT@");
  free_result(&result);
  send_frame(channel, CSN_FRAME_RUN, request, body.size);
  send_frame(channel, CSN_FRAME_SCRIPT, "echo no", 7);
  send_cancel(channel);
  send_frame(channel, CSN_FRAME_SCRIPT, "echo no", 7);
  finish(channel, &result);
  ok(was_cancelled(&result) && result.exit.how == CSN_HOW_NOT_STARTED,
     "a call without its script can be cancelled");
  free_result(&result);
  send_frame(channel, CSN_FRAME_RUN_PART, request, 20);
  send_cancel(channel);
  finish(channel, &result);
  ok(was_cancelled(&result) && result.exit.how == CSN_HOW_NOT_STARTED, "so can half a request");
  is_str(shell(channel, "ls /tmp/.caisson | grep -c run-", &result), "0\n", "no script is left");
}

/* Another channel's call goes on while the first one's tree is killed, freeze or no freeze. */
static void test_others(struct sandbox *sandbox) {
  struct channel *other = open_channel(sandbox);
  struct result others = {0};
  greet(other);
  send_shell(other, "echo on; i=0; while [ $i -lt 20 ]; do sleep 0.05; i=$((i+1)); done; echo $i");
  prints(other, &others, "on");
  cancel(sandbox->first, "chain() { chain & exit; }; for i in 1 2 3 4; do chain & done; sleep 0.2; "
                         "echo ready; sleep 600");
  ok(was_cancelled(&result), "one channel's call is cancelled");
  finish(other, &others);
  is_str(others.out, "on\n20\n", "another channel's goes on");
  ok(exited(&others, 0), "to its end");
  close_channel(other);
  free_result(&others);
}

/* While something of an earlier call lives, calls run under a supervisor; it must all hold there
 * too, and the earlier one must not be touched. */
static void test_supervised(struct channel *channel) {
  shell(channel, "sleep 600 > /dev/null & echo $!", &result);
  char command[80];
  (void)snprintf(command, sizeof command, "kill -0 %d && echo alive", atoi(result.out));
  is_int(result.exit.still_running, 1, "something stays in the background");
  test_commands(channel);
  test_chains(channel);
  test_bomb(channel);
  test_race(channel);
  is_str(shell(channel, command, &result), "alive\n", "what an earlier call left is still alive");
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  test_commands(sandbox.first);
  test_chains(sandbox.first);
  test_bomb(sandbox.first);
  test_race(sandbox.first);
  test_before_start(sandbox.first);
  test_others(&sandbox);
  test_supervised(sandbox.first);
  free_result(&result);
  end_sandbox(&sandbox);
  return done_testing();
}
