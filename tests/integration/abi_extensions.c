/* SPDX-License-Identifier: Apache-2.0 */
/* What a host may offer: its say over every run, its options for sessions, its log. */
#include "support/host.h"
#include "tap.h"

/* ---- the gate -------------------------------------------------------------------------------- */

struct gate_state {
  int asked, answer;
  uint32_t flags;
  char name[64], session[64], args[128];
  const char *words; /* what it writes; NULL: nothing */
  bool fills;        /* it writes up to the last byte, without a NUL */
};

static void copy_str(char *out, size_t size, const caisson_str *s) {
  snprintf(out, size, "%.*s", (int)s->size, s->data ? s->data : "");
}

static int32_t allow(void *ctx, uint32_t flags, const caisson_str *name, const caisson_str *session,
                     const caisson_str *args, char *words, uint64_t capacity) {
  struct gate_state *g = ((struct box *)ctx)->user;
  g->asked++;
  g->flags = flags;
  copy_str(g->name, sizeof g->name, name);
  copy_str(g->session, sizeof g->session, session);
  copy_str(g->args, sizeof g->args, args);
  if (g->words) snprintf(words, capacity, "%s", g->words);
  if (g->fills) memset(words, 'w', capacity);
  return g->answer;
}

static const caisson_gate gate = {.struct_size = sizeof gate, .allow = allow};

static struct box *open_gated(struct gate_state *g, const char *settings) {
  struct box *box = box_new("g");
  caisson_error err = {.struct_size = sizeof err};
  box->gate = &gate;
  box->user = g;
  if (box_create(box, settings, &err) != CAISSON_OK) BAIL_OUT("create: %s", err.message);
  return box;
}

static void check_nothing_made(struct box *box) {
  struct gate_state *g = box->user;
  int answer = g->answer;
  g->answer = 0;
  CALL list = operation(box, "session.list", NULL, NULL);
  is_int(cJSON_GetArraySize(call_get(list, "sessions")), 0, "nothing was made");
  g->answer = answer;
}

static void test_gate_refuses(void) {
  struct gate_state g = {.answer = 1, .words = "Ask Jonah \xe2\x80\x93 he knows."};
  struct box *box = open_gated(&g, "{\"tool_names\": {\"shell\": \"bash\"}}");
  CALL c = call_run(call_arg(call_new(box, "s", "bash"), "command", "true"));
  did_not_start(c, CAISSON_E_REFUSED, "a gate that says no");
  is_str(call_reason(c), CAISSON_REASON_GATE, "has a reason of its own");
  is_str(call_text(c), "Ask Jonah \xe2\x80\x93 he knows.", "and its own words for the model");
  is_str(c->err.message, g.words, "and for the host");
  is_int(g.asked, 1, "it was asked once");
  is_int(g.flags, 0, "about a tool");
  is_str(g.name, "shell", "by the name that the plugin knows it by");
  is_str(g.session, "s", "for that session");
  is_str(g.args, "{\"command\":\"true\"}", "with those arguments");
  check_nothing_made(box);

  g.words = NULL;
  CALL mute = call_run(call_arg(call_new(box, "s", "bash"), "command", "true"));
  did_not_start(mute, CAISSON_E_REFUSED, "a gate without words");
  ok(*mute->err.message, "the plugin has some: %s", mute->err.message);
  g.fills = true;
  CALL full = call_run(call_arg(call_new(box, "s", "bash"), "command", "true"));
  did_not_start(full, CAISSON_E_REFUSED, "words without an end");
  size_t n = strlen(full->err.message);
  ok(n > 0 && strspn(full->err.message, "w") == n, "are cut to their room");
  g.fills = false;
  g.words = "\xff\xfe";
  CALL bad = call_run(call_arg(call_new(box, "s", "bash"), "command", "true"));
  did_not_start(bad, CAISSON_E_REFUSED, "words that are no text");
  box_close(box);
}

