/* SPDX-License-Identifier: Apache-2.0 */
/* What the host calls secret is "***" in all that leaves a call: the live output, the result, files
 * that are read, jobs, services, errors. */
#include <stdlib.h>
#include <string.h>

#include "support/host.h"
#include "tap.h"

#define TOKEN "hush-4711-hush"
static const char options[] = "{\"secrets\":{\"TOKEN\":\"" TOKEN "\"},\"mask\":[\"swordfish\"]}";

static struct box *box;

static struct call *run_with(struct call *c, const char *with) {
  c->options = with;
  return call_run(c);
}

static struct call *shell_with(const char *session, const char *command) {
  return run_with(call_new_shell(box, session, command), options);
}

static const char *said(const struct bytes *b) { return b->data ? b->data : ""; }

/* Nothing that came of it has a part of the secret that says anything. */
static bool is_clean(const struct call *c) {
  return !strstr(c->text, "4711") && !strstr(said(&c->out), "4711") &&
         !strstr(said(&c->errors), "4711") && !strstr(c->err.message, "4711");
}

static void test_output(void) {
  CALL c = shell_with("s", "echo \"a $TOKEN b\"; echo \"$TOKEN\" >&2; echo swordfish; exit 3");
  exited(c, 3, "a command that prints its secret");
  is_str(said(&c->out), "a *** b\n***\n", "it is masked as it comes");
  is_str(said(&c->errors), "***\n", "in both streams");
  is_str(call_text(c), "a *** b\n***\n[stderr]\n***\n[exit 3]", "and in the result");
  is_str(call_string(c, "stdout"), "a *** b\n***\n", "which has it twice");
  is_int((long long)c->result.bytes_out, 16, "what is counted is what was handed over");
  CALL other = run_with(call_new_shell(box, "s", "echo abc; echo abc"),
                        "{\"secrets\":{\"SHORT\":\"abc\"}}");
  is_str(call_string(other, "stdout"), "abc\nabc\n", "what is too short to be one is shown");
}

/* A byte at a time, so that no piece holds it whole. */
static void test_pieces(void) {
  CALL c = call_new_python(box, "s",
                           "import os, sys, time\n"
                           "for b in (os.environ['TOKEN'] + '|' + os.environ['TOKEN'][:9]).encode():\n"
                           "  os.write(1, bytes([b])); time.sleep(0.01)\n");
  run_with(c, options);
  is_str(said(&c->out), "***|hush-4711", "pieces are put together; a beginning alone is none");
  CALL slow = call_new_shell(box, "s", "printf 'name: h'; sleep 0.3; printf 'ugo'");
  run_with(slow, options);
  is_str(said(&slow->out), "name: hugo", "what is held back comes at last");
}

/* The head and the tail that are kept are cut in what is masked already. */
static void test_cut(void) {
  CALL c = call_new_python(box, "s", "import os\nprint('x' + os.environ['TOKEN'] * 20000, end='')");
  CALL separate = call_new_python(box, "s",
                                  "import os\nprint('x' + ('é' + os.environ['TOKEN']) * 20000)");
  c->output_limit = separate->output_limit = 100;
  run_with(c, options);
  is_str(call_string(c, "stdout"), "x***", "a mountain of it is one gap");
  run_with(separate, options);
  call_ok(separate, is_clean(separate) && strstr(call_string(separate, "stdout"), "xé***é***"),
     "no cut shows a part of it");
  ok(call_is_true(separate, "truncated"), "where there was one");
}

static void test_files(void) {
  CALL c = shell_with("s", "printf 'one\\nkey=%s\\n' \"$TOKEN\" >f; echo $TOKEN >$TOKEN");
  exited(c, 0, "a secret is written to a file");
  CALL plain = shell(box, "s", "cat f");
  is_str(said(&plain->out), "one\nkey=***\n", "a later call without it is masked too");
  CALL read = call_run(call_arg(call_new(box, "s", "read"), "path", "f"));
  call_ok(read, strstr(call_text(read), "key=***"), "so is a file that is read");
  CALL grep = call_arg(call_new(box, "s", "grep"), "pattern", "key");
  call_run(call_arg(grep, "output_mode", "content"));
  ok(is_clean(grep) && strstr(grep->text, "key=***"), "one that is searched");
  CALL list = call_run(call_new(box, "s", "list"));
  ok(is_clean(list) && strstr(list->text, "***"), "and a file's name");
  CALL edit = call_arg(call_arg(call_new(box, "s", "edit"), "path", "f"), "old_string", "key");
  call_run(call_arg(edit, "new_string", "lock"));
  ok(is_clean(edit) && call_has_ended(edit, 0, CAISSON_OUTCOME_EXITED, 0), "one that is edited");
  CALL again = shell(box, "s", "grep -c " TOKEN " f");
  is_str(said(&again->out), "1\n", "whose own bytes are not touched");
  CALL other = call_arg(call_new(box, "other", "read"), "path", "/workspace/" TOKEN);
  call_run(other);
  ok(strstr(other->text, TOKEN), "another session knows nothing of it");
}

