/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a report: what comes is a helper's word, so it may be anything. */
#include "channel_bench.h"
#include "util/json.h"

static const char *answer = "{}";

static void say_report(int fd, const char *json) {
  struct words w;
  csn_frame_put(words(&w), CSN_FRAME_REPORT, json, strlen(json));
  say(fd, &w.out);
}

static void reporter(struct bench *b, int fd) {
  say_hello(fd);
  while (await(b, fd, CSN_FRAME_INSPECT)) say_report(fd, answer);
}

static int report(struct bench *b, int ms, cJSON **out) {
  struct csn_control control = within(ms);
  return csn_channel_report(b->channel, &control, out, &b->err);
}

static void test_good(void) {
  struct bench b;
  bench_begin(&b, reporter);
  for (int i = 0; i < 2; i++) {
    cJSON *json CSN_CLEANUP_JSON = NULL;
    answer = i ? "{\"v\":2}" : "{\"v\":1}";
    is_int(report(&b, 20000, &json), 0, "a report is asked for");
    is_int(csn_json_int(json, "v", 0), i + 1, "and comes, each time anew");
  }
  bench_stop(&b);
}

static void test_bad(void) {
  static const char *const bad[] = {"[]", "{\"a\":1,\"a\":2}", "{\"a\":", "{\"a\":\"\xff\"}",
                                    "{\"a\":\"\\u0000\"}", "12"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct bench b;
    cJSON *json = NULL;
    answer = bad[i];
    bench_begin(&b, reporter);
    is_int(report(&b, 20000, &json), CAISSON_E_LOST, "one that is no object is none (%zu)", i);
    is_str(b.err.reason, CAISSON_REASON_HELPER_PROTOCOL, "and is the helper's fault");
    ok(json == NULL && !csn_channel_is_usable(b.channel), "the channel ends");
    bench_stop(&b);
  }
}

static void talker(struct bench *b, int fd) {
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_RUN)) return;
  say_report(fd, "{}");
  await(b, fd, CSN_FRAME_BYE);
}

static void test_unasked(void) {
  struct bench b;
  bench_begin(&b, talker);
  is_int(run(&b), 0, "a call");
  is_int(b.result.outcome, CAISSON_OUTCOME_LOST, "in which a report comes that nobody wanted");
  ok(strstr(b.result.message, "nobody asked") != NULL, "is lost, and it is said why");
  bench_stop(&b);
}

/* Says the first report only when the second was asked for. */
static void late(struct bench *b, int fd) {
  say_hello(fd);
  if (!await(b, fd, CSN_FRAME_INSPECT) || !await(b, fd, CSN_FRAME_INSPECT)) return;
  say_report(fd, "{\"v\":1}");
  say_report(fd, "{\"v\":2}");
  while (await(b, fd, CSN_FRAME_RUN)) say_exit(fd, 0);
}

static void test_late(void) {
  struct bench b;
  cJSON *first = NULL, *json CSN_CLEANUP_JSON = NULL;
  bench_begin(&b, late);
  is_int(report(&b, 50, &first), CAISSON_E_DEADLINE, "who asks has no time left");
  ok(first == NULL, "and gets nothing");
  is_int(report(&b, 20000, &json), 0, "the next one asks again");
  is_int(csn_json_int(json, "v", 0), 2, "and gets its own report, not the other's");
  ok(run(&b) == 0 && b.result.outcome == CAISSON_OUTCOME_EXITED, "calls go on");
  bench_stop(&b);
}

int main(void) {
  test_good();
  test_bad();
  test_unasked();
  test_late();
  return done_testing();
}
