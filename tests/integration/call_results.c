/* SPDX-License-Identifier: Apache-2.0 */
/* What a command's end looks like from the host: the result, its document and the text for a model;
 * and what its arguments do: directory, environment, timeout. */
#include "support/host.h"
#include "tap.h"

static struct box *box;

/* ---- exits ----------------------------------------------------------------------------------- */

static void test_exits(void) {
  static const struct {
    const char *command, *text;
    int code, signal;
  } rows[] = {
      {"true", "(no output)", 0, 0},
      {"exit 7", "(no output)\n[exit 7]", 7, 0},
      {"exit 255", "(no output)\n[exit 255]", 255, 0},
      {"echo hello", "hello\n", 0, 0},
      {"printf hello", "hello", 0, 0},
      {"echo out; echo wrong >&2", "out\n[stderr]\nwrong\n", 0, 0},
      {"printf out; printf wrong >&2; exit 3", "out\n[stderr]\nwrong\n[exit 3]", 3, 0},
      {"echo wrong >&2; false", "[stderr]\nwrong\n[exit 1]", 1, 0},
      {"kill -TERM $$", "(no output)\n[exit 143: ended by signal 15, SIGTERM]", 143, 15},
      {"kill -SEGV $$", "(no output)\n[exit 139: ended by signal 11, SIGSEGV]", 139, 11},
      {"kill -KILL $$", "(no output)\n[exit 137: ended by signal 9, SIGKILL]", 137, 9},
      {"sh -c 'kill -TERM $$'; exit $?", NULL, 143, 0},
      {"no-such-program-here", NULL, 127, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CALL c = shell(box, "a", rows[i].command);
    exited(c, rows[i].code, "%s: exit code %d", rows[i].command, rows[i].code);
    is_int(c->result.term_signal, rows[i].signal, "%s: signal", rows[i].command);
    if (rows[i].text) is_str(call_text(c), rows[i].text, "%s: text", rows[i].command);
    if (rows[i].signal)
      is_int(call_number(c, "signal"), rows[i].signal, "%s: the signal in the document",
             rows[i].command);
  }
}

static void test_members(void) {
  CALL first = shell(box, "members", "printf abc; printf de >&2; sleep 0.02; exit 4");
  exited(first, 4, "a command with output on both streams");
  is_int(first->result.flags, CAISSON_RESULT_CREATED, "its session was made for it: a flag");
  ok(call_is_true(first, "created"), "and a member");
  is_str(call_string(first, "stdout"), "abc", "stdout apart");
  is_str(call_string(first, "stderr"), "de", "stderr apart");
  ok(cJSON_IsFalse(call_get(first, "truncated")), "not truncated");
  is_int(call_number(first, "bytes_total"), 5, "bytes_total");
  is_int(first->result.bytes_out, 5, "bytes_out");
  is_int(first->result.bytes_dropped, 0, "bytes_dropped");
  double ms = call_number(first, "duration_ms");
  call_ok(first, ms >= 20 && ms <= (double)first->took_ns / 1e6,
          "duration_ms is the command's own");
  ok((int64_t)first->result.wall_ns <= first->took_ns && (double)first->result.wall_ns / 1e6 >= ms,
     "wall_ns is call_run's");
  ok(!call_get(first, "error") && !call_get(first, "still_running") &&
         !call_get(first, "survivors") && !call_get(first, "spill_path"),
     "members that do not hold are not there");
  CALL second = shell(box, "members", "true");
  is_int(second->result.flags, 0, "the next call finds the session");
  ok(!call_get(second, "created"), "and says nothing of it");
  ok(!call_get(second, "signal"), "no signal where there was none");
}

static void test_live_output(void) {
  CALL c = shell(box, "a", "echo one; echo two >&2; echo three");
  is_str(c->out.data, "one\nthree\n", "live stdout is whole");
  is_str(c->errors.data, "two\n", "live stderr is whole");
}

/* ---- the working directory ------------------------------------------------------------------- */

static void test_cwd(void) {
  CALL made = shell(box, "a", "mkdir -p 'sub dir/deep' && touch file && ln -s /proc/1 hole");
  exited(made, 0, "directories to be in");
  static const struct {
    const char *cwd, *is;
  } good[] = {{"", "/workspace"},
              {"sub dir", "/workspace/sub dir"},
              {"./sub dir/../sub dir/deep/", "/workspace/sub dir/deep"},
              {"/tmp", "/tmp"},
              {"..", "/"},
              {"/workspace//", "/workspace"}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CALL c = call_run(call_arg(call_new_shell(box, "a", "printf %s \"$PWD\""), "cwd", good[i].cwd));
    exited(c, 0, "cwd \"%s\"", good[i].cwd);
    is_str(call_string(c, "stdout"), good[i].is, "cwd \"%s\" is %s", good[i].cwd, good[i].is);
  }
  static const struct {
    const char *cwd;
    int status;
    const char *reason;
  } bad[] = {{"nowhere", CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS},
             {"/workspace/file", CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS},
             {"/proc", CAISSON_E_POLICY, CAISSON_REASON_POLICY},
             {"/proc/self/cwd", CAISSON_E_POLICY, CAISSON_REASON_POLICY},
             {"../proc/1", CAISSON_E_POLICY, CAISSON_REASON_POLICY},
             {"/tmp/.././proc/1/root", CAISSON_E_POLICY, CAISSON_REASON_POLICY},
             {"hole", CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CALL c = call_run(call_arg(call_new_shell(box, "a", "touch ran"), "cwd", bad[i].cwd));
    did_not_start(c, bad[i].status, "cwd \"%s\" is refused", bad[i].cwd);
    is_str(call_reason(c), bad[i].reason, "cwd \"%s\": the reason", bad[i].cwd);
    ok(strstr(c->err.message, "directory") || strstr(c->err.message, "cwd"),
       "cwd \"%s\": the message says what is wrong", bad[i].cwd);
  }
  CALL proof = shell(box, "a", "ls ran");
  exited(proof, 2, "what was refused did not run");
}

/* ---- the environment ------------------------------------------------------------------------- */

static void test_environment(void) {
  CALL c = call_new_shell(box, "a", "echo \"$HOME|$GREETING|$TOKEN|$LATER|$PATH\"");
  call_arg_json(c, "env", "{\"GREETING\": \"h\\u00e9 \\\"llo\\\"\", \"LATER\": \"\"}");
  c->options = "{\"secrets\": {\"TOKEN\": \"s3cr3t-value\"}}";
  call_run(c);
  exited(c, 0, "a command with an environment");
  is_str(call_string(c, "stdout"),
         "/workspace|h\xc3\xa9 \"llo\"|***||/usr/local/sbin:/usr/local/bin:/usr/sbin:"
         "/usr/bin:/sbin:/bin\n",
         "defaults, arguments and secrets are in it");
  CALL next = shell(box, "a", "echo \"$GREETING|$TOKEN|\"; grep -l s3cr3t /proc/*/environ");
  is_str(call_string(next, "stdout"), "||\n", "none of it stays for the next call");
  ok(!box_logged(box, "s3cr3t-value"), "a secret is in no log line");
  CALL path = call_new_shell(box, "a", "echo found");
  call_run(call_arg_json(path, "env", "{\"PATH\": \"/nowhere\"}"));
  did_not_start(path, CAISSON_E_SANDBOX, "a PATH without a shell");
  is_str(call_reason(path), CAISSON_REASON_EXEC_NOT_FOUND, "is told as such");
}

/* ---- time ------------------------------------------------------------------------------------ */

static void test_timeouts(void) {
  CALL c = call_run(call_arg_number(call_new_shell(box, "a", "echo begun; sleep 600 & sleep 601"),
                                    "timeout_ms", 300));
  was_late(c, "timeout_ms ends it");
  call_ok(c, c->took_ns >= 300000000LL && c->took_ns < 60000000000LL, "at its time");
  is_str(call_reason(c), CAISSON_REASON_DEADLINE, "with its reason");
  is_int(call_number(c, "survivors"), 0, "nothing survived");
  is_str(call_string(c, "stdout"), "begun\n", "what it had printed is kept");
  call_ok(c, strstr(call_text(c), "[timed out after 300 ms") && strstr(call_text(c), "timeout_ms"),
          "the text says so, and how to have more time");

  CALL d = call_new_shell(box, "a", "sleep 602");
  d->deadline_ms = 300;
  call_run(d);
  was_late(d, "deadline_ms ends it too");
  is_int(call_number(d, "survivors"), 0, "nothing survived that either");
  call_ok(d, strstr(call_text(d), "host's limit"), "the text says whose limit it was");
  is_int(host_count_processes(box, "a", "sleep 60"), 0, "all of it is gone");

  CALL start = call_new_shell(box, "slow-to-start", "true");
  start->deadline_ms = 10;
  call_run(start);
  was_late(start, "a deadline during the container's start");
  is_str(call_reason(start), CAISSON_REASON_DEADLINE, "has its reason");
  call_ok(start, start->took_ns < 10000000000LL, "and is prompt");
  CALL after = shell(box, "slow-to-start", "true");
  exited(after, 0, "the session can be used after that");
}

/* ---- progress -------------------------------------------------------------------------------- */

static void note_progress(struct call *c, const char *note, size_t n) {
  if (n > 0 && memchr(note, 0, n) == NULL) ++*(int *)c->user;
}

static void test_progress(void) {
  int notes = 0;
  CALL c = call_new_shell(box, "progress", "true");
  c->on_progress = note_progress;
  c->user = &notes;
  exited(call_run(c), 0, "a call that has to start a sandbox");
  ok(notes > 0, "says what it is doing");
  notes = 0;
  CALL d = call_new_shell(box, "progress", "true");
  d->on_progress = note_progress;
  d->user = &notes;
  exited(call_run(d), 0, "one that has not");
  is_int(notes, 0, "has nothing to say");
}

int main(void) {
  box = box_open(NULL);
  test_exits();
  test_members();
  test_live_output();
  test_cwd();
  test_environment();
  test_timeouts();
  test_progress();
  box_close(box);
  return done_testing();
}
