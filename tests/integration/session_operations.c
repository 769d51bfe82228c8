/* What a host can ask about its sessions and do with them; looking creates nothing and keeps
 * nothing alive. */
#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static const char until_stop[] = "echo begun; while ! [ -e stop ]; do sleep 0.05; done";

static int count_sessions(const struct call *list) {
  return cJSON_GetArraySize(call_get(list, "sessions"));
}

/* The row of a key in session.list, or NULL. */
static const cJSON *row_of(const struct call *list, const char *key) {
  const cJSON *row;
  cJSON_ArrayForEach(row, call_get(list, "sessions")) {
    const char *k = cJSON_GetStringValue(cJSON_GetObjectItem(row, "key"));
    if (k && strcmp(k, key) == 0) return row;
  }
  return NULL;
}

static const char *text_in(const cJSON *row, const char *name) {
  const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(row, name));
  return text ? text : "";
}

/* Some engines write out the registry that a short name means. */
static bool is_image(const char *name) {
  const char *wanted = host_env("CAISSON_IMAGE");
  size_t n = strlen(name), m = strlen(wanted);
  return n >= m && strcmp(name + n - m, wanted) == 0 && (n == m || name[n - m - 1] == '/');
}

static bool removed_has(const struct call *c, const char *key) {
  const cJSON *k;
  cJSON_ArrayForEach(k, call_get(c, "removed")) {
    if (cJSON_IsString(k) && strcmp(k->valuestring, key) == 0) return true;
  }
  return false;
}

/* ---- ensure --------------------------------------------------------------------------------- */

static void test_ensure(void) {
  struct box *box = box_open(NULL);
  CALL made = operation(box, "session.ensure", "e", NULL);
  exited(made, 0, "session.ensure");
  ok(call_is_true(made, "created") && !call_is_true(made, "recreated"), "makes a session");
  is_str(call_string(made, "key"), "e", "and says its key");
  is_str(call_string(made, "name"), engine_container(box, "e"), "its container's name");
  is_int(strlen(call_string(made, "container_id")), 64, "and id");
  CALL again = operation(box, "session.ensure", "e", NULL);
  ok(!call_is_true(again, "created"), "which it finds the next time");
  is_str(call_string(again, "container_id"), call_string(made, "container_id"), "the same one");
  CALL first = shell(box, "e", "echo fine");
  exited(first, 0, "the first call on it");
  is_int(first->result.flags, 0, "finds it there");
  CALL none = operation(box, "session.ensure", "", NULL);
  ended(none, CAISSON_E_ARGUMENTS, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
        "without a key there is nothing to ensure");
  box_close(box);
}

/* ---- looking -------------------------------------------------------------------------------- */

static void test_inspect(void) {
  struct box *box = box_open_as(".look", NULL), *other = box_open_as(".look", NULL);
  CALL none = operation(box, "session.inspect", "i", NULL);
  exited(none, 0, "a session that does not exist can be inspected");
  ok(!call_is_true(none, "found") && !call_is_true(none, "ready"), "it is neither found nor ready");
  is_str(call_string(none, "name"), engine_container(box, "i"), "its name would be this");
  is_int(engine_count(box->name), 0, "looking made nothing");
  CALL make = shell(box, "i", "id -u; sleep 0.2");
  CALL look = operation(box, "session.inspect", "i", NULL);
  ok(call_is_true(look, "found") && call_is_true(look, "ready"), "one that runs is found and ready");
  is_str(call_string(look, "state"), "running", "its state");
  ok(is_image(call_string(look, "image")), "its image (%s)", call_string(look, "image"));
  ok(call_is_true(look, "used_here"), "it is used here");
  is_int(call_number(look, "uid"), make->out.data ? atoi(make->out.data) : -1, "its user");
  is_int(call_number(look, "busy"), 0, "nothing runs in it");
  double age = call_number(look, "age_ms"), idle = call_number(look, "idle_ms");
  ok(age >= 200 && idle >= 0 && idle <= age, "its age (%.0f ms) and idle time (%.0f ms)", age, idle);
  CALL there = operation(other, "session.inspect", "i", NULL);
  ok(call_is_true(there, "ready") && !call_is_true(there, "used_here"),
     "another host sees it and does not count as a user");
  CALL never = call_new_shell(other, "i", "true");
  never->options = "{\"ensure\":\"never\"}";
  is_str(call_reason(call_run(never)), CAISSON_REASON_SESSION_MISSING, "nor does it hold it by that");
  CALL busy = call_start(call_new_shell(box, "i", until_stop));
  call_wait_output(busy, "begun", 30000);
  CALL during = operation(other, "session.inspect", "i", NULL);
  is_int(call_number(during, "busy"), 1, "a call that runs is seen from elsewhere");
  CALL here = operation(box, "session.inspect", "i", NULL);
  is_int(call_number(here, "calls"), 1, "and counted here");
  CALL stop = shell(box, "i", "touch stop");
  exited(stop, 0, "a call that ends it");
  call_join(busy);
  box_close(box);
  box_close(other);
}

