/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool: what a session takes from it is an ordinary sandbox of that session, for every
 * process. Two instances of one name stand for two processes: they share nothing but the engine. */
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "support/process.h"
#include "tap.h"

static const char of_two[] = "{\"pool\": {\"size\": 2}}";
/* A key that cannot stand in a name. */
#define HASHED "chat/42 \xe2\x82\xac"

/* How many of this instance are spare and run. */
static int count_spare(const char *instance) {
  cJSON *list = NULL;
  char path[300];
  int n = 0;
  snprintf(path, sizeof path, "/containers/json?filters=%%7B%%22label%%22%%3A%%5B%%22"
                              "caisson.instance%%3D%s%%22%%5D%%7D", instance);
  engine_ask("GET", path, NULL, &list);
  const cJSON *c;
  cJSON_ArrayForEach(c, list) {
    const char *name =
        cJSON_GetStringValue(cJSON_GetArrayItem(cJSON_GetObjectItem(c, "Names"), 0));
    n += name && strstr(name, "-pool.") != NULL;
  }
  cJSON_Delete(list);
  return n;
}

struct wanted {
  const char *instance;
  int spare;
};

static bool has_spare(void *arg) {
  const struct wanted *w = arg;
  return count_spare(w->instance) == w->spare;
}

static bool wait_spare(const char *instance, int n) {
  struct wanted w = {instance, n};
  return host_wait(has_spare, &w, 30000);
}

/* Its container came from the pool. */
static bool is_pooled(const char *container) {
  char *text = engine_inspect(container);
  bool is = text && strstr(text, "\"caisson.pool\"") != NULL;
  free(text);
  return is;
}

static const cJSON *row_of(const struct call *list, const char *key) {
  const cJSON *row;
  cJSON_ArrayForEach(row, call_get(list, "sessions")) {
    const char *k = cJSON_GetStringValue(cJSON_GetObjectItem(row, "key"));
    if (k && strcmp(k, key) == 0) return row;
  }
  return NULL;
}

static void test_taking(void) {
  struct box *box = box_open_as(".take", of_two), *other = box_open_as(".take", NULL);
  ok(box_wait_pool(box, 2), "the pool fills before any call");
  is_int(count_spare(box->name), 2, "with sandboxes that run");
  CALL empty = operation(other, "session.list", NULL, NULL);
  is_int(cJSON_GetArraySize(call_get(empty, "sessions")), 0, "what nobody has is no session");
  CALL first = shell(box, "plain", "echo kept > file; id -u");
  exited(first, 0, "a first call");
  is_int(first->result.flags & CAISSON_RESULT_CREATED, CAISSON_RESULT_CREATED, "on a new session");
  ok(is_pooled(engine_container(box, "plain")), "gets one of the pool, under the session's name");
  CALL hashed = shell(box, HASHED, "echo hashed > file; id -u");
  exited(hashed, 0, "so does a key that no name can hold");
  ok(first->out.data && hashed->out.data && strcmp(first->out.data, hashed->out.data) != 0,
     "each has a uid of its own");
  CALL look = operation(box, "session.inspect", HASHED, NULL);
  ok(is_pooled(call_string(look, "container_id")), "which is from the pool too");
  ok(box_wait_pool(box, 2), "and the pool fills up again");

  CALL list = operation(other, "session.list", NULL, NULL);
  is_int(cJSON_GetArraySize(call_get(list, "sessions")), 2, "another process sees two sessions");
  ok(row_of(list, "plain") && row_of(list, HASHED), "by their keys");
  CALL again = operation(other, "session.list", NULL, "{\"stats\": true}");
  ok(row_of(again, HASHED), "and with stats");
  CALL adopted = shell(other, "plain", "cat file");
  is_str(adopted->out.data ? adopted->out.data : "", "kept\n", "it adopts the one by its name");
  is_int(adopted->result.flags, 0, "as it is");
  CALL by_hash = shell(other, HASHED, "cat file");
  is_str(by_hash->out.data ? by_hash->out.data : "", "hashed\n", "and the other");
  CALL inspected = operation(other, "session.inspect", HASHED, NULL);
  is_str(call_string(inspected, "key"), HASHED, "inspect says its key");
  CALL removed = operation(other, "session.remove", HASHED, NULL);
  ok(call_is_true(removed, "removed"), "and remove ends it");
  box_close(box);
  ok(wait_spare(other->name, 0), "with its instance the rest of the pool goes");
  is_str(engine_state(engine_container(other, "plain")), "running", "what was taken stays");
  CALL after = shell(other, "plain", "cat file");
  is_str(after->out.data ? after->out.data : "", "kept\n", "and works");
  CALL down = operation(other, "session.shutdown", NULL, "{\"scope\": \"instance\"}");
  is_int(cJSON_GetArraySize(call_get(down, "removed")), 1, "shutdown ends it by its key");
  is_int(engine_count(other->name), 0, "nothing is left");
  box_close(other);
}

