/* SPDX-License-Identifier: Apache-2.0 */
/* sessions.max holds for all processes together, and what is evicted is never what anybody uses.
 * Two instances of one name stand for two processes: they share nothing but the engine. */
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

#define TWO "\"sessions\": {\"max\": 2"
static const char refuses[] = "{" TWO "}}";
static const char evicts[] = "{" TWO ", \"when_full\": \"evict\"}}";
static const char until_stop[] = "echo begun; while ! [ -e stop ]; do sleep 0.05; done";

struct quiet {
  struct box *box;
  const char *key;
};

static bool is_quiet(void *arg) {
  struct quiet *q = arg;
  CALL look = operation(q->box, "session.inspect", q->key, NULL);
  return call_number(look, "idle_ms") > 1100;
}

/* Until it was idle for so long that it may be evicted. */
static bool rest(struct box *box, const char *key) {
  struct quiet q = {box, key};
  return host_wait(is_quiet, &q, 20000);
}

static void test_error(void) {
  struct box *one = box_open_as(".err", refuses), *two = box_open_as(".err", refuses);
  CALL a = shell(one, "a", "true");
  CALL b = shell(two, "b", "true");
  exited(a, 0, "one process has a sandbox");
  exited(b, 0, "and another one");
  CALL c = shell(one, "c", "true");
  did_not_start(c, CAISSON_E_LIMIT, "a third is refused");
  is_str(call_reason(c), CAISSON_REASON_SESSION_LIMIT, "as session.limit");
  ok(strstr(c->err.message, "sessions.max") && strstr(c->err.message, "session.remove"),
     "which says what the limit is called and what helps: %s", c->err.message);
  ok(c->err.flags & CAISSON_ERROR_RETRYABLE, "it may work later");
  is_int(engine_count(one->name), 2, "nothing was left behind");
  CALL own = shell(two, "", "true");
  did_not_start(own, CAISSON_E_LIMIT, "a sandbox of the call's own is one too");
  CALL again = shell(two, "a", "true");
  exited(again, 0, "what is there can be used by anybody");
  CALL removed = operation(one, "session.remove", "b", NULL);
  exited(removed, 0, "when one ends");
  CALL now = shell(one, "c", "true");
  exited(now, 0, "there is room");
  struct box *other = box_open_as(".err.other", refuses);
  CALL elsewhere = shell(other, "a", "true");
  exited(elsewhere, 0, "another instance counts its own");
  box_close(other);
  box_close(one);
  box_close(two);
}

static void test_race(void) {
  enum { CALLS = 6 };
  struct box *boxes[] = {box_open_as(".race", refuses), box_open_as(".race", refuses)};
  struct call *calls[CALLS];
  int fine = 0, refused = 0;
  for (int i = 0; i < CALLS; i++) {
    char key[32];
    snprintf(key, sizeof key, "k%d", i);
    calls[i] = call_start(call_new_shell(boxes[i % 2], key, "true"));
  }
  for (int i = 0; i < CALLS; i++) {
    call_join(calls[i]);
    fine += calls[i]->status == CAISSON_OK;
    refused += strcmp(call_reason(calls[i]), CAISSON_REASON_SESSION_LIMIT) == 0;
    call_free(calls[i]);
  }
  ok(fine <= 2, "of %d at once at most two get a sandbox: %d", CALLS, fine);
  is_int(fine + refused, CALLS, "the others are told of the limit");
  is_int(engine_count(boxes[0]->name), fine, "and no more sandboxes are there");
  box_close(boxes[0]);
  box_close(boxes[1]);
}

static void test_evict(void) {
  struct box *one = box_open_as(".evict", evicts), *two = box_open_as(".evict", evicts);
  CALL a = shell(one, "a", "true");
  CALL b = shell(two, "b", "true");
  exited(a, 0, "one");
  exited(b, 0, "two");
  ok(rest(one, "b"), "both rest");
  CALL touch = shell(two, "a", "sleep 0.3"); /* by the other process than the one that made it */
  exited(touch, 0, "the older one is used once more");
  ok(rest(one, "a"), "both rest again");
  CALL c = shell(one, "c", "true");
  exited(c, 0, "a third gets room");
  is_int(c->result.flags & CAISSON_RESULT_CREATED, CAISSON_RESULT_CREATED, "in a new sandbox");
  is_str(engine_state(engine_container(one, "b")), "", "the one that was idle longest had to go");
  is_str(engine_state(engine_container(one, "a")), "running", "not the one that was used since");
  ok(box_logged(one, "sessions.when_full"), "which is logged");
  ok(box_logged(one, "\"event\":\"sandbox.ended\"") &&
         box_logged(one, "\"reason\":\"" CAISSON_REASON_SESSION_LIMIT "\"}"),
     "and in the audit");
  is_int(engine_count(one->name), 2, "there are no more than allowed");
  CALL back = shell(two, "b", "true");
  call_ok(back, strcmp(call_reason(back), CAISSON_REASON_SESSION_LIMIT) == 0 ||
                    back->status == CAISSON_OK,
          "whose process finds room again or is told that there is none");
  box_close(one);
  box_close(two);
}

static void test_busy(void) {
  struct box *one = box_open_as(".busy", evicts), *two = box_open_as(".busy", evicts);
  struct call *call = call_start(call_new_shell(two, "call", until_stop));
  ok(call_wait_output(call, "begun", 30000), "a call runs in one sandbox, of another process");
  CALL job = call_run(call_arg_json(call_new_shell(two, "job", until_stop), "background", "true"));
  exited(job, 0, "a background job in the other");
  /* By its look at the first second's rest: then only what runs keeps them. */
  CALL soon = shell(one, "x", "true");
  did_not_start(soon, CAISSON_E_LIMIT, "there is no room");
  struct quiet q = {one, "call"};
  (void)host_wait(is_quiet, &q, 1500);
  CALL late = shell(one, "x", "true");
  did_not_start(late, CAISSON_E_LIMIT, "nor when both have run for a while");
  ok(strstr(late->err.message, "in use"), "since all are in use: %s", late->err.message);
  CALL stop = shell(two, "call", "touch stop");
  exited(stop, 0, "the call is told to stop");
  call_join(call);
  exited(call, 0, "and ends well: nobody took its sandbox away");
  call_free(call);
  ok(rest(one, "call"), "it rests");
  CALL now = shell(one, "x", "true");
  exited(now, 0, "then it makes room");
  is_str(engine_state(engine_container(one, "job")), "running", "but not the one with the job");
  box_close(one);
  box_close(two);
}

int main(void) {
  test_error();
  test_race();
  test_evict();
  test_busy();
  return done_testing();
}
