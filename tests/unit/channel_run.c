/* SPDX-License-Identifier: Apache-2.0 */
/* One command over a channel: its input, how it is stopped, and what may come between two. */
#include "channel_bench.h"

/* ---- between calls -------------------------------------------------------------------------- */

static void late_pong(struct bench *b, int fd) {
  struct words w;
  say_hello(fd);
  for (int i = 0; await(b, fd, CSN_FRAME_RUN); i++) {
    csn_wire_put_u64(words(&w), CSN_FRAME_PONG, 1);
    put_exit(&w.out, 0);
    csn_wire_put_u64(&w.out, CSN_FRAME_PONG, 2);
    csn_wire_put_u64(&w.out, CSN_FRAME_PONG, 3);
    say(fd, &w.out);
    csn_wire_put_u64(words(&w), CSN_FRAME_PONG, 4);
    say(fd, &w.out);
  }
}

static void test_late_pong(void) {
  struct bench b;
  bench_begin(&b, late_pong);
  int usable = 0, ran = 0;
  for (int i = 0; i < 20; i++) {
    ran += run(&b) == 0 && b.result.outcome == CAISSON_OUTCOME_EXITED;
    if (i % 2) usleep(2000);
    usable += csn_channel_is_usable(b.channel);
  }
  is_int(ran, 20, "answers to pings that come after the end of their call");
  is_int(usable, 20, "do not spoil the channel");
  bench_stop(&b);
}

static void unasked(struct bench *b, int fd) {
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  say_exit(fd, 0);
  await(b, fd, CSN_FRAME_PING); /* which never comes: until the test has seen the end */
}

static void unasked_at_once(struct bench *b, int fd) {
  struct words w;
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  put_exit(words(&w), 0);
  csn_frame_put(&w.out, CSN_FRAME_OUT, "more", 4);
  put_exit(&w.out, 77);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static void test_unasked(void) {
  struct bench b;
  bench_begin(&b, unasked);
  int rc = run(&b);
  say_out(b.server.fds[b.server.connections - 1], "more");
  ok(rc == 0 && EVENTUALLY(!csn_channel_is_usable(b.channel)),
     "output without a call ends the channel");
  bench_stop(&b);
  bench_begin(&b, unasked_at_once);
  rc = run(&b);
  ok(rc == 0 && b.result.exit_code == 0 && b.output_size == 0,
     "what comes behind the end of a call is no part of it");
  ok(!csn_channel_is_usable(b.channel), "and ends the channel");
  bench_stop(&b);
}

static void farewell(struct bench *b, int fd) {
  struct words w;
  struct csn_wire_fault f = {.reason = {"lost.init", 9}, .text = {"it \033 went", 9}};
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  csn_wire_put_fault(words(&w), CSN_FRAME_LOST, &f);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static int64_t endless(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx;
  memset(buffer, 'i', capacity);
  return (int64_t)capacity;
}

static void farewell_and_gone(struct bench *b, int fd) {
  struct words w;
  struct csn_wire_fault f = {.reason = {"lost.init", 9}, .text = {"it \033 went", 9}};
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_STDIN)) return;
  csn_wire_put_u64(words(&w), CSN_FRAME_STDIN_WANT, UINT32_MAX);
  csn_wire_put_fault(&w.out, CSN_FRAME_LOST, &f);
  shutdown(fd, SHUT_RD); /* what the host writes from now on fails */
  usleep(20000);
  say(fd, &w.out);
}

static void test_farewell(void) {
  struct bench b;
  struct csn_control control = within(20000);
  struct csn_run r = {.input = endless};
  bench_begin(&b, farewell_and_gone);
  ok(is_lost(&b, run_with(&b, &r, &control), CAISSON_REASON_HELPER_LOST) &&
         strstr(b.result.message, "it ? went"),
     "the last words of one that takes nothing any more are heard");
  bench_stop(&b);
  bench_begin(&b, farewell);
  ok(is_lost(&b, run(&b), CAISSON_REASON_HELPER_LOST), "a helper that says it is lost");
  ok(strstr(b.result.message, "it ? went"), "its words, made plain");
  bench_stop(&b);
}