static void test_list(void) {
  struct box *box = box_open_as(".list", NULL);
  CALL none = operation(box, "session.list", NULL, NULL);
  exited(none, 0, "session.list where there is nothing");
  is_int(count_sessions(none), 0, "is empty");
  is_int(engine_count(box->name), 0, "and makes nothing");
  CALL a = shell(box, "a", "true");
  exited(a, 0, "a session");
  CALL odd = shell(box, "odd key \xe2\x82\xac", "true");
  exited(odd, 0, "another one");
  CALL list = operation(box, "session.list", NULL, NULL);
  is_int(count_sessions(list), 2, "two sessions are listed");
  const cJSON *row = row_of(list, "a");
  is_str(text_in(row, "name"), engine_container(box, "a"), "by name");
  is_str(text_in(row, "state"), "running", "with their state");
  is_str(text_in(row, "version"), plugin()->version, "the version that made them");
  ok(strlen(text_in(row, "created")) >= 20, "the time (%s)", text_in(row, "created"));
  ok(is_image(text_in(row, "image")), "and the image (%s)", text_in(row, "image"));
  ok(row_of(list, "odd key \xe2\x82\xac"), "keys are whole");
  call_ok(list, strstr(call_text(list), "odd key \xe2\x82\xac"), "also in words");
  box_close(box);
  box = box_open_as(".list", NULL);
  CALL rm_a = operation(box, "session.remove", "a", NULL);
  CALL rm_odd = operation(box, "session.remove", "odd key \xe2\x82\xac", NULL);
  ok(call_is_true(rm_a, "removed") && call_is_true(rm_odd, "removed"), "another host removes them");
  is_int(engine_count(box->name), 0, "they are gone");
  box_close(box);
}

/* A sandbox that is only looked at ends like one that nobody looks at. */
static bool is_gone_while_looked_at(void *arg) {
  struct box *box = arg;
  CALL list = operation(box, "session.list", NULL, NULL);
  CALL look = operation(box, "session.inspect", "short", NULL);
  return !call_is_true(look, "found") && count_sessions(list) == 0;
}

static void test_looking_keeps_nothing(void) {
  struct box *box = box_open_as(".ttl", "{\"sandbox\":{\"idle_ttl_s\":2}}");
  CALL make = shell(box, "short", "true");
  exited(make, 0, "a sandbox that ends after 2 s without a call");
  int64_t begin = host_now_ns();
  ok(host_wait(is_gone_while_looked_at, box, 20000), "is gone, however often it is looked at");
  int64_t ms = (host_now_ns() - begin) / 1000000;
  ok(ms < host_patience(7000), "within idle_ttl and 5 s (%d ms)", (int)ms);
  CALL next = shell(box, "short", "true");
  exited(next, 0, "the next call works");
  is_int(next->result.flags, CAISSON_RESULT_RECREATED, "in a new one");
  box_close(box);
}

/* ---- removing ------------------------------------------------------------------------------- */

static void test_remove(void) {
  struct box *box = box_open_as(".rm", NULL);
  CALL none = operation(box, "session.remove", "r", NULL);
  exited(none, 0, "to remove what does not exist");
  ok(!call_is_true(none, "removed"), "removes nothing");
  CALL busy = call_start(call_new_shell(box, "r", "echo begun; sleep 600"));
  call_wait_output(busy, "begun", 30000);
  CALL rm = operation(box, "session.remove", "r", NULL);
  ok(call_is_true(rm, "removed"), "a session is removed while a call runs");
  is_str(engine_state(engine_container(box, "r")), "", "its container is gone");
  ended(call_join(busy), CAISSON_OK, CAISSON_OUTCOME_LOST, CAISSON_EXIT_UNKNOWN, "the call is lost");
  is_str(call_reason(busy), CAISSON_REASON_SESSION_LOST, "and says why");
  CALL no_key = operation(box, "session.remove", "", NULL);
  is_int(no_key->status, CAISSON_E_ARGUMENTS, "without a key nothing is removed");
  CALL next = shell(box, "r", "echo fine");
  exited(next, 0, "the key can be used again");
  is_int(next->result.flags, CAISSON_RESULT_CREATED, "for a new session");
  box_close(box);
}

/* That another host has left is known in the sandbox a moment later. */
static bool is_only_theirs_left(void *arg) {
  struct box *box = arg;
  CALL rest = operation(box, "session.shutdown", NULL, "{\"scope\":\"mine\"}");
  if (rest->status != CAISSON_OK) diag("%s", call_describe(rest));
  return engine_count(box->name) == 1;
}

