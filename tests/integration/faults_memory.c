/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a call failed in turn, alone and with all that follow: the call does what it
 * should or ends with a clear error, and never says that it had no effect when it had one; the
 * next one works. Nothing leaks (the sanitized build looks for that at the end), no descriptor,
 * thread or container stays. Of calls with many allocations some are tried, the same in each run
 * unless CAISSON_FAULTS_SEED says from where on; all of them with CAISSON_FAULTS_ALL=1. */
#include "integration/faults_malloc.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/host.h"
#include "support/process.h"
#include "tap.h"

#define USUAL_TRIES 12

static bool wants_all;
static unsigned seed;

/* A cpio archive of a file x.txt. */
#define CPIO(mode, name_size, size) \
  "070707000000000001" mode "000000000000000001000000" "00000000000" name_size size
static const char archive[] = CPIO("100644", "000006", "00000000004") "x.txt\0put\n" CPIO(
    "000000", "000013", "00000000000") "TRAILER!!!";

/* ---- one call, by the bare ABI -------------------------------------------------------------- */

struct kind {
  const char *what, *name, *args;
  const char *input;  /* what its input callback gives */
  size_t input_size;  /* 0: a string */
  const char *before; /* a file with "one" to be written first */
  enum { WORKS, CANCELS, IS_REFUSED, IS_MISTAKEN } wanted;
  int tries; /* of each of the two ways; 0: as many as are usual */
};

struct attempt {
  const struct kind *kind;
  const char *session;
  int32_t opened, status, closed;
  caisson_error err;
  caisson_result result;
  size_t fed, seen;
  bool is_json, is_error; /* as the document has it */
  char outcome[32], reason[64];
  int64_t took_ms;
};

static int32_t is_cancelled(void *ctx) {
  const struct attempt *a = ctx;
  return a->kind->wanted == CANCELS && a->seen > 0;
}

static int32_t take_output(void *ctx, uint32_t stream, const void *bytes, uint64_t n) {
  struct attempt *a = ctx;
  (void)stream;
  (void)bytes;
  a->seen += n;
  return 0;
}

static int64_t give_input(void *ctx, void *buffer, uint64_t capacity) {
  struct attempt *a = ctx;
  size_t size = a->kind->input_size ? a->kind->input_size : strlen(a->kind->input);
  size_t left = size - a->fed, n = left < capacity ? left : (size_t)capacity;
  if (n) memcpy(buffer, a->kind->input + a->fed, n);
  a->fed += n;
  return (int64_t)n;
}

static caisson_str text_of(const char *s) {
  return (caisson_str){s, s ? strlen(s) : 0};
}

/* The document is looked at on the host's account. */
static void read_document(struct attempt *a) {
  at_host++;
  cJSON *json = a->result.json.data ? cJSON_Parse(a->result.json.data) : NULL;
  const cJSON *s = cJSON_GetObjectItem(json, "structuredContent");
  const char *outcome = cJSON_GetStringValue(cJSON_GetObjectItem(s, "outcome"));
  const char *reason =
      cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(s, "error"), "reason"));
  a->is_json = cJSON_IsArray(cJSON_GetObjectItem(json, "content"));
  a->is_error = cJSON_IsTrue(cJSON_GetObjectItem(json, "isError"));
  snprintf(a->outcome, sizeof a->outcome, "%s", outcome ? outcome : "");
  snprintf(a->reason, sizeof a->reason, "%s", reason ? reason : "");
  cJSON_Delete(json);
  at_host--;
}

static void run_it(const struct box *box, struct attempt *a) {
  const struct kind *k = a->kind;
  uint64_t id = 0;
  caisson_request request = {.struct_size = sizeof request,
                             .flags = strchr(k->name, '.') ? CAISSON_REQUEST_HOST : 0,
                             .name = text_of(k->name),
                             .args_json = text_of(k->args),
                             .session = text_of(a->session),
                             .deadline_ms = 60000,
                             .input = k->input ? give_input : NULL,
                             .input_ctx = a};
  caisson_hooks hooks = {.struct_size = sizeof hooks,
                         .ctx = a,
                         .cancelled = is_cancelled,
                         .output = take_output};
  a->status = a->opened = plugin()->call_open(box->id, &request, &id, &a->err);
  if (a->opened != CAISSON_OK) return;
  a->status = plugin()->call_run(box->id, id, &hooks, &a->result, &a->err);
  read_document(a);
  a->closed = plugin()->call_close(box->id, id);
}

