/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused before anything runs, and in which words: names, arguments, options, images that
 * lack what a tool needs. */
#include "support/host.h"
#include "tap.h"

static struct box *box;

/* One line of a table: a call that is refused, and what its message must hold. */
struct refusal {
  const char *what;
  int status;
  const char *reason, *words[3];
};

static void check(const struct call *c, const struct refusal *r) {
  did_not_start(c, r->status, "%s is refused", r->what);
  is_str(c->err.reason, r->reason, "%s: the reason", r->what);
  is_str(call_reason(c), r->reason, "%s: the same in the document", r->what);
  for (size_t i = 0; i < 3 && r->words[i]; i++)
    call_ok(c, strstr(c->err.message, r->words[i]), "%s: the message has %s", r->what, r->words[i]);
}

static void test_names(void) {
  static const struct {
    const char *name;
    uint32_t flags;
    struct refusal is;
  } rows[] = {
#define TOOL CAISSON_E_NOT_FOUND, CAISSON_REASON_UNKNOWN_TOOL
#define OPERATION CAISSON_E_NOT_FOUND, CAISSON_REASON_UNKNOWN_OPERATION
      {"shel", 0, {"a tool's name, nearly", TOOL, {"\"shel\"", "\"shell\""}}},
      {"runpython", 0, {"another", TOOL, {"\"run_python\""}}},
      {"xyzzy", 0, {"a name like none", TOOL, {"\"xyzzy\""}}},
      {"session.list", 0, {"an operation without CAISSON_REQUEST_HOST", TOOL, {"session.list"}}},
      {"shell", CAISSON_REQUEST_HOST, {"a tool with CAISSON_REQUEST_HOST", OPERATION, {"shell"}}},
      {"sesion.list",
       CAISSON_REQUEST_HOST,
       {"an operation's name, nearly", OPERATION, {"\"session.list\""}}},
#undef TOOL
#undef OPERATION
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = call_new(box, "unused", rows[i].name);
    c->flags = rows[i].flags;
    c->raw_args = "{\"command\": \"true\"}";
    check(call_run(c), &rows[i].is);
  }
}

static void test_arguments(void) {
  static const struct {
    const char *args;
    struct refusal is;
  } rows[] = {
#define BAD CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS
      {"{\"comand\": \"true\"}", {"a misspelt argument", BAD, {"\"comand\"", "\"command\""}}},
      {"{\"command\": \"true\", \"timeout\": 5}",
       {"an argument that does not exist", BAD, {"timeout", "timeout_ms"}}},
      {"{}", {"a missing argument", BAD, {"command", "required"}}},
      {"{\"command\": ", {"half a document", BAD, {"JSON", "line 1"}}},
      {"[]", {"an array for arguments", BAD, {"object"}}},
      {"\"true\"", {"a string for arguments", BAD, {"object"}}},
      {"{\"command\": \"true\"} x", {"something behind the document", BAD, {"JSON"}}},
      {"{\"command\": \"a\", \"command\": \"b\"}", {"a member twice", BAD, {"command", "twice"}}},
      {"{\"command\": 5}", {"a number for text", BAD, {"command", "string", "5"}}},
      {"{\"command\": null}", {"null for text", BAD, {"command", "string", "null"}}},
      {"{\"command\": [\"ls\"]}", {"an array for text", BAD, {"command", "string"}}},
      {"{\"command\": \"\"}", {"an empty command", BAD, {"command", "blank"}}},
      {"{\"command\": \" \\n\\t \"}", {"a blank command", BAD, {"command", "blank"}}},
      {"{\"command\": \"a\\u0000b\"}", {"a NUL in text", BAD, {NULL}}},
      {"{\"command\": \"\\ud800\"}", {"half a surrogate pair", BAD, {NULL}}},
      {"{\"command\": \"true\", \"timeout_ms\": \"5\"}",
       {"text for a number", BAD, {"timeout_ms", "integer", "quotes"}}},
      {"{\"command\": \"true\", \"timeout_ms\": 1.5}",
       {"a fraction for an integer", BAD, {"timeout_ms", "integer", "1.5"}}},
      {"{\"command\": \"true\", \"timeout_ms\": 0}", {"a timeout of 0", BAD, {"timeout_ms", "0"}}},
      {"{\"command\": \"true\", \"timeout_ms\": 600001}",
       {"a timeout that is too long", BAD, {"timeout_ms", "600000"}}},
      {"{\"command\": \"true\", \"env\": {\"A\": 1}}",
       {"a number in the environment", BAD, {"env.A", "string"}}},
      {"{\"command\": \"true\", \"env\": {\"A=B\": \"\"}}",
       {"a variable with such a name", BAD, {"env", "A=B"}}},
      {"{\"command\": \"true\", \"env\": \"A=B\"}",
       {"text for an environment", BAD, {"env", "object"}}},
      {"{\"command\": \"true\", \"cwd\": 1}", {"a number for a directory", BAD, {"cwd"}}},
      {"{\"command\": \"true\", \"stdin\": false}", {"a boolean for stdin", BAD, {"stdin"}}},
#undef BAD
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = call_new(box, "unused", "shell");
    c->raw_args = rows[i].args;
    check(call_run(c), &rows[i].is);
  }
  CALL p = call_new(box, "unused", "run_python");
  p->raw_args = "{\"code\": \"print(1)\", \"args\": [\"a\", 2]}";
  check(call_run(p), &(struct refusal){"a number among a program's arguments",
                                       CAISSON_E_ARGUMENTS,
                                       CAISSON_REASON_ARGUMENTS,
                                       {"args[1]", "string"}});
}

