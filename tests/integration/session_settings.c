/* A session keeps the directory and the environment that it was made with: whoever uses it finds
 * them, also by calls that say nothing of them and from another host. */
#include "support/engine.h"
#include "support/host.h"
#include "tap.h"

static const char operators[] =
    "{\"sandbox\":{\"workdir\":\"/tmp\",\"env\":{\"BOTH\":\"operator\",\"LANG\":\"C\"}}}";
static const char options[] =
    "{\"workdir\":\"/workspace/data\",\"env\":{\"HOME\":\"/tmp/home\",\"FOO\":\"foo\","
    "\"BOTH\":\"session\",\"PYTHONPATH\":\"/tmp/mine\"}}";

static struct call *with(struct call *c, const char *call_options) {
  c->options = call_options;
  return call_run(c);
}

static const char *said(const struct call *c) {
  return c->out.data ? c->out.data : "";
}

/* The directory of the options has to be there before a command can run in it. */
static void make_session(struct box *box) {
  struct call *c = call_new_shell(box, "s", "mkdir /workspace/data && echo made");
  CALL made = with(call_arg(c, "cwd", "/workspace"), options);
  is_str(said(made), "made\n", "a session with a directory and an environment of its own");
}

#define LOOK "pwd; echo $HOME $FOO $BOTH $LANG $USER"
#define AS_MADE "/workspace/data\n/tmp/home foo session C sandbox\n"
#define LOOK_PYTHON \
  "import os, sys\n" \
  "print(os.getcwd(), os.environ['HOME'], os.environ['BOTH'], '/tmp/mine' in sys.path," \
  " '/workspace/data' in sys.path)"

static void test_bare(struct box *box, const char *who) {
  CALL c = shell(box, "s", LOOK);
  is_str(said(c), AS_MADE, "%s: a call without options has those of its session", who);
  is_int(c->result.flags, 0, "and the sandbox is the one that was there");
  CALL p = python(box, "s", LOOK_PYTHON);
  is_str(said(p), "/workspace/data /tmp/home session True True\n", "%s: Python too", who);
  CALL below = call_arg(call_new_shell(box, "s", "pwd"), "cwd", "../");
  is_str(said(call_run(below)), "/workspace\n", "%s: a cwd is relative to it", who);
  CALL in_proc = call_arg(call_new_shell(box, "s", "pwd"), "cwd", "../../proc");
  ended(call_run(in_proc), CAISSON_E_POLICY, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
        "%s: and leads no more into /proc than a whole path", who);
  CALL after = shell(box, "s", "pwd");
  is_str(said(after), "/workspace/data\n", "%s: after which the session goes on", who);
}

/* Other options than the session's, which is not made anew for a call that only adopts. */
static void test_own(struct box *box) {
  CALL c = with(call_new_shell(box, "s", LOOK),
                "{\"ensure\":\"adopt\",\"workdir\":\"/tmp\",\"env\":{\"FOO\":\"call\"}}");
  is_str(said(c), "/tmp\n/tmp/home call session C sandbox\n", "the call's own options win for it");
  is_int(c->result.flags, CAISSON_RESULT_OLDER_SETTINGS, "though the sandbox has others");
  CALL next = shell(box, "s", LOOK);
  is_str(said(next), AS_MADE, "the next call has the session's");
}

static void test_anew(struct box *box) {
  engine_remove(engine_container(box, "s"));
  struct call *c = call_new_shell(box, "s", "mkdir data; cd data; " LOOK);
  CALL next = call_run(call_arg(c, "cwd", "/workspace"));
  is_str(said(next), AS_MADE, "a sandbox made anew has them again");
  is_int(next->result.flags, CAISSON_RESULT_RECREATED, "as it is the session's next");
}

static void test_without(void) {
  struct box *box = box_open_as(".plain", operators);
  CALL c = shell(box, "", "pwd; echo $HOME $BOTH $LANG");
  is_str(said(c), "/tmp\n/workspace operator C\n", "without options it is the operator's");
  CALL refused = call_arg(call_new_shell(box, "none", "pwd"), "cwd", "/tmp/../proc/1");
  ended(call_run(refused), CAISSON_E_POLICY, CAISSON_OUTCOME_NONE, CAISSON_EXIT_UNKNOWN,
        "a whole path into /proc is refused");
  is_int(engine_count(box->name), 0, "before there is a sandbox");
  box_close(box);
}

/* A key may hold what the host calls its users. */
static void test_key(void) {
  static const struct {
    const char *options, *reason;
  } cases[] = {
      {"{\"image\":\"caisson-no-such-image:none\",\"pull\":\"never\"}",
       CAISSON_REASON_IMAGE_MISSING},
      {"{\"ensure\":\"adopt\"}", CAISSON_REASON_SESSION_MISSING},
      {"{\"ensure\":\"never\"}", CAISSON_REASON_SESSION_MISSING},
  };
  static const char key[] = "mrs-jones";
  struct box *box = box_open_as(".key", NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CALL c = with(call_new_shell(box, key, "true"), cases[i].options);
    is_str(call_reason(c), cases[i].reason, "a call that fails: %s", cases[i].reason);
    call_ok(c, !strstr(c->text, key), "tells the model no key");
  }
  ok(box_logged(box, key), "the log does");
  box_close(box);
}

int main(void) {
  struct box *box = box_open(operators), *other = box_open(operators);
  make_session(box);
  test_bare(box, "who made it");
  test_bare(other, "another host");
  test_own(other);
  test_anew(other);
  box_close(other);
  box_close(box);
  test_without();
  test_key();
  return done_testing();
}