static struct attempt try_in(const struct box *box, const char *session, const struct kind *k) {
  struct attempt a = {.kind = k,
                      .session = session,
                      .err.struct_size = sizeof a.err,
                      .result.struct_size = sizeof a.result};
  int64_t begun = host_now_ns();
  at_host--;
  run_it(box, &a);
  at_host++;
  a.took_ms = (host_now_ns() - begun) / 1000000;
  return a;
}

/* ---- what is a good end --------------------------------------------------------------------- */

static bool is_wanted(const struct attempt *a) {
  if (a->opened != CAISSON_OK || !a->is_json) return false;
  switch (a->kind->wanted) {
  case WORKS:
    return a->status == CAISSON_OK && a->result.outcome == CAISSON_OUTCOME_EXITED &&
           a->result.exit_code == 0 && !a->is_error;
  case CANCELS:
    return a->status == CAISSON_OK && a->result.outcome == CAISSON_OUTCOME_CANCELLED &&
           a->is_error && strcmp(a->outcome, "cancelled") == 0;
  case IS_REFUSED:
    return a->status == CAISSON_OK && a->result.outcome == CAISSON_OUTCOME_EXITED &&
           a->result.exit_code == 1 && a->is_error;
  case IS_MISTAKEN: break;
  }
  return (a->status == CAISSON_E_ARGUMENTS || a->status == CAISSON_E_NOT_FOUND) && a->is_error;
}

/* Nothing was done, and why: no memory, or an engine that one cannot hear for want of it. */
static bool is_clear_error(const struct attempt *a) {
  bool says_why = a->status == CAISSON_E_NOMEM
                      ? strcmp(a->err.reason, CAISSON_REASON_NOMEM) == 0
                      : a->status == CAISSON_E_ENGINE && (a->err.flags & CAISSON_ERROR_RETRYABLE);
  if (!says_why || strlen(a->err.message) < 10) return false;
  if (a->opened != CAISSON_OK) return true;
  return a->result.outcome == CAISSON_OUTCOME_NONE && a->is_json && a->is_error &&
         strcmp(a->outcome, "none") == 0 && *a->reason;
}

/* It may have been done, and why that is not known. */
static bool is_lost(const struct attempt *a) {
  return a->status == CAISSON_OK && a->result.outcome == CAISSON_OUTCOME_LOST && a->is_json &&
         a->is_error && strcmp(a->outcome, "lost") == 0 &&
         strcmp(a->reason, CAISSON_REASON_NOMEM) == 0;
}

static bool is_good(const struct attempt *a) {
  return a->closed == CAISSON_OK && (is_wanted(a) || is_clear_error(a) || is_lost(a));
}

static void tell(const char *what, const struct attempt *a, long n, bool and_on) {
  diag("%s of \"%s\", allocation %ld%s failed: opened %d status %d closed %d outcome %d (%s) exit "
       "code %d reason \"%s\"/\"%s\" json %d, %d ms: %s",
       what, a->kind->what, n, and_on ? " and all after it" : "", a->opened, a->status, a->closed,
       a->result.outcome, a->outcome, a->result.exit_code, a->err.reason, a->reason, a->is_json,
       (int)a->took_ms, a->err.message);
}

/* ---- the sweep ------------------------------------------------------------------------------ */

static long lines_least, lines_most; /* that "shell" may have written */

static void count_lines(const struct attempt *a) {
  if (strcmp(a->kind->what, "shell") != 0) return;
  if (is_wanted(a)) lines_least++;
  if (is_wanted(a) || is_lost(a)) lines_most++;
}

