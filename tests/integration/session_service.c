/* SPDX-License-Identifier: Apache-2.0 */
/* A session's own service, by the options of its calls: it is part of what the session is made of,
 * it can read the secrets of the call that starts it, which are nowhere else, and every instance
 * finds the one that runs. */
#include <stdlib.h>
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static const char options[] =
    "{\"service\":{\"command\":[\"bash\",\"-c\",\"echo $GIVEN $OWN ${#TOKEN} $HOME; pwd; "
    "exec sleep 1000\"],\"env\":{\"OWN\":\"own\"},\"cwd\":\"/tmp\"},"
    "\"env\":{\"GIVEN\":\"given\"},\"secrets\":{\"TOKEN\":\"hush-hush-hush\"}}";

static struct call *ensure_with(struct box *box, const char *session, const char *given) {
  struct call *c = call_new(box, session, "session.ensure");
  c->flags = CAISSON_REQUEST_HOST;
  c->options = given;
  return call_run(c);
}

static void test_options(void) {
  struct box *box = box_open(NULL);
  CALL made = ensure_with(box, "s", options);
  call_ok(made, strcmp(call_string(made, "service.state"), "running") == 0, "a session's own service");
  double pid = call_number(made, "service.pid");
  CALL log = operation(box, "service.log", "s", NULL);
  is_str(call_string(log, "text"), "given own 14 /workspace\n/tmp\n",
         "it has the session's environment, its own, the call's secrets, and its directory");
  char *inspected = engine_inspect(engine_container(box, "s"));
  ok(inspected && !strstr(inspected, "hush"), "secrets are not in the container's configuration");
  ok(inspected && strstr(inspected, "exec sleep 1000"), "where what it runs is");
  free(inspected);
  CALL same = ensure_with(box, "s", options);
  call_ok(same, call_number(same, "service.pid") == pid, "the same options find it");
  CALL none = shell(box, "s", "true");
  is_int(none->result.flags, 0, "so does a call without any");
  CALL other = ensure_with(box, "s", "{\"service\":[\"sleep\",\"1001\"]}");
  call_ok(other, call_is_true(other, "recreated") && call_number(other, "service.pid") > 0,
          "another service is another sandbox");
  box_close(box);
}

static void test_none(void) {
  struct box *box = box_open("{\"sandbox\":{\"service\":[\"sleep\",\"1000\"]}}");
  CALL all = operation(box, "session.ensure", "all", NULL);
  is_str(call_string(all, "service.state"), "running", "the operator's service");
  CALL without = ensure_with(box, "without", "{\"service\":null}");
  call_ok(without, without->status == CAISSON_OK && !call_get(without, "service"),
          "null is a session without it");
  CALL log = operation(box, "service.log", "without", NULL);
  is_str(log->err.reason, CAISSON_REASON_SERVICE_NONE, "which has no log");
  box_close(box);
}

static void test_mistakes(void) {
  static const struct {
    const char *options, *words;
  } cases[] = {
      {"{\"service\":\"img\"}", "service"},
      {"{\"service\":[]}", "service"},
      {"{\"service\":[1]}", "service[0]"},
      {"{\"service\":{}}", "command"},
      {"{\"service\":{\"command\":\"image\",\"ready\":{}}}", "service.ready"},
      {"{\"service\":{\"command\":\"image\",\"ready\":{\"tcp\":0}}}", "service.ready.tcp"},
      {"{\"service\":{\"command\":\"image\",\"ready\":{\"tcp\":1,\"http\":{\"port\":1}}}}",
       "one of tcp and http"},
      {"{\"service\":{\"command\":\"image\",\"ready\":{\"http\":{\"port\":1,\"path\":\"a b\"}}}}",
       "service.ready.http.path"},
      {"{\"service\":{\"command\":\"image\",\"restart\":\"always\"}}", "service.restart"},
  };
  struct box *box = box_open_as(".wrong", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CALL c = ensure_with(box, "s", cases[i].options);
    ended(c, CAISSON_E_CONFIG, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN, "the options %s",
          cases[i].options);
    call_ok(c, strstr(c->err.message, cases[i].words), "are refused: %s", cases[i].words);
  }
  is_int(engine_count(box->name), 0, "and nothing was made");
  box_close(box);
}

/* Both make sure of one session at once; whoever is second waits for the other's. */
static void test_two(void) {
  static const char settings[] =
      "{\"sandbox\":{\"service\":[\"bash\",\"-c\",\"echo x >>runs; exec sleep 1000\"]}}";
  struct box *one = box_open(settings), *two = box_open(settings);
  struct call *first = call_new(one, "two", "session.ensure");
  struct call *second = call_new(two, "two", "session.ensure");
  first->flags = second->flags = CAISSON_REQUEST_HOST;
  call_start(first);
  call_start(second);
  call_join(first);
  call_join(second);
  call_ok(first, call_number(first, "service.pid") > 0 &&
                     call_number(first, "service.pid") == call_number(second, "service.pid"),
          "two instances that are first at once have one service");
  CALL runs = shell(one, "two", "cat runs");
  is_str(runs->out.data, "x\n", "which was started once");
  call_free(first);
  call_free(second);
  box_close(one);
  box_close(two);
}

/* Nobody could ever come back to it. */
static void test_ephemeral(void) {
  struct box *box = box_open_as(
      ".call", "{\"sandbox\":{\"service\":{\"command\":[\"sleep\",\"1000\"],\"ready\":{\"tcp\":9}}}}");
  CALL late = call_new_shell(box, "", "true");
  late->deadline_ms = 3000;
  was_late(call_run(late), "a call in a sandbox of its own, whose service never gets ready");
  is_int(engine_count(box->name), 0, "leaves none");
  CALL lost = call_new_shell(box, "", "true");
  lost->options = "{\"service\":{\"command\":[\"bash\",\"-c\",\"sleep 0.5; kill -9 -1\"],"
                  "\"ready\":{\"tcp\":9}}}";
  call_run(lost);
  call_ok(lost, lost->status < 0, "nor does one whose service ends the helper");
  is_int(engine_count(box->name), 0, "though it cannot be asked");
  box_close(box);
}

int main(void) {
  test_options();
  test_ephemeral();
  test_none();
  test_mistakes();
  test_two();
  return done_testing();
}
