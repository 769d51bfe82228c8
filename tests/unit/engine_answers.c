/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine's answers become: structs, successes that look like failures, and errors that say
 * what was asked. */
#include "engine/events.h"
#include "engine_fixture.h"

static void test_malformed(void) {
  static const char *const answers[] = {
      "", "null", "[]", "{", "{\"Id\":\"" ID "\",\"State\":{}} x", "{\"Id\":\"" ID "\"}",
      "{\"Id\":7,\"State\":{}}", "{\"Id\":\"../../x\",\"State\":{}}", "{\"Id\":\"\",\"State\":{}}",
      "{\"Id\":\"" ID "0\",\"State\":{}}", "{\"Id\":\"" ID "\",\"State\":[]}", "\xff\xfe"};
  struct csn_container c;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    struct fixture f;
    set_up(&f, "1.41", 200, answers[i]);
    is_int(csn_container_inspect(f.engine, "x", &no_control, &c, &f.err), CAISSON_E_ENGINE,
           "an inspect of %s is refused", answers[i]);
    is_str(f.err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "its reason");
    ok(strstr(f.err.message, "inspect container \"x\": ") == f.err.message, "%s", f.err.message);
    ok(!c.raw, "and nothing is given out");
    tear_down(&f);
  }
}

static void test_deep_json(void) {
  struct fixture f;
  struct csn_container c;
  static char deep[100001];
  memset(deep, '[', sizeof deep - 1);
  memcpy(deep, "{\"a\":", 5);
  set_up(&f, "1.41", 200, deep);
  is_int(csn_container_inspect(f.engine, "x", &no_control, &c, &f.err), CAISSON_E_ENGINE,
         "JSON that is nested without end is refused");
  tear_down(&f);
}

static void test_inspect(void) {
  static const struct {
    const char *status;
    enum csn_container_state state;
  } states[] = {
      {"created", CSN_CONTAINER_CREATED},       {"running", CSN_CONTAINER_RUNNING},
      {"paused", CSN_CONTAINER_PAUSED},         {"restarting", CSN_CONTAINER_RESTARTING},
      {"removing", CSN_CONTAINER_REMOVING},     {"exited", CSN_CONTAINER_EXITED},
      {"dead", CSN_CONTAINER_DEAD},             {"stopped", CSN_CONTAINER_EXITED},
      {"something new", CSN_CONTAINER_UNKNOWN},
  };
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    struct fixture f;
    struct csn_container c;
    char text[1024];
    snprintf(text, sizeof text,
             "{\"Id\":\"" ID "\",\"Name\":\"/n\",\"Image\":\"sha256:1\","
             "\"State\":{\"Status\":\"%s\",\"ExitCode\":137,\"OOMKilled\":true,\"Pid\":42,"
             "\"StartedAt\":\"2026-01-01T00:00:00Z\"},"
             "\"Config\":{\"Image\":\"i:1\",\"Labels\":{\"a\":\"b\",\"n\":7}}}",
             states[i].status);
    set_up(&f, "1.41", 200, text);
    is_int(csn_container_inspect(f.engine, "x", &no_control, &c, &f.err), 0, "inspect of one %s",
           states[i].status);
    is_int(c.state, states[i].state, "its state");
    is_str(c.id, ID, "its id");
    is_str(c.name, "n", "its name");
    ok(c.exit_code == 137 && c.oom_killed == 1 && c.pid == 42, "its numbers");
    is_str(c.started_at, "2026-01-01T00:00:00Z", "its start");
    is_str(c.image, "i:1", "its image");
    is_str(csn_container_label(&c, "a"), "b", "a label");
    ok(!csn_container_label(&c, "n") && !csn_container_label(&c, "z"), "and none that is not");
    csn_container_free(&c);
    tear_down(&f);
  }
  is_str(csn_container_state_text(CSN_CONTAINER_EXITED), "exited", "a state as text");
  is_str(csn_container_state_text(CSN_CONTAINER_UNKNOWN), "unknown", "also the unknown one");
}