static void test_refusing(void) {
  struct box *box = box_open_as(".own", of_two);
  ok(box_wait_pool(box, 2), "the pool is full");
  CALL own = call_new_shell(box, "own", "echo $NAME");
  own->options = "{\"env\": {\"NAME\": \"value\"}}";
  call_run(own);
  is_str(own->out.data ? own->out.data : "", "value\n", "a session with options of its own");
  ok(!is_pooled(engine_container(box, "own")), "gets a sandbox of its own");
  is_int(count_spare(box->name), 2, "the pool is as it was");
  CALL secret = call_new_shell(box, "secret", "echo ${#NAME}");
  secret->options = "{\"secrets\": {\"NAME\": \"hidden\"}}";
  call_run(secret);
  is_str(secret->out.data ? secret->out.data : "", "6\n", "secrets are of the call");
  ok(is_pooled(engine_container(box, "secret")), "so one of the pool will do");
  CALL single = shell(box, "", "echo once");
  exited(single, 0, "a call without a session takes one too");
  CALL fresh = call_new_shell(box, "secret", "echo again");
  fresh->options = "{\"ensure\": \"fresh\"}";
  call_run(fresh);
  exited(fresh, 0, "and one that wants a new sandbox");
  is_int(fresh->result.flags & CAISSON_RESULT_RECREATED, CAISSON_RESULT_RECREATED, "which it gets");
  box_close(box);
}

/* While ours is being renamed somebody else makes the name his. */
static void test_race(void) {
  enum { ROUNDS = 5 };
  struct box *one = box_open_as(".lock", of_two), *two = box_open_as(".lock", of_two);
  int same = 0, fine = 0;
  for (int i = 0; i < ROUNDS; i++) {
    char key[32];
    snprintf(key, sizeof key, "race-%d", i);
    ok(box_wait_pool(one, 2) && box_wait_pool(two, 2), "both pools are full");
    struct call *a = call_start(call_new_shell(one, key, "id -u"));
    struct call *b = call_start(call_new_shell(two, key, "id -u"));
    call_join(a);
    call_join(b);
    fine += a->status == CAISSON_OK && b->status == CAISSON_OK;
    same += a->out.data && b->out.data && strcmp(a->out.data, b->out.data) == 0;
    call_free(a);
    call_free(b);
  }
  is_int(fine, ROUNDS, "two processes at once on one new session: both calls work");
  is_int(same, ROUNDS, "in one sandbox");
  CALL list = operation(one, "session.list", NULL, NULL);
  is_int(cJSON_GetArraySize(call_get(list, "sessions")), ROUNDS, "and there is one for each");
  ok(wait_spare(one->name, 4), "what was not needed is back in its pool");
  is_int(engine_count(one->name), ROUNDS + 4, "nothing else is there");
  box_close(one);
  box_close(two);
}

