/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong while a session takes a sandbox of the pool costs it that sandbox, not the
 * call; and nothing is left behind. */
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

struct faulty {
  struct proxy *proxy;
  struct box *box;
};

static bool has_two(void *box) {
  return engine_count(((struct box *)box)->name) == 2;
}

static bool has_one(void *box) {
  return engine_count(((struct box *)box)->name) == 1;
}

/* An instance with one sandbox in its pool, behind a proxy with that rule. */
static struct faulty open_faulty(const char *suffix, const char *rule) {
  char scenario[600], settings[300];
  snprintf(scenario, sizeof scenario, "{\"rules\":[%s]}", rule);
  struct faulty f = {.proxy = proxy_start(scenario)};
  snprintf(settings, sizeof settings, "{\"engine\": {\"endpoint\": \"%s\"}, \"pool\": {\"size\": 1}}",
           f.proxy->endpoint);
  f.box = box_open_as(suffix, settings);
  ok(box_wait_pool(f.box, 1), "a pool of one");
  return f;
}

static void close_faulty(struct faulty *f) {
  box_close(f->box);
  proxy_stop(f->proxy);
}

static void test_rename(void) {
  static const struct {
    const char *suffix, *name, *rule;
  } cases[] = {
      {".refused", "a rename that the engine refuses",
       "{\"method\":\"POST\",\"path\":\"/rename\",\"times\":1,\"respond\":{\"status\":500,\"json\":"
       "{\"message\":\"no\"}}}"},
      {".conflict", "a conflict with nobody",
       "{\"method\":\"POST\",\"path\":\"/rename\",\"times\":1,\"respond\":{\"status\":409,\"json\":"
       "{\"message\":\"Conflict\"}}}"},
      {".unheard", "a rename whose answer is lost",
       "{\"method\":\"POST\",\"path\":\"/rename\",\"times\":1,\"to_client\":{\"close_after\":0}}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct faulty f = open_faulty(cases[i].suffix, cases[i].rule);
    CALL call = shell(f.box, "s", "echo fine");
    exited(call, 0, "%s: the call works", cases[i].name);
    ok(proxy_met(f.proxy), "it met the fault");
    /* Recreated, where the one that got the name was still being removed. */
    ok(call->result.flags == CAISSON_RESULT_CREATED ||
           call->result.flags == CAISSON_RESULT_RECREATED,
       "on a new sandbox");
    ok(host_wait(has_two, f.box, 30000), "the pool is full again, and nothing else is there");
    CALL again = shell(f.box, "s", "echo fine");
    exited(again, 0, "the session goes on");
    is_int(again->result.flags, 0, "in the same sandbox");
    close_faulty(&f);
  }
}

static void test_cancel(void) {
  struct faulty f = open_faulty(
      ".cancel", "{\"method\":\"POST\",\"path\":\"/rename\",\"silent\":true}");
  CALL call = call_new_shell(f.box, "s", "echo fine");
  call->deadline_ms = 500;
  call_run(call);
  was_late(call, "an engine that never answers a rename: the call ends in time");
  ok(call->took_ns < (int64_t)host_patience(20000) * 1000000, "and does not hang");
  ok(host_wait(has_one, f.box, 30000), "the pool is full again, and nothing else is there");
  is_str(engine_state(engine_container(f.box, "s")), "", "there is no such sandbox");
  close_faulty(&f);
}

/* It dies while it waits: whoever comes next starts one. */
static void test_dead(void) {
  struct faulty f = open_faulty(".dead", "{\"method\":\"POST\",\"path\":\"/none\"}");
  cJSON *list = NULL;
  char path[300];
  snprintf(path, sizeof path, "/containers/json?filters=%%7B%%22label%%22%%3A%%5B%%22"
                              "caisson.instance%%3D%s%%22%%5D%%7D", f.box->name);
  engine_ask("GET", path, NULL, &list);
  const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "Id"));
  if (!id) BAIL_OUT("no spare sandbox");
  engine_remove(id);
  CALL call = shell(f.box, "s", "echo fine");
  exited(call, 0, "one that was removed while it waited is not handed out");
  ok(host_wait(has_two, f.box, 30000), "and another takes its place");
  cJSON_Delete(list);
  close_faulty(&f);
}

/* An engine may have to be asked more than once before its refusals are understood. */
static void test_learning(void) {
  struct faulty f = open_faulty(
      ".learning",
      "{\"method\":\"POST\",\"path\":\"/containers/create\",\"times\":1,\"respond\":{\"status\":500,"
      "\"json\":{\"message\":\"rlimit type 6: operation not permitted\"}}},"
      "{\"method\":\"POST\",\"path\":\"/containers/create\",\"times\":2,\"respond\":{\"status\":404,"
      "\"json\":{\"message\":\"network x not found\"}}}");
  ok(proxy_met(f.proxy), "an engine that refuses several times");
  ok(!box_logged(f.box, "no sandbox can be started ahead"), "fails the pool not once");
  close_faulty(&f);
}

int main(void) {
  test_rename();
  test_learning();
  test_cancel();
  test_dead();
  return done_testing();
}