static void make_ready(const struct box *box, const struct kind *k) {
  const struct kind file = {"a file", "write", "{\"path\":\"e.txt\",\"content\":\"one\\n\"}",
                            .wanted = WORKS};
  if (!k->before) return;
  struct attempt a = try_in(box, "s", &file);
  if (!is_wanted(&a)) tell("what goes before", &a, 0, false);
}

/* Whether that allocation was met, and all was well. */
static bool fail_one(const struct box *box, const struct kind *k, long n, bool and_on, bool *met) {
  make_ready(box, k);
  arm(n, and_on);
  struct attempt a = try_in(box, "s", k);
  *met = disarm();
  count_lines(&a);
  make_ready(box, k);
  struct attempt next = try_in(box, "s", k);
  count_lines(&next);
  bool good = is_good(&a), works = is_wanted(&next);
  if (!good) tell("the call", &a, n, and_on);
  if (!works) tell("the call after it", &next, n, and_on);
  return good && works;
}

static long count_allocations(const struct box *box, const struct kind *k) {
  make_ready(box, k);
  struct attempt warm = try_in(box, "s", k);
  count_lines(&warm);
  make_ready(box, k);
  arm(LONG_MAX, false);
  struct attempt a = try_in(box, "s", k);
  disarm();
  count_lines(&a);
  if (!is_wanted(&a)) tell("without a failure the call", &a, 0, false);
  return is_wanted(&a) ? atomic_load(&asked) : 0;
}

static void sweep(const struct box *box, const struct kind *k) {
  long total = count_allocations(box, k), tries = 0, bad = 0;
  long most = wants_all ? total : k->tries ? k->tries : USUAL_TRIES;
  long step = total > most ? total / most : 1;
  for (int and_on = 0; and_on < 2; and_on++) {
    bool met = true;
    for (long n = 1 + (long)(seed % (unsigned)step); met && bad < 3; n += step, tries++)
      bad += !fail_one(box, k, n, and_on, &met);
  }
  ok(total > 0 && bad == 0, "%s: %ld of its %ld allocations failed, each in two ways", k->what,
     tries / 2, total);
}

static const struct kind kinds[] = {
    {"shell", "shell", "{\"command\":\"echo out; echo err >&2; echo . >> count\"}",
     .wanted = WORKS},
    {"an exit code", "shell", "{\"command\":\"exit 1\"}", .wanted = IS_REFUSED},
    {"a wrong argument", "shell", "{\"comand\":\"x\"}", .wanted = IS_MISTAKEN},
    {"an unknown tool", "shel", "{\"command\":\"x\"}", .wanted = IS_MISTAKEN},
    {"arguments that are no JSON", "shell", "{\"command\":", .wanted = IS_MISTAKEN},
    {"no such file", "read", "{\"path\":\"nowhere\"}", .wanted = IS_REFUSED},
    {"a cancel", "shell", "{\"command\":\"echo go; sleep 1000\"}", .wanted = CANCELS},
    {"run_python", "run_python", "{\"code\":\"print(1)\"}", .wanted = WORKS, .tries = 6},
    {"stdin", "shell", "{\"command\":\"cat\"}", .input = "some input\n", .wanted = WORKS},
    {"long output", "shell", "{\"command\":\"head -c 300000 /dev/zero | tr '\\\\0' x\"}",
     .wanted = WORKS},
    {"write", "write", "{\"path\":\"a/b.txt\",\"content\":\"one\\ntwo\\n\"}", .wanted = WORKS},
    {"read", "read", "{\"path\":\"kept.txt\"}", .wanted = WORKS},
    {"edit", "edit", "{\"path\":\"e.txt\",\"old_string\":\"one\",\"new_string\":\"two\"}",
     .before = "e.txt", .wanted = WORKS},
    {"glob", "glob", "{\"pattern\":\"**/*.txt\"}", .wanted = WORKS},
    {"grep", "grep", "{\"pattern\":\"ke?pt\",\"output_mode\":\"content\"}", .wanted = WORKS},
    {"list", "list", "{\"path\":\".\"}", .wanted = WORKS},
    {"file.upload", "file.upload", "{\"name\":\"u.txt\",\"on_conflict\":\"replace\"}",
     .input = "uploaded", .wanted = WORKS},
    {"archive.put", "archive.put", "{\"path\":\"put\"}", .input = archive,
     .input_size = sizeof archive, .wanted = WORKS},
    {"archive.get", "archive.get", "{\"path\":\"kept\",\"format\":\"tar.gz\"}", .wanted = WORKS},
    {"archive.get of a zip", "archive.get", "{\"path\":\"kept\",\"format\":\"zip\"}",
     .wanted = WORKS},
    {"shell_output", "shell_output", "{\"job_id\":\"job-1\"}", .wanted = WORKS},
    {"shell_kill", "shell_kill", "{\"job_id\":\"job-1\"}", .wanted = WORKS},
    {"a background job", "shell", "{\"command\":\"true\",\"background\":true}", .wanted = WORKS},
    {"session.ensure", "session.ensure", "{}", .wanted = WORKS},
    {"session.inspect", "session.inspect", "{}", .wanted = WORKS, .tries = 2},
    {"session.list", "session.list", "{}", .wanted = WORKS},
    {"engine.info", "engine.info", "{}", .wanted = WORKS},
    {"image.ensure", "image.ensure", "{}", .wanted = WORKS},
    {"session.reap", "session.reap", "{\"dry_run\":true}", .wanted = WORKS, .tries = 5},
};