/* ---- stopping ------------------------------------------------------------------------------- */

static void obedient(struct bench *b, int fd) {
  struct words w;
  struct csn_wire_exit e = exit_of(9);
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  say_out(fd, "begun");
  if (!await(b, fd, CSN_FRAME_CANCEL)) return;
  say_out(fd, "last words");
  e.outcome = b->heard.why == CSN_CANCEL_DEADLINE ? CSN_OUTCOME_DEADLINE : CSN_OUTCOME_CANCELLED;
  e.how = CSN_HOW_SIGNALLED;
  csn_wire_put_exit(words(&w), &e);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static int when_begun(void *ctx) {
  struct bench *b = ctx;
  return b->output_size >= 5;
}

static int stop_at_output(void *ctx, int stream, const void *bytes, size_t n) {
  return take_output(ctx, stream, bytes, n) + 1;
}

static void test_stop(void) {
  struct bench b;
  struct csn_run r = {0};
  bench_begin(&b, obedient);
  struct csn_control control = {csn_clock_after(300 * CSN_MS), -1, NULL, NULL};
  is_int(run_with(&b, &r, &control), 0, "a deadline");
  ok(b.result.outcome == CAISSON_OUTCOME_DEADLINE && b.result.exit_code == CAISSON_EXIT_DEADLINE,
     "is told to the helper, and the end is its answer");
  is_str(b.output, "begunlast words", "what came meanwhile is not lost");
  bench_stop(&b);

  bench_begin(&b, obedient);
  control = (struct csn_control){csn_clock_after(20 * CSN_SECOND), -1, when_begun, &b};
  is_int(run_with(&b, &r, &control), 0, "a cancel");
  ok(b.result.outcome == CAISSON_OUTCOME_CANCELLED && b.result.exit_code == CAISSON_EXIT_CANCELLED,
     "likewise");
  bench_stop(&b);

  bench_begin(&b, obedient);
  control = within(20000);
  r.output = stop_at_output;
  is_int(run_with(&b, &r, &control), 0, "a host that wants no more output");
  is_int(b.result.outcome, CAISSON_OUTCOME_CANCELLED, "cancels by it");
  is_str(b.output, "begun", "and is given no more");
  ok(csn_channel_is_usable(b.channel), "after which the channel goes on");
  bench_stop(&b);
}

static void test_stopped_before(void) {
  struct bench b;
  struct csn_run r = {0};
  bench_begin(&b, good);
  b.output_size = 5;
  struct csn_control control = {CSN_NEVER, -1, when_begun, &b};
  r.programs = (const char *const[]){"sh", NULL};
  r.cwd = "/";
  is_int(csn_channel_run(b.channel, &r, &control, &b.result, &b.err), CAISSON_E_CANCELLED,
         "a cancel before the request");
  is_int(b.heard.runs, 0, "sends none");
  is_int(run(&b), 0, "and the next call is fine");
  bench_stop(&b);
}

/* ---- stdin ---------------------------------------------------------------------------------- */

static int64_t three(void *ctx, void *buffer, uint64_t capacity) {
  int *calls = ctx;
  (void)capacity;
  switch ((*calls)++) {
    case 0: memcpy(buffer, "abc", 3); return 3;
    case 1: return CAISSON_INPUT_AGAIN;
    default: return CAISSON_INPUT_END;
  }
}

static int64_t broken_input(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx;
  (void)buffer;
  (void)capacity;
  return CAISSON_INPUT_ERROR;
}

static int64_t lying_input(void *ctx, void *buffer, uint64_t capacity) {
  (void)ctx;
  (void)buffer;
  return (int64_t)capacity + 1;
}

static int heard_stdin(struct bench *b) {
  pthread_mutex_lock(&b->mutex);
  int n = b->heard.bytes_of_stdin;
  pthread_mutex_unlock(&b->mutex);
  return n;
}

/* Takes in all that the host sends unasked, grants some more, and says it wants no more. */
static void thirsty(struct bench *b, int fd) {
  struct words w;
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  while (heard_stdin(b) < (int)CSN_STDIN_GRANT)
    if (!await(b, fd, CSN_FRAME_STDIN)) return;
  struct pollfd p = {.fd = fd, .events = POLLIN};
  b->piece = (size_t)poll(&p, 1, 200); /* does more come than was granted? */
  csn_wire_put_u64(words(&w), CSN_FRAME_STDIN_WANT, 1000);
  say(fd, &w.out);
  while (heard_stdin(b) < (int)CSN_STDIN_GRANT + 1000)
    if (!await(b, fd, CSN_FRAME_STDIN)) return;
  csn_wire_put_empty(words(&w), CSN_FRAME_STDIN_CLOSED);
  csn_wire_put_u64(&w.out, CSN_FRAME_STDIN_WANT, 1000);
  put_exit(&w.out, 0);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static void counts(struct bench *b, int fd) {
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_STDIN_END)) return;
  say_exit(fd, (uint64_t)heard_stdin(b));
  await(b, fd, CSN_FRAME_BYE);
}