static void test_options(void) {
  static const struct {
    const char *options;
    struct refusal is;
  } rows[] = {
#define BAD CAISSON_E_CONFIG, CAISSON_REASON_OPTIONS
      {"{", {"options that are no JSON", BAD, {"options"}}},
      {"[]", {"options that are no object", BAD, {"options"}}},
      {"{\"ensur\": \"fresh\"}", {"an option misspelt", BAD, {"ensur", "\"ensure\""}}},
      {"{\"ensure\": \"maybe\"}", {"an ensure that does not exist", BAD, {"ensure:", "fresh"}}},
      {"{\"limits\": {\"memory\": \"lots\"}}",
       {"a limit that is no size", BAD, {"limits.memory:", "lots"}}},
      {"{\"limits\": {\"pids\": 1}}", {"a limit that is too low", BAD, {"limits.pids:", "16"}}},
      {"{\"workdir\": \"here\"}", {"a relative directory", BAD, {"workdir:", "absolute"}}},
      {"{\"secrets\": {\"A\": 5}}", {"a secret that is no text", BAD, {"secrets.A:"}}},
#undef BAD
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = call_new_shell(box, "unused", "true");
    c->options = rows[i].options;
    call_run(c);
    check(c, &rows[i].is);
    ok(!strstr(c->text, c->err.message), "%s: a model sees nothing of the host's options",
       rows[i].is.what);
  }
  CALL s = call_new_shell(box, "unused", "true");
  s->options = "{\"secrets\": {\"A B\": \"hush-hush\"}}";
  call_run(s);
  did_not_start(s, CAISSON_E_CONFIG, "a secret of a bad name is refused");
  ok(!strstr(s->err.message, "hush-hush") && !strstr(s->text, "hush-hush"),
     "and its value is told to nobody");
  CALL n = call_new_shell(box, "unused", "true");
  n->options = "{\"ensure\": \"never\"}";
  check(call_run(n), &(struct refusal){"ensure \"never\" without a session",
                                       CAISSON_E_NOT_FOUND,
                                       CAISSON_REASON_SESSION_MISSING,
                                       {"no running sandbox"}});
  CALL a = call_new_shell(box, "unused", "true");
  a->options = "{\"ensure\": \"adopt\"}";
  check(call_run(a), &(struct refusal){"ensure \"adopt\" without a sandbox",
                                       CAISSON_E_NOT_FOUND,
                                       CAISSON_REASON_SESSION_MISSING,
                                       {"no running sandbox"}});
}

static void test_nothing_was_made(void) {
  CALL c = operation(box, "session.list", NULL, NULL);
  exited(c, 0, "session.list");
  is_int(cJSON_GetArraySize(call_get(c, "sessions")), 0, "none of all that made a sandbox");
}

/* ---- images ---------------------------------------------------------------------------------- */

static struct box *open_with_image(const char *suffix, const char *variable) {
  char settings[256];
  snprintf(settings, sizeof settings, "{\"sandbox\": {\"image\": \"%s\"}}", host_env(variable));
  return box_open_as(suffix, settings);
}

static void test_busybox(void) {
  struct box *b = open_with_image("b", "CAISSON_BUSYBOX_IMAGE");
  CALL c = shell(b, "s", "echo \"$0 $((6 * 7))\"; exit 5");
  exited(c, 5, "an image with sh and without bash runs commands");
  is_str(call_string(c, "stdout"), "sh 42\n", "by sh");
  CALL p = python(b, "s", "print(1)");
  check(p, &(struct refusal){"a Python program where there is no Python",
                             CAISSON_E_SANDBOX,
                             CAISSON_REASON_EXEC_NOT_FOUND,
                             {"no Python", "python3"}});
  CALL after = shell(b, "s", "echo still here; ls -A /tmp/.caisson | grep -c py");
  is_str(call_string(after, "stdout"), "still here\n0\n",
         "the session goes on, and has no program");
  box_close(b);
}

static void test_empty(void) {
  struct box *b = open_with_image("e", "CAISSON_EMPTY_IMAGE");
  CALL c = shell(b, "s", "true");
  check(c, &(struct refusal){"a command in an image without a shell",
                             CAISSON_E_SANDBOX,
                             CAISSON_REASON_EXEC_NOT_FOUND,
                             {"bash", "sh"}});
  CALL again = shell(b, "s", "true");
  did_not_start(again, CAISSON_E_SANDBOX, "and again");
  CALL i = operation(b, "session.inspect", "s", NULL);
  call_ok(i, call_is_true(i, "ready"), "the helper needs nothing of the image");
  box_close(b);
}

static void test_missing_image(void) {
  CALL c = call_new_shell(box, "no-image", "true");
  c->options = "{\"image\": \"caisson-no-such-image:local\", \"pull\": \"never\"}";
  check(call_run(c), &(struct refusal){"an image that the engine has not",
                                       CAISSON_E_ENGINE,
                                       CAISSON_REASON_IMAGE_MISSING,
                                       {"caisson-no-such-image:local"}});
}

int main(void) {
  box = box_open(NULL);
  test_names();
  test_arguments();
  test_options();
  test_missing_image();
  test_nothing_was_made();
  test_busybox();
  test_empty();
  box_close(box);
  return done_testing();
}