static void test_list(void) {
  struct fixture f;
  struct csn_container_list list;
  set_up(&f, "1.41", 200,
         "[{\"Id\":\"" ID "\",\"Names\":[\"/a\"],\"State\":\"running\",\"Created\":17,"
         "\"Image\":\"i\",\"Labels\":{\"k\":\"v\"}},{\"Id\":\"00\",\"Names\":[],\"State\":7}]");
  is_int(csn_container_list(f.engine, NULL, 0, &no_control, &list, &f.err), 0, "a list");
  is_int(list.count, 2, "of two");
  is_str(list.items[0].name, "a", "a name");
  is_int(list.items[0].state, CSN_CONTAINER_RUNNING, "a state");
  is_int(list.items[0].created, 17, "a time");
  is_str(csn_container_label(&list.items[0], "k"), "v", "a label");
  is_str(list.items[1].name, "", "no name");
  is_int(list.items[1].state, CSN_CONTAINER_UNKNOWN, "no state");
  csn_container_list_free(&list);
  body = "[]";
  is_int(csn_container_list(f.engine, NULL, 0, &no_control, &list, &f.err), 0, "an empty list");
  is_int(list.count, 0, "is empty");
  csn_container_list_free(&list);
  static const char *const bad[] = {"{}", "[7]", "[{\"Id\":\"zz\"}]", "[{}]", "[null]"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    body = bad[i];
    is_int(csn_container_list(f.engine, NULL, 0, &no_control, &list, &f.err), CAISSON_E_ENGINE,
           "%s is refused", bad[i]);
    ok(!list.items && !list.raw && list.count == 0, "and nothing is given out");
  }
  tear_down(&f);
}