/* ---- a sandbox made and removed ------------------------------------------------------------- */

static void test_made(struct box *box) {
  static const struct kind make = {"session.ensure of a new one", "session.ensure", "{}",
                                   .wanted = WORKS};
  static const struct kind rm = {"session.remove", "session.remove", "{}", .wanted = WORKS};
  bool met = true, good = true;
  long step = wants_all ? 1 : 197, tries = 0;
  for (long n = 1 + (long)(seed % (unsigned)step); met && good; n += step, tries++) {
    arm(n, false);
    struct attempt a = try_in(box, "made", &make);
    met = disarm();
    struct attempt again = try_in(box, "made", &make);
    arm(n, false);
    struct attempt b = try_in(box, "made", &rm);
    disarm();
    struct attempt gone = try_in(box, "made", &rm);
    good = is_good(&a) && is_wanted(&again) && is_good(&b) && is_wanted(&gone);
    if (!good) tell("the first", &a, n, false);
    if (!good) tell("the next", &again, n, false);
    if (!good) tell("the removal", &b, n, false);
    if (!good) tell("the next removal", &gone, n, false);
  }
  ok(good && tries > 2, "a sandbox made and removed, %ld allocations failed", tries);
  is_int(engine_count(box->name), 1, "none of them is left");
}

/* ---- instances ------------------------------------------------------------------------------ */

static void no_log(void *ctx, int32_t level, const char *text, uint64_t n) {
  (void)ctx;
  (void)level;
  (void)text;
  (void)n;
}

static struct box *new_box(const char *suffix, char config[512]) {
  struct box *box = box_new(suffix);
  box->host.log = no_log;
  snprintf(config, 512,
           "{\"config_version\":1,\"instance\":\"%s\",\"sandbox\":{\"image\":\"%s\"}}", box->name,
           host_env("CAISSON_IMAGE"));
  return box;
}

static int32_t create(const struct box *box, const char *config, uint64_t *id,
                      caisson_error *err) {
  *err = (caisson_error){.struct_size = sizeof *err};
  at_host--;
  int32_t rc = plugin()->create(&box->host, config, strlen(config), id, err);
  caisson_str described;
  if (rc == CAISSON_OK && plugin()->describe(*id, &described) != CAISSON_OK) rc = 1;
  at_host++;
  return rc;
}

