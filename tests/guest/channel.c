/* SPDX-License-Identifier: Apache-2.0 */
/* A channel's manners: greeting, pings, status, the ways it ends, and what it refuses. */
#include "driver.h"

static void test_greeting(void) {
  static const char *const arguments[] = {"init", "--key", "chat 7/\xc3\xa4", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  struct csn_frame frame;
  is_int(next_frame(sandbox.first, &frame, PATIENCE_MS), CSN_FRAME_HELLO,
         "the helper greets without being greeted");
  char error[CSN_FRAME_ERROR_MAX];
  struct csn_wire_status hello;
  is_int(csn_wire_get_status(frame.bytes, frame.size, true, &hello, error), 0, "properly");
  ok(hello.key.size == 9 && memcmp(hello.key.bytes, "chat 7/\xc3\xa4", 9) == 0, "with the key");
  ok(hello.uid == SANDBOX_USER && hello.gid == SANDBOX_USER, "with its user");
  ok(hello.channels_others == 0 && hello.busy_others == 0, "and it is alone");
  ok(hello.age_ms < 5000, "and young");
  end_sandbox(&sandbox);
}

/* The first request may come in the same write as the greeting. */
static void test_pipelining(void) {
  static const char *const arguments[] = {"init", NULL};
  struct sandbox sandbox = start_sandbox(arguments);
  struct result result = {0};
  struct csn_frame frame;
  send_frame(sandbox.first, CSN_FRAME_HELLO, &(uint8_t){CSN_WIRE_VERSION}, 1);
  send_shell(sandbox.first, "echo early");
  is_int(next_frame(sandbox.first, &frame, PATIENCE_MS), CSN_FRAME_HELLO, "greeted");
  finish(sandbox.first, &result);
  is_str(result.out, "early\n", "a request sent before the greeting came is run");
  free_result(&result);
  end_sandbox(&sandbox);
}

static void test_pings(struct sandbox *sandbox) {
  struct channel *channel = sandbox->first;
  struct csn_frame frame;
  struct result result = {0};
  send_frame(channel, CSN_FRAME_PING, "abcdefgh", 8);
  is_int(next_frame(channel, &frame, PATIENCE_MS), CSN_FRAME_PONG,
         "a ping is answered between calls");
  is_mem(frame.bytes, "abcdefgh", 8, "with its own bytes");
  send_shell(channel, "sleep 600");
  send_frame(channel, CSN_FRAME_PING, "ABCDEFGH", 8);
  is_int(next_frame(channel, &frame, PATIENCE_MS), CSN_FRAME_PONG, "and during a call");
  is_mem(frame.bytes, "ABCDEFGH", 8, "with its own bytes");
  send_cancel(channel);
  finish(channel, &result);
  ok(was_cancelled(&result), "which can be cancelled then");
  free_result(&result);
}

static struct csn_wire_status ask_status(struct channel *channel) {
  struct csn_frame frame;
  struct csn_wire_status status = {0};
  char error[CSN_FRAME_ERROR_MAX] = "";
  send_frame(channel, CSN_FRAME_STAT, NULL, 0);
  is_int(next_frame(channel, &frame, PATIENCE_MS), CSN_FRAME_STATUS, "STAT is answered");
  is_int(csn_wire_get_status(frame.bytes, frame.size, false, &status, error), 0, "properly");
  return status;
}

static void test_status(struct sandbox *sandbox) {
  struct channel *other = open_channel(sandbox);
  struct result result = {0};
  ok(greet(other), "a second channel greets");
  is_int(other->hello.channels_others, 1, "and knows of the first");
  is_str(other->key, "test", "and of the key");
  is_int(ask_status(sandbox->first).busy_others, 0, "the first sees nobody busy");
  send_shell(other, "echo on; sleep 600");
  prints(other, &result, "on");
  struct csn_wire_status status = {0};
  for (int i = 0; i < 200 && status.busy_others == 0; i++) status = ask_status(sandbox->first);
  is_int(status.busy_others, 1, "then the second is busy");
  is_int(status.idle_ms, 0, "and the sandbox is not idle");
  send_cancel(other);
  finish(other, &result);
  for (int i = 0; i < 200 && status.busy_others == 1; i++) status = ask_status(sandbox->first);
  is_int(status.busy_others, 0, "then it is not any more");
  send_frame(other, CSN_FRAME_BYE, NULL, 0);
  struct csn_frame frame;
  is_int(next_frame(other, &frame, PATIENCE_MS), 0, "BYE closes the channel");
  is_int(ask_status(sandbox->first).channels_others, 0, "and the first is alone again");
  close_channel(other);
  free_result(&result);
}

/* Send something wrong on a channel of its own: LOST with these words, then the end. */
static void refuses(struct sandbox *sandbox, uint8_t type, const void *bytes, size_t size,
                    const char *words) {
  struct channel *channel = open_channel(sandbox);
  struct result result = {0};
  struct csn_frame frame;
  ok(greet(channel), "greeted");
  send_frame(channel, type, bytes, size);
  finish(channel, &result);
  ok(result.type == CSN_FRAME_LOST && strcmp(result.reason, CSN_REASON_WIRE) == 0,
     "frame 0x%02x is refused", type);
  if (!ok(strstr(result.text, words) != NULL, "with the words: %s", words)) explain(&result);
  is_int(next_frame(channel, &frame, PATIENCE_MS), 0, "and the channel ends");
  close_channel(channel);
  free_result(&result);
}

static void test_refusals(struct sandbox *sandbox) {
  refuses(sandbox, 0x99, NULL, 0, "unknown");
  refuses(sandbox, CSN_FRAME_OUT, "x", 1, "which it must not");
  refuses(sandbox, CSN_FRAME_HELLO, &(uint8_t){CSN_WIRE_VERSION}, 1, "twice");
  refuses(sandbox, CSN_FRAME_CANCEL, "\x09", 1, "unknown reason");
  struct result result = {0};
  is_str(shell(sandbox->first, "echo fine", &result), "fine\n", "other channels do not mind");
  free_result(&result);
}

static void test_run_in_run(struct sandbox *sandbox) {
  struct channel *channel = open_channel(sandbox);
  struct result result = {0}, after = {0};
  greet(channel);
  send_shell(channel, "echo on; sleep 600");
  prints(channel, &result, "on");
  send_shell(channel, "true");
  finish(channel, &result);
  ok(was_cancelled(&result), "RUN during a call ends the call");
  finish(channel, &after);
  ok(after.type == CSN_FRAME_LOST && strstr(after.text, "RUN came") != NULL, "and the channel");
  is_int(count_inside(sandbox->first), 2, "nothing of it is left");
  close_channel(channel);
  free_result(&result);
  free_result(&after);
}

/* What a call did not need any more when it ended is dropped without a word. */
static void test_late_frames(struct sandbox *sandbox) {
  struct channel *channel = sandbox->first;
  struct result result = {0};
  shell(channel, "exit 3", &result);
  send_cancel(channel);
  send_frame(channel, CSN_FRAME_STDIN, "late", 4);
  send_frame(channel, CSN_FRAME_STDIN_END, NULL, 0);
  send_frame(channel, CSN_FRAME_SCRIPT, "late", 4);
  is_str(shell(channel, "echo next", &result), "next\n", "late frames do not touch the next call");
  free_result(&result);
}

static void test_end_of_file(struct sandbox *sandbox) {
  struct channel *channel = open_channel(sandbox);
  struct result result = {0};
  greet(channel);
  send_shell(channel, "setsid sleep 600 & echo on; sleep 600");
  prints(channel, &result, "on");
  double start = now_ms();
  close(channel->in);
  channel->in = -1;
  struct csn_frame frame;
  int type;
  while ((type = next_frame(channel, &frame, PATIENCE_MS)) > 0) continue;
  is_int(type, 0, "when the host is gone the channel ends");
  ok(now_ms() - start < 2000, "at once (%.1f ms)", now_ms() - start);
  is_int(count_inside(sandbox->first), 2, "and so does what ran");
  close_channel(channel);
  free_result(&result);
}

static void test_silence(struct sandbox *sandbox) {
  static const char *const arguments[] = {"serve", "--silence-ms", "700", NULL};
  struct channel *channel = open_channel_with(sandbox, arguments);
  struct result result = {0};
  struct csn_frame frame;
  greet(channel);
  pause_ms(1000);
  send_shell(channel, "echo on; sleep 600");
  ok(prints(channel, &result, "on"), "silence between calls is nothing");
  double start = now_ms();
  for (int i = 0; i < 5; i++) {
    pause_ms(300);
    send_frame(channel, CSN_FRAME_PING, "12345678", 8);
  }
  finish(channel, &result);
  double took = now_ms() - start;
  ok(was_cancelled(&result), "silence during a call cancels it");
  ok(took > 2000 && took < 6000, "counted from the last ping (%.0f ms)", took);
  is_int(next_frame(channel, &frame, PATIENCE_MS), 0, "and ends the channel");
  close_channel(channel);
  free_result(&result);
}

/* Between calls it is answered, also when nothing else was ever said; in a call it is refused. */
static void test_report(struct sandbox *sandbox) {
  struct channel *channel = open_channel(sandbox);
  struct result result = {0}, after = {0};
  struct csn_frame frame;
  greet(channel);
  for (int i = 0; i < 2; i++) {
    send_frame(channel, CSN_FRAME_INSPECT, NULL, 0);
    is_int(next_frame(channel, &frame, PATIENCE_MS), CSN_FRAME_REPORT, "a report is given");
    char user[64];
    snprintf(user, sizeof user, "\"uid\":[%d,%d,%d,%d]", SANDBOX_USER, SANDBOX_USER, SANDBOX_USER,
             SANDBOX_USER);
    ok(memmem(frame.bytes, frame.size, user, strlen(user)) != NULL, "with the user");
    ok(frame.bytes[0] == '{' && frame.bytes[frame.size - 1] == '}', "whole");
    ok(memmem(frame.bytes, frame.size, "\"cut\":false", 11) != NULL, "and nothing was cut");
    is_str(shell(channel, "echo next", &result), "next\n", "then a call");
    free_result(&result);
  }
  send_shell(channel, "echo on; sleep 600");
  prints(channel, &result, "on");
  send_frame(channel, CSN_FRAME_INSPECT, NULL, 0);
  finish(channel, &result);
  ok(was_cancelled(&result), "asked during a call, it ends the call");
  finish(channel, &after);
  ok(after.type == CSN_FRAME_LOST && strstr(after.text, "INSPECT came") != NULL, "and the channel");
  close_channel(channel);
  free_result(&result);
  free_result(&after);
}

int main(void) {
  test_greeting();
  test_pipelining();
  struct sandbox sandbox = new_sandbox();
  test_pings(&sandbox);
  test_status(&sandbox);
  test_refusals(&sandbox);
  test_run_in_run(&sandbox);
  test_report(&sandbox);
  test_late_frames(&sandbox);
  test_end_of_file(&sandbox);
  test_silence(&sandbox);
  end_sandbox(&sandbox);
  return done_testing();
}