static void test_stdin(void) {
  struct bench b;
  struct csn_control control = within(20000);
  struct csn_run r = {.input = endless};
  bench_begin(&b, thirsty);
  is_int(run_with(&b, &r, &control), 0, "stdin without an end");
  is_int(b.piece, 0, "no more is sent than was granted");
  is_int(heard_stdin(&b), CSN_STDIN_GRANT + 1000, "and as much as was");
  ok(b.result.touched, "the call is marked as one that took input");
  bench_stop(&b);

  int calls = 0;
  bench_begin(&b, counts);
  r = (struct csn_run){.input = three, .input_ctx = &calls};
  is_int(run_with(&b, &r, &control), 0, "stdin of three bytes, with a pause");
  is_int(b.result.exit_code, 3, "comes whole, and its end too");
  bench_stop(&b);

  bench_begin(&b, obedient);
  r = (struct csn_run){.input = broken_input};
  is_int(run_with(&b, &r, &control), 0, "stdin that fails");
  ok(b.result.outcome == CAISSON_OUTCOME_CANCELLED &&
         strcmp(b.result.reason, CAISSON_REASON_INPUT) == 0,
     "cancels the call, with its reason");
  bench_stop(&b);

  bench_begin(&b, obedient);
  r = (struct csn_run){.input = lying_input};
  is_int(run_with(&b, &r, &control), 0, "a callback that claims more than it has room for");
  is_str(b.result.reason, CAISSON_REASON_INPUT, "is one that fails");
  bench_stop(&b);
}

static void test_too_large(void) {
  struct bench b;
  struct csn_control control = within(20000);
  size_t n = ((size_t)2 << 20) + 1;
  char *text = malloc(n);
  memset(text, 'x', n);
  text[n - 1] = '\0';
  const char *args[] = {text, NULL};
  struct csn_run r = {.args = args};
  bench_begin(&b, good);
  is_int(run_with(&b, &r, &control), CAISSON_E_ARGUMENTS, "a request of more than 2 MiB is refused");
  ok(csn_channel_is_usable(b.channel), "before anything of it is sent");
  is_int(run(&b), 0, "the next call is fine");
  bench_stop(&b);
  free(text);
}

/* ---- slow ones: each on a thread of its own ------------------------------------------------- */

static void deaf(struct bench *b, int fd) {
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  await(b, fd, CSN_FRAME_BYE);
}