/* Tries to create one while the n-th allocation fails, and then one without. */
static bool create_twice(const struct box *box, const char *config, long n, bool *met) {
  caisson_error first, second;
  uint64_t id = 0, other = 0;
  arm(n, false);
  int32_t rc = create(box, config, &id, &first);
  *met = disarm();
  int32_t next = create(box, config, &other, &second);
  if (rc == CAISSON_OK) plugin()->destroy(id);
  if (next == CAISSON_OK) plugin()->destroy(other);
  bool good = rc == CAISSON_OK || (rc == CAISSON_E_NOMEM && strlen(first.message) > 10) ||
              (rc == CAISSON_E_ENGINE && (first.flags & CAISSON_ERROR_RETRYABLE));
  if (!good || next != CAISSON_OK)
    diag("allocation %ld of create() failed: %d %s: %s; the next: %d %s: %s", n, rc, first.reason,
         first.message, next, second.reason, second.message);
  return good && next == CAISSON_OK;
}

/* One that finds all made that is made once. */
static void test_later(void) {
  char config[512];
  struct box *box = new_box(".later", config);
  bool met = true, good = true;
  long step = wants_all ? 3 : 997, n = 1 + (long)(seed % (unsigned)step), tries = 0;
  for (; met && good; n += step, tries++) good = create_twice(box, config, n, &met);
  ok(good && tries > 2, "a later create: %ld allocations failed, up to %ld", tries, n - step);
  box_close(box);
}

/* ---- the first of a process ----------------------------------------------------------------- */

/* What is made once and for all (libcurl's, libcjson's) is made by the first: in a child, since
 * this process has made it afterwards. */
static int first_in_child(const struct box *box, const char *config, long n) {
  (void)fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    bool met = false, good = create_twice(box, config, n, &met);
    _exit(!good ? 2 : met ? 0 : 1);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) BAIL_OUT("fork");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static void test_first(void) {
  char config[512];
  struct box *box = new_box(".first", config);
  plugin();
  int rc = 0;
  long step = wants_all ? 3 : 997, tries = 0, n = 1 + (long)(seed % (unsigned)step);
  for (; rc == 0; n += step, tries++) rc = first_in_child(box, config, n);
  ok(rc == 1 && tries > 5, "the first create of a process: %ld allocations failed, up to %ld",
     tries, n - step);
  box_close(box);
}

int main(void) {
  at_host = 1;
  const char *given = getenv("CAISSON_FAULTS_SEED");
  wants_all = getenv("CAISSON_FAULTS_ALL") != NULL;
  seed = given ? (unsigned)strtoul(given, NULL, 10) : 0;
  printf("# CAISSON_FAULTS_SEED=%u\n", seed);
  test_first();
  char config[512];
  struct box *box = new_box(NULL, config);
  caisson_error err;
  if (create(box, config, &box->id, &err) != CAISSON_OK) BAIL_OUT("create: %s", err.message);
  CALL first = shell(box, "s", "mkdir kept; echo kept | tee kept.txt > kept/x");
  exited(first, 0, "a session");
  CALL job = call_run(call_arg_json(call_new_shell(box, "s", "echo hi"), "background", "true"));
  exited(job, 0, "and a job in it");
  test_later();
  int fds = process_fds(), threads = process_threads();
  const char *only = getenv("CAISSON_FAULTS_ONLY");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!only || strcmp(only, kinds[i].what) == 0) sweep(box, &kinds[i]);
  CALL lines = shell(box, "s", "cat count | wc -l");
  long n = lines->out.data ? atol(lines->out.data) : -1;
  ok(n >= lines_least && n <= lines_most,
     "what had no effect says so, and only that: %ld <= %ld <= %ld", lines_least, n, lines_most);
  test_made(box);
  is_int(process_threads(), threads, "no thread is left");
  ok(process_fds() <= fds + 8, "no descriptor is left (%d, then %d)", fds, process_fds());
  CALL rm = operation(box, "session.remove", "s", NULL);
  exited(rm, 0, "the session is removed");
  is_int(engine_count(box->name), 0, "and was the only one");
  box_close(box);
  return done_testing();
}
