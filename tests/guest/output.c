/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print: whole, in order, whatever they do with their streams, and without ever
 * keeping the helper from hearing the host. */
#include "driver.h"

static struct result result;

static void test_streams(struct channel *channel) {
  shell(channel, "printf 'a\\0b\\377'; printf 'c\\n' >&2", &result);
  ok(result.out_size == 4 && memcmp(result.out, "a\0b\377", 4) == 0, "any bytes come through");
  is_str(result.err, "c\n", "each stream by itself");
  ok(result.exit.out_bytes == 4 && result.exit.err_bytes == 2, "and are counted");
  shell(channel, "exec >&- 2>&-; sleep 0.3; exit 4", &result);
  ok(exited(&result, 4), "closing stdout and stderr does not end a call");
  ok(result.exit.duration_ns > 300000000, "only the command's end does");
  shell(channel, "head -c 3000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait", &result);
  ok(result.out_size == 3000000 && result.err_size == 3000000, "both streams may be full at once");
  shell(channel, "for i in 1 2 3 4 5 6 7 8 9; do echo $i; echo $i >&2; done", &result);
  is_str(result.out, "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "many small writes come in order");
}

/* A short command's output and end leave together: one read gets both. */
static void test_one_write(struct channel *channel) {
  struct csn_frame frame;
  int together = 0;
  for (int i = 0; i < 20; i++) {
    send_shell(channel, "echo hi");
    if (next_frame(channel, &frame, PATIENCE_MS) != CSN_FRAME_OUT) break;
    together += channel->left > CSN_FRAME_HEAD;
    if (next_frame(channel, &frame, PATIENCE_MS) != CSN_FRAME_EXIT) break;
  }
  ok(together >= 15, "output and exit of a short command come in one write (%d of 20)", together);
}

/* Output is not held back for the end. */
static void test_live(struct channel *channel) {
  free_result(&result);
  send_shell(channel, "echo now; sleep 600");
  double start = now_ms();
  ok(prints(channel, &result, "now"), "output comes while the command runs");
  ok(now_ms() - start < 1000, "at once (%.1f ms)", now_ms() - start);
  send_cancel(channel);
  finish(channel, &result);
}

static void test_gigabyte(struct channel *channel) {
  double start = now_ms();
  shell(channel, "head -c 1G /dev/zero", &result);
  double seconds = (now_ms() - start) / 1e3;
  ok(exited(&result, 0) && result.out_size + result.discarded == 1u << 30, "1 GB comes through");
  is_int(result.exit.out_bytes, 1 << 30, "and is counted");
  diag("%.0f MB/s", 1024 / seconds);
}

/* Whatever is between us takes all that is left over at once: the rest follows without a push. */
static void test_wide_pipe(struct channel *channel) {
  int rc = fcntl(channel->out, F_SETPIPE_SZ, 1 << 20);
  if (rc < 0) diag("no wide pipe: %s", strerror(errno));
  double start = now_ms();
  bool whole = true;
  for (int i = 0; i < 20; i++) {
    shell(channel, "head -c 3000000 /dev/zero", &result);
    whole = whole && exited(&result, 0) && result.out_size == 3000000;
  }
  ok(whole, "output comes whole through a pipe that holds more than we do");
  ok(now_ms() - start < 5000, "and at once (%.0f ms)", now_ms() - start);
}

static void test_spill(struct channel *channel) {
  struct run what = {.programs = {"sh"}, .args = {"-c", "seq 1 20000"}, .spill_after = 50000,
                     .spill_max = 1 << 20};
  run(channel, &what, &result);
  ok(result.exit.spill_whole == 1 && result.exit.spill_bytes == 108894,
     "much output goes to a file");
  char command[800], first[300];
  (void)snprintf(first, sizeof first, "%s", result.spill_path);
  (void)snprintf(command, sizeof command, "seq 1 20000 | cmp - %s && stat -c %%a %s", first, first);
  is_str(shell(channel, command, &result), "600\n", "that has all of it, from the start");
  what.args[1] = "seq 1 20000 >&2; seq 1 200000";
  run(channel, &what, &result);
  ok(result.exit.spill_whole == 0 && result.exit.spill_bytes == 1 << 20, "up to its limit");
  ok(result.out_size == 1288895 && result.err_size == 108894, "which does not limit the output");
  what.args[1] = "seq 1 5000";
  run(channel, &what, &result);
  ok(result.spill_path[0] == '\0', "little output makes no file");
  what.spill_after = 0;
  run(channel, &what, &result);
  ok(result.exit.spill_bytes == 23893, "unless everything is to go there");
  what.spill_max = 0;
  run(channel, &what, &result);
  ok(result.spill_path[0] == '\0', "without a limit there is no file");
}

/* Spills are kept for a while, but do not fill /tmp. */
static void test_old_spills(struct channel *channel) {
  const struct run what = {.programs = {"sh"}, .args = {"-c", "head -c 20M /dev/zero"},
                           .spill_max = 20 << 20};
  for (int i = 0; i < 5; i++) {
    run(channel, &what, &result);
    if (result.exit.spill_whole != 1) ok(false, "spill %d is whole", i);
  }
  is_str(shell(channel, "cat /tmp/.caisson/output-* | wc -c", &result), "41943040\n",
         "the oldest make room for new ones");
  shell(channel, "rm -f /tmp/.caisson/output-*", &result);
}

static void test_spill_without_room(struct channel *channel) {
  shell(channel, "head -c 60M /dev/zero > /tmp/full", &result);
  const struct run what = {.programs = {"sh"}, .args = {"-c", "head -c 20M /dev/zero"},
                           .spill_max = 32 << 20};
  run(channel, &what, &result);
  ok(exited(&result, 0) && result.exit.spill_whole == 0,
     "a full disk makes a spill that is not whole");
  is_int(result.exit.out_bytes, 20 << 20, "and takes nothing from the output");
  shell(channel, "rm -f /tmp/full /tmp/.caisson/output-*", &result);
}

/* Nobody reads the output: the command waits, pings are answered, a cancel is seen. */
static void test_unread(struct channel *channel) {
  struct csn_frame frame;
  send_run(channel, &(struct run){.programs = {"sh"},
                                  .args = {"-c", "yes & yes >&2; wait"}});
  pause_ms(300);
  send_frame(channel, CSN_FRAME_PING, "12345678", 8);
  send_cancel(channel);
  pause_ms(300);
  uint64_t bytes = 0;
  int pongs = 0, type;
  while ((type = next_frame(channel, &frame, PATIENCE_MS)) != CSN_FRAME_EXIT && type > 0) {
    pongs += type == CSN_FRAME_PONG;
    bytes += type == CSN_FRAME_PONG ? 0 : frame.size;
  }
  is_int(type, CSN_FRAME_EXIT, "a call whose output nobody reads can be cancelled");
  is_int(pongs, 1, "and its ping is answered");
  ok(bytes < 3 << 20, "it was kept from printing more than the pipes hold (%d kB)",
     (int)(bytes >> 10));
  is_int(count_inside(channel), 2, "nothing of it is left");
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  test_streams(sandbox.first);
  test_one_write(sandbox.first);
  test_live(sandbox.first);
  test_gigabyte(sandbox.first);
  test_wide_pipe(sandbox.first);
  test_spill(sandbox.first);
  test_old_spills(sandbox.first);
  test_spill_without_room(sandbox.first);
  test_unread(sandbox.first);
  free_result(&result);
  end_sandbox(&sandbox);
  return done_testing();
}