static void *test_deaf(void *arg) {
  static struct bench b;
  struct csn_run r = {0};
  (void)arg;
  bench_begin(&b, deaf);
  struct csn_control control = {csn_clock_after(50 * CSN_MS), -1, NULL, NULL};
  int64_t begin = csn_clock_now();
  int rc = run_with(&b, &r, &control);
  ok(is_lost(&b, rc, CAISSON_REASON_HELPER_LOST), "a helper that does not answer a cancel is lost");
  ok(ms_since(begin) < 9000, "after a bounded time (%.0f ms)", ms_since(begin));
  bench_stop(&b); /* its threads with it: what they heard is ours now */
  ok(b.heard.pings > 0, "in which it was pinged");
  is_int(b.heard.cancels, 1, "it was told once");
  return NULL;
}

/* Takes its time to kill, and answers pings meanwhile. */
static void slow_killer(struct bench *b, int fd) {
  struct words w;
  struct csn_wire_exit e = exit_of(9);
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN) || !await(b, fd, CSN_FRAME_CANCEL)) return;
  int64_t end = csn_clock_after(7 * CSN_SECOND);
  while (csn_clock_now() < end) {
    if (!await(b, fd, CSN_FRAME_PING)) return;
    csn_wire_put_u64(words(&w), CSN_FRAME_PONG, b->heard.ping);
    say(fd, &w.out);
  }
  e.outcome = CSN_OUTCOME_DEADLINE;
  csn_wire_put_exit(words(&w), &e);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

static void *test_slow_kill(void *arg) {
  static struct bench b;
  struct csn_run r = {0};
  (void)arg;
  bench_begin(&b, slow_killer);
  struct csn_control control = {csn_clock_after(50 * CSN_MS), -1, NULL, NULL};
  is_int(run_with(&b, &r, &control), 0, "a helper that takes long to kill");
  is_int(b.result.outcome, CAISSON_OUTCOME_DEADLINE, "is waited for as long as it answers");
  bench_stop(&b);
  return NULL;
}

static void until_pinged(struct bench *b, int fd) {
  struct words w;
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  say_out(fd, "begun");
  if (!await(b, fd, CSN_FRAME_PING)) return;
  atomic_store(&b->flag, 1);
  csn_wire_put_u64(words(&w), CSN_FRAME_PONG, b->heard.ping);
  put_exit(&w.out, 0);
  say(fd, &w.out);
  await(b, fd, CSN_FRAME_BYE);
}

/* Does not come back before the helper has heard a ping. */
static int slow_reader(void *ctx, int stream, const void *bytes, size_t n) {
  struct bench *b = ctx;
  int64_t end = csn_clock_after(20 * CSN_SECOND);
  while (!atomic_load(&b->flag) && csn_clock_now() < end) usleep(1000);
  return take_output(ctx, stream, bytes, n);
}

static void *test_slow_reader(void *arg) {
  static struct bench b;
  struct csn_run r = {.output = slow_reader};
  struct csn_control control = within(60000);
  (void)arg;
  bench_begin(&b, until_pinged);
  is_int(run_with(&b, &r, &control), 0, "a host that is slow to take output");
  ok(atomic_load(&b.flag), "is heard of all the same while it does");
  is_int(b.result.outcome, CAISSON_OUTCOME_EXITED, "and the call goes on");
  bench_stop(&b);
  return NULL;
}

static void *test_quiet_command(void *arg) {
  static struct bench b;
  (void)arg;
  bench_begin(&b, until_pinged);
  is_int(run(&b), 0, "a command that is quiet for long");
  ok(b.heard.pings >= 1, "hears pings meanwhile");
  bench_stop(&b);
  return NULL;
}

int main(void) {
  void *(*const slow[])(void *) = {test_deaf, test_slow_kill, test_slow_reader, test_quiet_command};
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, slow[i], NULL) != 0) BAIL_OUT("no thread");
  test_late_pong();
  test_unasked();
  test_farewell();
  test_stop();
  test_stopped_before();
  test_stdin();
  test_too_large();
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  return done_testing();
}
