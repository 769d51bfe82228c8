/* SPDX-License-Identifier: Apache-2.0 */
/* The audit as a host gets it: a line for each call however it ends, and one for each sandbox that
 * comes or goes; who asked; and nothing that does not belong there. */
#include <stdlib.h>
#include <string.h>

#include "support/engine.h"
#include "support/host.h"
#include "tap.h"
#include "util/sha256.h"

#define AUDIT "5 {\"audit\":1,"

/* ---- what was said --------------------------------------------------------------------------- */

/* All lines of a box so far, as an array; each of the audit's must be JSON. */
static cJSON *lines_of(struct box *box) {
  cJSON *all = cJSON_CreateArray();
  pthread_mutex_lock(&box->mutex);
  char *log = strdup(box->log ? box->log : ""), *next = NULL;
  pthread_mutex_unlock(&box->mutex);
  int strange = 0;
  for (char *line = strtok_r(log, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
    int is_audit = strncmp(line, AUDIT, strlen(AUDIT)) == 0;
    cJSON *json = is_audit ? cJSON_Parse(line + 2) : NULL;
    strange += (strncmp(line, "5 ", 2) == 0) != is_audit || is_audit != (json != NULL);
    strange += !is_audit && strstr(line, " {\"audit\"") == line + strcspn(line, " ");
    if (json) cJSON_AddItemToArray(all, json);
  }
  free(log);
  is_int(strange, 0, "level and first bytes tell the audit's lines, and each is JSON");
  return all;
}

static const char *text(const cJSON *line, const char *name) {
  const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, name));
  return found ? found : "";
}

static double number(const cJSON *line, const char *name) {
  const cJSON *found = cJSON_GetObjectItemCaseSensitive(line, name);
  return cJSON_IsNumber(found) ? found->valuedouble : -1000;
}

static bool is_null(const cJSON *line, const char *name) {
  return cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(line, name));
}

/* The last one of that event. */
static const cJSON *last_of(const cJSON *all, const char *event) {
  const cJSON *line, *found = NULL;
  cJSON_ArrayForEach(line, all) if (strcmp(text(line, "event"), event) == 0) found = line;
  return found;
}

static int count(const cJSON *all, const char *event) {
  const cJSON *line;
  int n = 0;
  cJSON_ArrayForEach(line, all) n += strcmp(text(line, "event"), event) == 0;
  return n;
}

/* The events from one on, with spaces between. */
static void is_story(struct box *box, int from, const char *expected, const char *what) {
  char story[2048] = "";
  cJSON *all = lines_of(box);
  for (int i = from; i < cJSON_GetArraySize(all); i++)
    snprintf(story + strlen(story), sizeof story - strlen(story), "%s%s", *story ? " " : "",
             text(cJSON_GetArrayItem(all, i), "event"));
  cJSON_Delete(all);
  is_str(story, expected, "%s", what);
}