static void test_gate_allows(void) {
  struct gate_state g = {.answer = 0};
  struct box *box = open_gated(&g, NULL);
  CALL c = shell(box, "s", "exit 3");
  exited(c, 3, "a gate that says yes");
  is_int(g.asked, 1, "is asked once");
  CALL p = python(box, "s", "print(1)");
  exited(p, 0, "another tool");
  is_str(g.name, "run_python", "is asked for too");
  CALL op = operation(box, "session.list", NULL, NULL);
  exited(op, 0, "an operation");
  is_str(g.name, "session.list", "too");
  is_int(g.flags, CAISSON_REQUEST_HOST, "and told apart");
  is_str(g.args, "{}", "without arguments they are {}");
  int asked = g.asked;
  CALL unknown = operation(box, "session.lst", NULL, NULL);
  CALL wrong = call_new(box, "s", "shell");
  wrong->raw_args = "{\"command\": 1}";
  call_run(wrong);
  did_not_start(unknown, CAISSON_E_NOT_FOUND, "an unknown name");
  did_not_start(wrong, CAISSON_E_ARGUMENTS, "wrong arguments");
  is_int(g.asked, asked, "are not worth a question");
  box_close(box);
}

/* A gate may take its time: an approval that a person gives. A cancel that comes meanwhile counts.
 */
static int32_t allow_and_cancel(void *ctx, uint32_t flags, const caisson_str *name,
                                const caisson_str *session, const caisson_str *args, char *words,
                                uint64_t capacity) {
  struct call *c = ((struct box *)ctx)->user;
  (void)flags, (void)name, (void)session, (void)args, (void)words, (void)capacity;
  call_cancel(c);
  return 0;
}

static void test_cancel_at_the_gate(void) {
  static const caisson_gate slow = {.struct_size = sizeof slow, .allow = allow_and_cancel};
  struct box *box = box_new("g");
  box->gate = &slow;
  if (box_create(box, NULL, NULL) != CAISSON_OK) BAIL_OUT("create");
  CALL c = call_new_shell(box, "cancelled", "true");
  box->user = c;
  call_run(c);
  was_cancelled(c, "a cancel while the gate thinks is not lost");
  box_close(box);
}

/* ---- options for sessions -------------------------------------------------------------------- */

struct options_state {
  int asked, answer;
  char key[64];
  const char *json; /* NULL: none for this key */
};

static int32_t give_options(void *ctx, const char *key, uint64_t size,
                            void (*emit)(void *sink, const char *json, uint64_t n), void *sink) {
  struct options_state *o = ((struct box *)ctx)->user;
  o->asked++;
  snprintf(o->key, sizeof o->key, "%.*s", (int)size, key);
  if (o->json) emit(sink, o->json, strlen(o->json));
  return o->answer;
}

static const caisson_session_options session_options = {.struct_size = sizeof session_options,
                                                        .options = give_options};

static struct box *open_with_options(struct options_state *o) {
  struct box *box = box_new("o");
  box->session_options = &session_options;
  box->user = o;
  if (box_create(box, NULL, NULL) != CAISSON_OK) BAIL_OUT("create");
  return box;
}

static void test_options_when(void) {
  struct options_state o = {.json = "{\"env\": {\"FLAVOUR\": \"salt\"}}"};
  struct box *box = open_with_options(&o);
  CALL c = shell(box, "bare", "echo $FLAVOUR");
  exited(c, 0, "a bare call that creates");
  is_int(o.asked, 1, "asks the host once");
  is_str(o.key, "bare", "for that key");
  is_str(call_string(c, "stdout"), "salt\n", "and makes the session as it says");
  CALL again = shell(box, "bare", "echo $FLAVOUR");
  is_str(call_string(again, "stdout"), "salt\n", "a bare call to a session that runs");
  is_int(o.asked, 1, "asks nothing");
  CALL given = call_new_shell(box, "given", "echo $FLAVOUR");
  given->options = "{\"env\": {\"FLAVOUR\": \"sweet\"}}";
  call_run(given);
  is_str(call_string(given, "stdout"), "sweet\n", "a call that brings its own options");
  is_int(o.asked, 1, "asks nothing");
  CALL remove = operation(box, "session.remove", "bare", NULL);
  exited(remove, 0, "the session is removed");
  CALL back = shell(box, "bare", "echo $FLAVOUR");
  is_str(call_string(back, "stdout"), "salt\n", "a bare call that has to create it again");
  is_int(o.asked, 2, "asks again");
  CALL ensure = operation(box, "session.ensure", "ensured", NULL);
  exited(ensure, 0, "session.ensure");
  is_int(o.asked, 3, "asks as a call does");
  is_str(o.key, "ensured", "for its key");
  CALL inspect = operation(box, "session.inspect", "elsewhere", NULL);
  exited(inspect, 0, "a look at what is not there");
  is_int(o.asked, 3, "asks nothing");
  box_close(box);
}

