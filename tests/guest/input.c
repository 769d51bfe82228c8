/* SPDX-License-Identifier: Apache-2.0 */
/* A command's stdin: all of it arrives, by credit, and it never stands in a cancel's way. */
#include "driver.h"

#define PIPE (1u << 20)   /* what the command's stdin holds besides */

static struct result result;
static uint8_t piece[CSN_FRAME_MAX];

/* Send `total` bytes of stdin as the host must: never more than was granted. Returns how much was
 * sent before the call or its stdin ended. */
static uint64_t feed(struct channel *channel, uint64_t total) {
  uint64_t credit = CSN_STDIN_GRANT, sent = 0;
  struct csn_frame frame;
  while (sent < total && result.type == 0 && !result.stdin_closed) {
    uint64_t size = total - sent < sizeof piece ? total - sent : sizeof piece;
    if (size > credit) size = credit;
    if (size > 0) {
      send_frame(channel, CSN_FRAME_STDIN, piece, size);
      sent += size;
      credit -= size;
      continue;
    }
    int type = next_frame(channel, &frame, PATIENCE_MS);
    if (type == CSN_FRAME_STDIN_WANT) credit += csn_wire_load(frame.bytes, 8);
    keep_frame(&result, type, &frame);
  }
  return sent;
}

static void start(struct channel *channel, const char *command) {
  free_result(&result);
  send_run(channel,
           &(struct run){.programs = {"sh"}, .args = {"-c", command}, .with_stdin = true});
}

static void test_small(struct channel *channel) {
  start(channel, "cat; echo end");
  send_frame(channel, CSN_FRAME_STDIN, "one ", 4);
  send_frame(channel, CSN_FRAME_STDIN, "two ", 4);
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  finish(channel, &result);
  is_str(result.out, "one two end\n", "stdin arrives and ends");
  start(channel, "cat; echo end");
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  finish(channel, &result);
  is_str(result.out, "end\n", "an empty one ends at once");
  start(channel, "read -r a; echo \"<$a>\"; read -r b; echo \"<$b>\"");
  send_frame(channel, CSN_FRAME_STDIN, "x\n", 2);
  ok(prints(channel, &result, "<x>"), "a command can be talked to");
  send_frame(channel, CSN_FRAME_STDIN, "y\n", 2);
  ok(prints(channel, &result, "<y>"), "line by line");
  finish(channel, &result);
  ok(exited(&result, 0), "and may end without reading all");
}

static void test_large(struct channel *channel) {
  for (size_t i = 0; i < sizeof piece; i++) piece[i] = (uint8_t)(i * 131 >> 2);
  start(channel, "cksum");
  double begin = now_ms();
  is_int(feed(channel, 100 << 20), 100 << 20, "100 MB are taken");
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  finish(channel, &result);
  diag("%.0f MB/s", 100e3 / (now_ms() - begin));
  ok(exited(&result, 0) && strstr(result.out, " 104857600") != NULL, "and arrive whole");
  char *sum = strdup(result.out);
  start(channel, "sleep 0.3; cksum");
  feed(channel, 100 << 20);
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  finish(channel, &result);
  is_str(result.out, sum, "the same when the command reads late");
  free(sum);
}

static void test_closed(struct channel *channel) {
  start(channel, "exec <&-; echo closed; sleep 0.5; echo end");
  prints(channel, &result, "closed");
  uint64_t sent = feed(channel, 10 << 20);
  ok(result.stdin_closed, "a command that closes its stdin is told about");
  ok(sent < 1 << 20, "before much was sent (%d kB)", (int)(sent >> 10));
  send_frame(channel, CSN_FRAME_STDIN, piece, 1000);
  finish(channel, &result);
  is_str(result.out, "closed\nend\n", "and goes on; what still comes is dropped");
  start(channel, "head -c 5");
  feed(channel, 10 << 20);
  if (result.type == 0) finish(channel, &result);
  is_int(result.out_size, 5, "a command that ends early ends the call");
}

static void test_cancel_behind_stdin(struct channel *channel) {
  start(channel, "sleep 600");
  for (size_t sent = 0; sent < CSN_STDIN_GRANT; sent += sizeof piece)
    send_frame(channel, CSN_FRAME_STDIN, piece, sizeof piece);
  double begin = now_ms();
  send_cancel(channel);
  finish(channel, &result);
  ok(was_cancelled(&result), "a cancel is seen behind all the stdin that may be sent");
  ok(now_ms() - begin < 1000, "at once (%.1f ms)", now_ms() - begin);
}

static void test_too_much(struct sandbox *sandbox) {
  struct channel *channel = open_channel(sandbox);
  struct result after = {0};
  greet(channel);
  start(channel, "sleep 600");
  for (size_t sent = 0; sent < PIPE + 2 * CSN_STDIN_GRANT; sent += sizeof piece)
    send_frame(channel, CSN_FRAME_STDIN, piece, sizeof piece);
  finish(channel, &result);
  finish(channel, &after);
  ok(was_cancelled(&result) && after.type == CSN_FRAME_LOST, "more than was granted is refused");
  ok(strstr(after.text, "more STDIN") != NULL, "with the reason");
  close_channel(channel);
  free_result(&after);
}

int main(void) {
  struct sandbox sandbox = new_sandbox();
  test_small(sandbox.first);
  test_large(sandbox.first);
  test_closed(sandbox.first);
  test_cancel_behind_stdin(sandbox.first);
  test_too_much(&sandbox);
  is_str(shell(sandbox.first, "echo fine", &result), "fine\n", "the next call is fine");
  free_result(&result);
  end_sandbox(&sandbox);
  return done_testing();
}