static int count_lines(struct box *box) {
  cJSON *all = lines_of(box);
  int n = cJSON_GetArraySize(all);
  cJSON_Delete(all);
  return n;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Principal, trace and key all try to begin a line of their own. */
#define FORGED "\n5 {\"audit\":1,\"event\":\"forged\"}\xe2\x80\xa8\""
#define OPTIONS                                                                            \
  "{\"principal\":\"ann\\n5 {\\\"audit\\\":1,\\\"event\\\":\\\"forged\\\"}\\u2028\\\"\"," \
  "\"trace_id\":\"t-1\",\"secrets\":{\"TOKEN\":\"hunter2-hunter2\"}}"

static void test_call(struct box *box) {
  struct call *c = call_new_shell(box, "k" FORGED, "echo hunter2-hunter2 marker-7; exit 3");
  c->options = OPTIONS;
  CALL done = call_run(c);
  exited(done, 3, "a call");
  cJSON *all = lines_of(box);
  const cJSON *line = last_of(all, "call");
  is_int(count(all, "forged"), 0, "nobody forged a line");
  is_str(text(line, "principal"), "ann" FORGED, "the line has who asked, whole");
  is_str(text(line, "trace_id"), "t-1", "and for what");
  is_str(text(line, "session"), "k" FORGED, "the session");
  is_str(text(line, "name"), "shell", "the tool");
  is_str(text(line, "outcome"), "exited", "the outcome");
  is_int((int64_t)number(line, "exit_code"), 3, "the exit code");
  is_str(text(line, "sandbox"), "created", "that the sandbox is new");
  is_int((int64_t)number(line, "bytes_out"), (int64_t)strlen("*** marker-7\n"),
         "how much it printed");
  ok(number(line, "wall_ms") > 0 && number(line, "wait_ms") > 0 &&
         number(line, "wait_ms") < number(line, "wall_ms"),
     "and how long it took and waited");
  is_str(text(last_of(all, "sandbox.created"), "principal"), "ann" FORGED,
         "what came for it has who asked too");
  cJSON_Delete(all);
  ok(!box_logged(box, "marker-7") && !box_logged(box, "hunter2"),
     "and no line of the log has its text or a secret");
}

static void test_digests(struct box *box) {
  static const char raw[] = "{\"command\": \"cat >/dev/null\"}";
  char hex[CSN_SHA256_HEX];
  struct call *c = call_new_shell(box, "d", "");
  c->raw_args = raw;
  CALL done = call_run(c);
  exited(done, 0, "another call");
  csn_sha256_hex(raw, strlen(raw), hex);
  cJSON *all = lines_of(box);
  const cJSON *line = last_of(all, "call");
  is_str(text(line, "arguments_sha256"), hex, "the digest is that of the arguments as given");
  is_int((int64_t)number(line, "bytes_arguments"), (int64_t)strlen(raw), "and so is their size");
  ok(is_null(line, "bytes_in") && is_null(line, "principal"), "what was not given is null");
  ok(!cJSON_HasObjectItem(line, "arguments"), "and the arguments themselves are not there");
  cJSON_Delete(all);
}

static int64_t give(void *ctx, void *buffer, uint64_t capacity) {
  size_t *left = ctx;
  size_t n = *left < capacity ? *left : (size_t)capacity;
  memset(buffer, 'x', n);
  *left -= n;
  return (int64_t)n;
}

static void test_input(struct box *box) {
  static const size_t sizes[] = {1000, (1 << 20) + 1};
  for (int i = 0; i < 2; i++) {
    size_t left = sizes[i];
    struct call *c = call_new_shell(box, "d", "wc -c");
    c->input = give;
    c->input_ctx = &left;
    CALL done = call_run(c);
    exited(done, 0, "a call with input");
    cJSON *all = lines_of(box);
    const cJSON *line = last_of(all, "call");
    char hex[CSN_SHA256_HEX], *same = malloc(sizes[i]);
    memset(same, 'x', sizes[i]);
    csn_sha256_hex(same, sizes[i], hex);
    free(same);
    is_int((int64_t)number(line, "bytes_in"), (int64_t)sizes[i], "its input is counted");
    if (i == 0)
      is_str(text(line, "input_sha256"), hex, "and hashed");
    else
      ok(is_null(line, "input_sha256"), "more than 1 MiB is not hashed");
    cJSON_Delete(all);
  }
}

static void test_failures(struct box *box) {
  CALL unknown = call_run(call_new(box, "d", "no_such_tool"));
  CALL wrong = call_arg(call_new(box, "d", "shell"), "commnd", "x");
  wrong->options = "{\"principal\":\"bob\"}";
  call_run(wrong);
  struct call *c = call_new_shell(box, "d", "sleep 600");
  c->deadline_ms = 700;
  CALL late = call_run(c);
  was_late(late, "a call that takes too long");
  cJSON *all = lines_of(box);
  int n = cJSON_GetArraySize(all);
  const cJSON *line = cJSON_GetArrayItem(all, n - 3);
  is_str(text(line, "name"), "no_such_tool", "a tool that does not exist has its line");
  is_str(text(line, "reason"), unknown->err.reason, "with the reason");
  is_int((int64_t)number(line, "status"), unknown->status, "and the status");
  is_str(text(line, "outcome"), "none", "and nothing that ran");
  line = cJSON_GetArrayItem(all, n - 2);
  is_str(text(line, "reason"), CAISSON_REASON_ARGUMENTS, "so have wrong arguments");
  is_str(text(line, "principal"), "bob", "with who asked");
  line = cJSON_GetArrayItem(all, n - 1);
  is_str(text(line, "outcome"), "deadline", "and a deadline");
  is_int((int64_t)number(line, "exit_code"), CAISSON_EXIT_DEADLINE, "with its exit code");
  cJSON_Delete(all);
}

static void test_arguments(void) {
  struct box *box = box_open_as(".args", "{\"audit\":{\"arguments\":true}}");
  struct call *c = call_new_shell(box, "", "echo hunter2-hunter2 marker-8 hunter2-hunter2");
  c->options = OPTIONS;
  CALL done = call_run(c);
  exited(done, 0, "a call whose arguments are wanted");
  cJSON *all = lines_of(box);
  const cJSON *line = last_of(all, "call");
  const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(line, "arguments");
  is_str(text(arguments, "command"), "echo *** marker-8 ***", "they are there, without its secret");
  ok(is_null(line, "session"), "a sandbox of the call's own has no session");
  is_str(text(cJSON_GetArrayItem(all, 1), "event"), "sandbox.created", "it came");
  is_str(text(cJSON_GetArrayItem(all, 2), "event"), "sandbox.removed", "and went");
  is_str(text(cJSON_GetArrayItem(all, 2), "trace_id"), "t-1", "with the call");
  cJSON_Delete(all);
  ok(!box_logged(box, "hunter2"), "the secret is in no line");
  char *long_command = malloc(9001);
  memset(long_command, ':', 9000);
  long_command[9000] = '\0';
  call_free(call_run(call_new_shell(box, "", long_command)));
  all = lines_of(box);
  ok(is_null(last_of(all, "call"), "arguments") && number(last_of(all, "call"), "status") == 0,
     "long ones are left out");
  cJSON_Delete(all);
  free(long_command);
  c = call_new_shell(box, "", "echo hunter2-hunter2");
  c->options = "{\"secrets\":{\"TOKEN\":\"hunter2-hunter2\"},\"nonsense\":1}";
  CALL refused = call_run(c);
  all = lines_of(box);
  is_str(text(last_of(all, "call"), "reason"), refused->err.reason, "options that are wrong");
  ok(refused->status < 0 && is_null(last_of(all, "call"), "arguments"),
     "do not say what is secret, so nothing is shown");
  cJSON_Delete(all);
  ok(!box_logged(box, "hunter2"), "in any line");
  box_close(box);
}

/* ---- what comes and goes --------------------------------------------------------------------- */

static void test_lives(struct box *box) {
  int from = count_lines(box);
  call_free(shell(box, "life", "true"));
  struct box *other = box_open(NULL);
  call_free(shell(other, "life", "true"));
  is_story(other, 0, "instance.created sandbox.adopted call",
           "another instance finds a sandbox and adopts it");
  engine_remove(engine_container(box, "life"));
  call_free(shell(box, "life", "true"));
  call_free(operation(box, "session.remove", "life", NULL));
  is_story(box, from,
           "sandbox.created call sandbox.ended sandbox.recreated call sandbox.removed call",
           "one is made, ends, is made anew and is removed");
  box_close(other);
}

static bool has_died(void *arg) {
  return !*engine_state(arg);
}

static void test_end(struct box *box) {
  int from = count_lines(box);
  CALL c = call_start(call_new_shell(box, "end", "echo on; sleep 600"));
  call_wait_output(c, "on", 20000);
  char *name = strdup(engine_container(box, "end"));
  engine_do(name, "kill");
  call_join(c);
  was_lost(c, "a sandbox is killed under its call");
  host_wait(has_died, name, 20000);
  call_free(shell(box, "end", "true"));
  is_story(box, from, "sandbox.created sandbox.ended call sandbox.recreated call",
           "its end is said once");
  free(name);
}

static void test_pool(void) {
  struct box *box = box_open_as(".pool", "{\"pool\":{\"size\":1}}");
  box_wait_pool(box, 1);
  call_free(shell(box, "p", "true"));
  cJSON *all = lines_of(box);
  const cJSON *made = last_of(all, "sandbox.created"), *taken = last_of(all, "sandbox.taken");
  ok(made && is_null(made, "session"), "one that is started ahead is nobody's");
  is_str(text(taken, "session"), "p", "until a session takes it");
  ok(count(all, "sandbox.created") >= 1 && count(all, "sandbox.recreated") == 0,
     "which then makes none");
  cJSON_Delete(all);
  box_wait_pool(box, 1);
  call_free(operation(box, "session.shutdown", "", "{\"scope\":\"instance\"}"));
  int32_t status = plugin()->destroy(box->id);
  is_int(status, CAISSON_OK, "the instance is destroyed");
  all = lines_of(box);
  int n = cJSON_GetArraySize(all);
  is_str(text(cJSON_GetArrayItem(all, n - 1), "event"), "instance.destroyed", "that is the last");
  ok(count(all, "sandbox.removed") >= 1, "and what was left was removed before");
  cJSON_Delete(all);
  box->id = 0;
  box_close(box);
}

static void test_off(void) {
  struct box *box = box_open_as(".off", "{\"audit\":{\"enabled\":false}}");
  CALL c = shell(box, "", "true");
  exited(c, 0, "a call without an audit");
  is_int(count_lines(box), 0, "has no line");
  box_close(box);
}

int main(void) {
  struct box *box = box_open(NULL);
  cJSON *all = lines_of(box);
  is_str(text(last_of(all, "instance.created"), "instance"), box->name, "an instance is made");
  cJSON_Delete(all);
  test_call(box);
  test_digests(box);
  test_input(box);
  test_failures(box);
  test_lives(box);
  test_end(box);
  box_close(box);
  test_arguments();
  test_pool();
  test_off();
  return done_testing();
}