static void test_shutdown_mine(void) {
  struct box *box = box_open_as(".mine", NULL), *other = box_open_as(".mine", NULL);
  CALL mine = shell(box, "mine", "true");
  exited(mine, 0, "a session that is made here");
  CALL shared = shell(box, "shared", "true");
  exited(shared, 0, "one that is shared");
  CALL shared_there = shell(other, "shared", "true");
  exited(shared_there, 0, "with another host");
  CALL theirs = shell(other, "theirs", "true");
  exited(theirs, 0, "one that another host makes");
  CALL adopted = shell(box, "theirs", "true");
  exited(adopted, 0, "and this one adopts");
  CALL busy = call_start(call_new_shell(box, "busy", until_stop));
  call_wait_output(busy, "begun", 30000);
  CALL down = operation(box, "session.shutdown", NULL, NULL);
  exited(down, 0, "session.shutdown, by default of what is mine");
  ok(removed_has(down, "mine"), "removes what was made here and is used by nobody else");
  ok(!removed_has(down, "shared"), "not what another host uses too");
  ok(!removed_has(down, "theirs"), "not what another host made");
  ok(!removed_has(down, "busy"), "not what is in use");
  is_int(cJSON_GetArraySize(call_get(down, "removed")), 1, "and says what");
  is_str(engine_state(engine_container(box, "mine")), "", "which is so");
  is_int(engine_count(box->name), 3, "three are left");
  CALL again = shell(other, "shared", "true");
  is_int(again->result.flags, 0, "untouched");
  box_close(other);
  CALL stop = shell(box, "busy", "touch stop");
  exited(stop, 0, "a call that ends it");
  call_join(busy);
  ok(host_wait(is_only_theirs_left, box, 20000),
     "once nobody uses them any more they are removed too");
  is_str(engine_state(engine_container(box, "theirs")), "running", "what the other one made stays");
  box_close(box);
}

static void test_shutdown_instance(void) {
  struct box *box = box_open_as(".all", NULL), *other = box_open_as(".all", NULL);
  CALL mine = shell(box, "mine", "true");
  exited(mine, 0, "a session that is made here");
  CALL theirs = shell(other, "theirs \xe2\x82\xac", "true");
  exited(theirs, 0, "one that another host makes");
  CALL own = call_start(call_new_shell(other, "", "echo begun; sleep 600"));
  call_wait_output(own, "begun", 30000);
  CALL down = operation(box, "session.shutdown", NULL, "{\"scope\":\"instance\"}");
  exited(down, 0, "session.shutdown of the instance");
  ok(removed_has(down, "mine") && removed_has(down, "theirs \xe2\x82\xac"),
     "removes what any host made");
  is_int(engine_count(box->name), 0, "nothing is left");
  call_join(own);
  is_int(own->result.outcome, CAISSON_OUTCOME_LOST, "a call's own sandbox as well");
  CALL next = shell(other, "theirs \xe2\x82\xac", "true");
  exited(next, 0, "the others go on");
  is_int(next->result.flags, CAISSON_RESULT_RECREATED, "with new ones");
  CALL bad = operation(box, "session.shutdown", NULL, "{\"scope\":\"engine\"}");
  is_int(bad->status, CAISSON_E_ARGUMENTS, "there is no wider scope");
  box_close(box);
  box_close(other);
}

/* ---- the engine ----------------------------------------------------------------------------- */

static void test_engine_info(void) {
  struct box *box = box_open_as(".info", NULL);
  CALL info = operation(box, "engine.info", NULL, NULL);
  exited(info, 0, "engine.info");
  ok(strncmp(call_string(info, "endpoint"), "unix://", 7) == 0, "says where the engine is");
  ok(*call_string(info, "name") && *call_string(info, "version"), "what it is (%s %s)",
     call_string(info, "name"), call_string(info, "version"));
  ok(strncmp(call_string(info, "helper"), "/.caisson/guest-", 16) == 0, "which helper it runs");
  is_str(call_string(info, "image.name"), host_env("CAISSON_IMAGE"), "which image");
  ok(call_is_true(info, "image.present"), "and that it is there");
  is_int(engine_count(box->name), 0, "and makes nothing");
  box_close(box);
  box = box_open_as(".info", "{\"sandbox\":{\"image\":\"caisson-no-such-image:local\"}}");
  CALL missing = operation(box, "engine.info", NULL, NULL);
  exited(missing, 0, "with an image that is not there it works as well");
  ok(cJSON_IsFalse(call_get(missing, "image.present")), "and says so");
  box_close(box);
}

static void test_tables(void) {
  struct box *box = box_open_as(".table", NULL);
  CALL tool = call_new(box, "s", "session.list");
  is_str(call_reason(call_run(tool)), CAISSON_REASON_UNKNOWN_TOOL, "an operation is no tool");
  CALL operated = operation(box, "shell", "s", "{\"command\":\"true\"}");
  is_str(call_reason(operated), CAISSON_REASON_UNKNOWN_OPERATION, "a tool is no operation");
  CALL unknown = operation(box, "session.lst", NULL, NULL);
  call_ok(unknown, strstr(call_text(unknown), "session.list"), "the nearest one is named");
  CALL more = operation(box, "session.list", NULL, "{\"all\":true}");
  is_int(more->status, CAISSON_E_ARGUMENTS, "arguments that it does not take are refused");
  is_int(engine_count(box->name), 0, "nothing was made by any of these");
  box_close(box);
}

int main(void) {
  test_ensure();
  test_inspect();
  test_list();
  test_looking_keeps_nothing();
  test_remove();
  test_shutdown_mine();
  test_shutdown_instance();
  test_engine_info();
  test_tables();
  return done_testing();
}