static void test_answers(void) {
  static const struct {
    int (*run)(struct fixture *f);
    const char *what;
    int status;
    const char *body, *reason; /* NULL: a success */
    const char *words;
  } cases[] = {
      {create, "create", 201, "{\"Id\":\"" ID "\",\"Warnings\":[]}", NULL, NULL},
      {create, "create", 201, "{\"Id\":\"x\"}", CAISSON_REASON_ENGINE_PROTOCOL, "no id"},
      {create, "create", 404, "{\"message\":\"No such image: img:1\"}",
       CAISSON_REASON_IMAGE_MISSING, "docker pull img:1"},
      {create, "create", 404, "{\"message\":\"img:1: image not known\"}",
       CAISSON_REASON_IMAGE_MISSING, "docker pull img:1"},
      {create, "create", 404, "{\"message\":\"network x not found\"}",
       CAISSON_REASON_ENGINE_NOT_FOUND, "create container \"n\": 404 Not Found: network x"},
      {create, "create", 409, "{\"message\":\"in use\"}", CAISSON_REASON_ENGINE_CONFLICT, "in use"},
      {create, "create", 500, "{\"message\":\"no space left on device\"}",
       CAISSON_REASON_DISK_FULL, "docker system df"},
      {start, "start", 204, "", NULL, NULL},
      {start, "start", 304, "", NULL, NULL},
      {start, "start", 500, "{\"message\":\"OCI runtime\"}", CAISSON_REASON_ENGINE_REFUSED,
       "start container \"n\": 500 Internal Server Error: OCI runtime"},
      {remove_it, "remove", 204, "", NULL, NULL},
      {remove_it, "remove", 404, "{\"message\":\"No such container: n\"}", NULL, NULL},
      {remove_it, "remove", 409, "{\"message\":\"removal of container n is already in progress\"}",
       NULL, NULL},
      {remove_it, "remove", 409, "{\"message\":\"it runs\"}", CAISSON_REASON_ENGINE_CONFLICT,
       "it runs"},
      {attach, "attach", 404, "{\"message\":\"No such container: n\"}",
       CAISSON_REASON_ENGINE_NOT_FOUND, "attach to container \"n\": 404"},
      {attach, "attach", 200, "{}", CAISSON_REASON_ENGINE_PROTOCOL, "no stream"},
      {open_exec, "exec", 201, "{\"Id\":\"../../x\"}", CAISSON_REASON_ENGINE_PROTOCOL, "no id"},
      {open_exec, "exec", 409, "{\"message\":\"Container n is not running\"}",
       CAISSON_REASON_ENGINE_CONFLICT, "not running"},
      {inspect_exec, "exec inspect", 200, "{\"Running\":false,\"ExitCode\":3}", NULL, NULL},
      {inspect_exec, "exec inspect", 200, "{\"Running\":true,\"ExitCode\":null}", NULL, NULL},
      {inspect_exec, "exec inspect", 200, "{}", CAISSON_REASON_ENGINE_PROTOCOL, "runs"},
      {inspect_image, "image", 200, "{\"Id\":\"sha256:1\"}", NULL, NULL},
      {inspect_image, "image", 404, "{\"message\":\"no\"}", CAISSON_REASON_IMAGE_MISSING,
       "docker pull reg.example/img:1"},
      {remove_volume, "volume remove", 404, "{\"message\":\"no\"}", NULL, NULL},
      {remove_volume, "volume remove", 409, "{\"message\":\"in use\"}",
       CAISSON_REASON_ENGINE_CONFLICT, "remove volume \"v1\""},
      {create_volume, "volume create", 201, "{\"Name\":\"v1\"}", NULL, NULL},
      {create_volume, "volume create", 500, "{\"message\":\"bad\"}", CAISSON_REASON_ENGINE_REFUSED,
       "create volume \"v1\": 500"},
      {look, "stat", 404, "", CAISSON_REASON_ENGINE_NOT_FOUND,
       "look in a container at \"/p\": 404"},
      {look, "stat", 200, "", CAISSON_REASON_ENGINE_PROTOCOL, "what the path is"},
      {wait_for_it, "wait", 200, "{\"StatusCode\":137}", NULL, NULL},
      {wait_for_it, "wait", 200, "{\"Error\":\"x\"}", CAISSON_REASON_ENGINE_PROTOCOL, "exit code"},
      {info, "info", 200, "{}", NULL, NULL},
      {info, "info", 200, "[]", CAISSON_REASON_ENGINE_PROTOCOL, "ask the engine for \"version\""},
      {info, "info", 500, "oops", CAISSON_REASON_ENGINE_REFUSED, "oops"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    set_up(&f, "1.41", cases[i].status, cases[i].body);
    int rc = cases[i].run(&f);
    is_int(rc, cases[i].reason ? CAISSON_E_ENGINE : 0, "%s answered by %d %s: %s", cases[i].what,
           cases[i].status, cases[i].body, f.err.message);
    is_str(f.err.reason, cases[i].reason ? cases[i].reason : "", "its reason");
    if (cases[i].words) ok(strstr(f.err.message, cases[i].words), "its words");
    tear_down(&f);
  }
}

/* ---- events ---------------------------------------------------------------------------------- */

#define EVENT(action, attributes) \
  "{\"Type\":\"container\",\"Action\":\"" action "\",\"Actor\":{\"Attributes\":{" attributes "}}}\n"

static void test_events(void) {
  static const struct {
    const char *text, *what;
    int seen, exit_code, oom;
  } cases[] = {
      {"", "no event", 0, 0, 0},
      {EVENT("start", "") EVENT("exec_create: x", ""), "events of a life", 0, 0, 0},
      {EVENT("die", "\"exitCode\":\"3\""), "an exit", 1, 3, 0},
      {EVENT("oom", "") EVENT("die", "\"exitCode\":\"137\""), "out of memory", 1, 137, 1},
      {EVENT("die", "\"exitCode\":\"137\"") EVENT("oom", ""), "told the other way", 1, 137, 1},
      {EVENT("die", "\"exitCode\":\"137\"") EVENT("destroy", "") EVENT("oom", ""),
       "what follows its removal is another's", 1, 137, 0},
      {EVENT("died", "\"containerExitCode\":\"9\""), "Podman's words", 1, 9, 0},
      {EVENT("die", ""), "no exit code", 1, -1, 0},
      {EVENT("die", "\"exitCode\":\"-7\""), "an absurd one", 1, -1, 0},
      {"garbage\n[]\n\n" EVENT("die", "\"exitCode\":\"0\""), "lines that are none", 1, 0, 0},
      {"{\"Action\":\"die\"", "half a line", 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fixture f;
    struct csn_death death;
    set_up(&f, "1.41", 200, cases[i].text);
    is_int(csn_events_death(f.engine, ID, 5, &no_control, &death, &f.err), 0, "%s", cases[i].what);
    is_int(death.seen, cases[i].seen, "whether it ended");
    is_int(death.exit_code, cases[i].exit_code, "its exit code");
    is_int(death.oom, cases[i].oom, "whether memory was the cause");
    ok(asked(&f, "GET /v1.41/events?since=5&until="), "as it was asked");
    tear_down(&f);
  }
  struct fixture f;
  struct csn_death death;
  static char endless[(1 << 20) + 100];
  memset(endless, 'x', sizeof endless - 1);
  set_up(&f, "1.41", 200, endless);
  is_int(csn_events_death(f.engine, ID, 0, &no_control, &death, &f.err), CAISSON_E_ENGINE,
         "a line without an end is refused");
  tear_down(&f);
}

int main(void) {
  test_malformed();
  test_deep_json();
  test_inspect();
  test_list();
  test_answers();
  test_events();
  return done_testing();
}