static void test_errors(void) {
  CALL read = call_arg(call_new(box, "s", "read"), "path", "/nowhere/" TOKEN);
  call_run(read);
  ok(is_clean(read) && call_is_error(read), "a refusal does not name it");
  CALL cwd = call_arg(call_new_shell(box, "s", "true"), "cwd", "/nowhere/" TOKEN);
  call_run(cwd);
  call_ok(cwd, is_clean(cwd) && cwd->status != 0, "nor does an error");
  CALL python = call_new_python(box, "s", "import os\nraise ValueError(os.environ['TOKEN'])");
  run_with(python, options);
  ok(is_clean(python) && strstr(call_string(python, "stderr"), "ValueError: ***"),
     "nor a traceback");
  CALL bad = run_with(call_new_shell(box, "s", "true"),
                      "{\"env\":{\"A\":[\"" TOKEN "\"]}}");
  ok(is_clean(bad) && bad->status == CAISSON_E_CONFIG, "nor a complaint about the environment");
  CALL name = run_with(call_new_shell(box, "s", "true"),
                       "{\"secrets\":{\"A=" TOKEN "\":\"x\"}}");
  ok(is_clean(name) && name->status == CAISSON_E_CONFIG, "or about a name that holds a value");
}

static void test_job(void) {
  CALL c = call_arg_json(call_new_shell(box, "s", "echo begin $TOKEN; sleep 100"), "background",
                         "true");
  run_with(c, options);
  CALL output = call_new(box, "s", "shell_output");
  call_arg(output, "job_id", call_string(c, "job_id"));
  call_run(call_arg_number(output, "wait_ms", 20000));
  call_ok(output, is_clean(output) && strstr(call_text(output), "begin ***"), "a job's output");
  CALL kill = call_arg(call_new(box, "s", "shell_kill"), "job_id", call_string(c, "job_id"));
  call_run(kill);
  CALL inspect = operation(box, "session.inspect", "s", NULL);
  ok(is_clean(inspect) && call_get(inspect, "jobs"), "what is said of the session");
}

static void test_service(void) {
  static const char fine[] = "{\"secrets\":{\"TOKEN\":\"" TOKEN "\"},"
                             "\"service\":[\"sh\",\"-c\",\"echo with $TOKEN; exec sleep 1000\"]}";
  static const char broken[] = "{\"secrets\":{\"TOKEN\":\"" TOKEN "\"},\"service\":{\"restart\":"
                               "\"never\",\"command\":[\"sh\",\"-c\",\"echo no $TOKEN; exit 3\"]}}";
  CALL c = run_with(call_new_shell(box, "served", "true"), fine);
  exited(c, 0, "a service that prints it");
  CALL log = operation(box, "service.log", "served", "{\"offset\":0,\"wait_ms\":20000}");
  call_ok(log, is_clean(log) && strstr(call_string(log, "text"), "with ***"), "its log");
  CALL failed = run_with(call_new_shell(box, "failed", "true"), broken);
  call_ok(failed, is_clean(failed) && strstr(failed->err.message, "no ***"), "and its last words");
}

/* A secret of several lines is shown line by line. */
static void test_lines(void) {
  static const char key[] = "{\"secrets\":{\"KEY\":\"first secret line\\nsecond 4711 line\\n\"}}";
  CALL c = run_with(call_new_shell(box, "s", "echo \"$KEY\" | sed 's/^/> /'; echo \"$KEY\""), key);
  is_str(said(&c->out), "> ***\n> ***\n> \n***\n\n",
         "one of several lines, as a whole and line by line");
}

static void test_ephemeral(void) {
  CALL c = shell_with("", "echo $TOKEN; echo " TOKEN " >&2");
  is_str(call_text(c), "***\n[stderr]\n***\n", "a sandbox of the call's own");
}

int main(void) {
  box = box_open(NULL);
  test_output();
  test_pieces();
  test_cut();
  test_files();
  test_errors();
  test_job();
  test_service();
  test_lines();
  test_ephemeral();
  ok(!box_logged(box, "4711"), "no line of the log has it");
  box_close(box);
  return done_testing();
}