static void test_limit(void) {
  struct box *box = box_open_as(".lim", "{\"pool\": {\"size\": 2}, \"sessions\": {\"max\": 1}}");
  ok(box_wait_pool(box, 2), "a pool does not count as sessions");
  CALL a = shell(box, "a", "true");
  exited(a, 0, "one session");
  ok(box_wait_pool(box, 2), "the pool is full again");
  CALL b = shell(box, "b", "true");
  is_str(call_reason(b), CAISSON_REASON_SESSION_LIMIT, "no other");
  is_int(count_spare(box->name), 2, "for which none of the pool is spent");
  struct box *two = box_open_as(".lim", "{\"pool\": {\"size\": 2}, \"sessions\": {\"max\": 2}}");
  struct box *three = box_open_as(".lim", "{\"pool\": {\"size\": 2}, \"sessions\": {\"max\": 2}}");
  ok(box_wait_pool(two, 2) && box_wait_pool(three, 2), "two more processes with pools of their own");
  struct call *c = call_start(call_new_shell(two, "c", "true"));
  struct call *d = call_start(call_new_shell(three, "d", "true"));
  call_join(c);
  call_join(d);
  ok(c->status != CAISSON_OK || d->status != CAISSON_OK,
     "which race for the last room: not both get it");
  ok((c->status == CAISSON_OK || strcmp(call_reason(c), CAISSON_REASON_SESSION_LIMIT) == 0) &&
         (d->status == CAISSON_OK || strcmp(call_reason(d), CAISSON_REASON_SESSION_LIMIT) == 0),
     "who does not is told of the limit");
  int sessions = 1 + (c->status == CAISSON_OK) + (d->status == CAISSON_OK);
  call_free(c);
  call_free(d);
  ok(wait_spare(box->name, 6), "and all pools fill again");
  is_int(engine_count(box->name), sessions + 6, "nothing else is there");
  box_close(two);
  box_close(three);
  box_close(box);
}

static void test_clocks(void) {
  struct box *box =
      box_open_as(".clock", "{\"pool\": {\"size\": 1}, \"sandbox\": {\"idle_ttl_s\": 4}}");
  ok(box_wait_pool(box, 1), "one is ready");
  int64_t begun = host_now_ns();
  while (host_now_ns() - begun < (int64_t)6e9) (void)has_spare(&(struct wanted){box->name, 1});
  is_int(count_spare(box->name), 1, "it waits longer than a sandbox may idle");
  CALL first = shell(box, "a", "true");
  exited(first, 0, "then it is taken");
  CALL look = operation(box, "session.inspect", "a", NULL);
  ok(call_number(look, "age_ms") < 4000, "and its life begins: %.0f ms", call_number(look, "age_ms"));
  const char *name = engine_container(box, "a");
  ok(engine_wait_gone(name, 30000), "left alone, it ends as any other");
  box_close(box);
}

static bool is_logged(void *arg) {
  return box_logged(arg, "pool.size");
}

static bool has_no_pool(void *arg) {
  return box_logged(arg, "pool.size has no effect");
}

/* What belongs to a session cannot be made before it is known which. */
static void test_impossible(void) {
  static const char *const settings[] = {
      "{\"pool\": {\"size\": 1}, \"sandbox\": {\"ports\": [\"31999:80\"],"
      " \"network\": {\"name\": \"caisson-never-made\"}}}",
      "{\"pool\": {\"size\": 1}, \"sandbox\": {\"workspace\": {\"type\": \"volume\"}}}",
      "{\"pool\": {\"size\": 1}, \"sandbox\": {\"mounts\": [{\"type\": \"volume\","
      " \"source\": \"caisson-never-{session}\", \"target\": \"/data\"}]}}"};
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    struct box *box = box_open_as(".none", settings[i]);
    ok(host_wait(has_no_pool, box, 30000), "no pool, and that is logged: %s", settings[i]);
    box_close(box);
  }
}

static void test_failing(void) {
  struct box *box = box_open_as(".bad", "{\"pool\": {\"size\": 2}, \"sandbox\": {\"image\": "
                                        "\"caisson-nowhere:none\", \"pull\": \"never\"}}");
  CALL call = shell(box, "a", "true");
  is_str(call_reason(call), CAISSON_REASON_IMAGE_MISSING, "without the image there is no sandbox");
  ok(host_wait(is_logged, box, 30000), "nor a pool, which is logged");
  int threads = process_threads();
  box_close(box);
  ok(process_threads() <= threads, "its thread ends with the instance");
}

int main(void) {
  int threads = process_threads();
  test_taking();
  test_refusing();
  test_race();
  test_limit();
  test_clocks();
  test_failing();
  test_impossible();
  is_int(process_threads(), threads, "no thread is left");
  return done_testing();
}