static void test_options_fail(void) {
  static const struct {
    const char *what, *json;
    int answer;
  } rows[] = {{"a host that says no", NULL, 7},
              {"options that are no JSON", "{\"env\": ", 0},
              {"options that do not exist", "{\"munts\": []}", 0},
              {"options of a wrong type", "{\"limits\": 5}", 0}};
  struct options_state o = {0};
  struct box *box = open_with_options(&o);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    o.json = rows[i].json;
    o.answer = rows[i].answer;
    CALL c = shell(box, "failed", "true");
    did_not_start(c, CAISSON_E_CONFIG, "%s", rows[i].what);
    is_str(call_reason(c), CAISSON_REASON_OPTIONS, "%s: the reason", rows[i].what);
    CALL look = operation(box, "session.inspect", "failed", NULL);
    call_ok(look, cJSON_IsFalse(call_get(look, "found")), "%s: nothing is made", rows[i].what);
  }
  o = (struct options_state){0};
  CALL none = shell(box, "failed", "exit 3");
  exited(none, 3, "a host that has none for this key: the configured");
  box_close(box);
}

/* ---- the log --------------------------------------------------------------------------------- */

struct log_state {
  pthread_mutex_t mutex;
  int lines, bad;
  int levels[8];
};

static void check_line(void *ctx, int32_t level, const char *text, uint64_t n) {
  struct log_state *l = ctx;
  bool is_level = level == CAISSON_LOG_ERROR || level == CAISSON_LOG_WARNING ||
                  level == CAISSON_LOG_AUDIT || level == CAISSON_LOG_INFO ||
                  level == CAISSON_LOG_DEBUG;
  pthread_mutex_lock(&l->mutex);
  l->lines++;
  if (is_level) l->levels[level]++;
  if (!is_level || n == 0 || memchr(text, '\n', n) || memchr(text, 0, n)) l->bad++;
  pthread_mutex_unlock(&l->mutex);
}

static void test_log(void) {
  struct log_state log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  struct box *box = box_new("l");
  box->host.ctx = &log;
  box->host.log = check_line;
  box->host.get_extension = NULL;
  if (box_create(box, NULL, NULL) != CAISSON_OK) BAIL_OUT("create");
  CALL c = shell(box, "line\nbreak", "exit 3");
  exited(c, 3, "a session whose key has a newline");
  CALL bad = call_run(call_new(box, "s", "no such tool"));
  did_not_start(bad, CAISSON_E_NOT_FOUND, "a call that fails");
  ok(log.lines >= 3 && log.levels[CAISSON_LOG_INFO] > 0, "%d lines were logged", log.lines);
  is_int(log.bad, 0, "each is one line of a known level");
  box_close(box);

  struct box *quiet = box_new("l");
  quiet->host.log = NULL;
  if (box_create(quiet, NULL, NULL) != CAISSON_OK) BAIL_OUT("create");
  CALL q = shell(quiet, "s", "exit 3");
  exited(q, 3, "a host without a log");
  box_close(quiet);
}

static void test_log_words(void) {
  struct box *box = box_open_as("l", NULL);
  ok(box_logged(box, box->name), "a line for the instance");
  CALL c = shell(box, "logged", "exit 3");
  exited(c, 3, "a call");
  ok(box_logged(box, "\"logged\"") && box_logged(box, "exit code 3"), "has a line too");
  box_close(box);
}

int main(void) {
  test_gate_refuses();
  test_gate_allows();
  test_cancel_at_the_gate();
  test_options_when();
  test_options_fail();
  test_log();
  test_log_words();
  return done_testing();
}
