/* SPDX-License-Identifier: Apache-2.0 */
/* Results: what a model reads and what a program reads, in every case of caisson.h's table. */
#include "tools/result.h"

#include <string.h>

#include "tap.h"
#include "tools/manifest.h"
#include "tools/result_text.h"
#include "tools_definition.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"
#include "util/utf8.h"

static cJSON *manifest;
static const struct csn_tool_settings settings = {50000, 120000, 600000, 33554432,
                                                  {8, 32, 8388608, 3600000, 86400000}};

/* ---- one result, looked at from all sides ---------------------------------------------------- */

static struct {
  struct csn_run_result ended;
  struct csn_run run;
  uint64_t output_limit;
  uint32_t flags;
  const char *out, *err;
  size_t out_n, err_n; /* 0: strlen */
} given;

static struct csn_tool_result result;
static struct csn_error error;

static void reset(void) {
  cJSON_Delete(result.json);
  memset(&result, 0, sizeof result);
  memset(&given, 0, sizeof given);
  given.ended.outcome = CAISSON_OUTCOME_EXITED;
  given.ended.duration_ns = 1500123456;
  given.run.timeout_ms = 120000;
  given.output_limit = 50000;
  given.out = given.err = "";
}

static void make(void) {
  const struct csn_tool_call call = {.settings = &settings, .output_limit = given.output_limit};
  struct csn_command_output output;
  cJSON_Delete(result.json);
  result.json = NULL;
  csn_capture_init(&output.out, given.output_limit);
  csn_capture_init(&output.err, given.output_limit);
  csn_capture_add(&output.out, given.out, given.out_n ? given.out_n : strlen(given.out));
  csn_capture_add(&output.err, given.err, given.err_n ? given.err_n : strlen(given.err));
  int rc =
      csn_result_from_run(&call, &given.run, &given.ended, given.flags, &output, &result, &error);
  is_int(rc, 0, "a result");
  csn_capture_free(&output.out);
  csn_capture_free(&output.err);
}

static const char *text_of(const cJSON *json) {
  const cJSON *block = cJSON_GetArrayItem(csn_json_get(json, "content"), 0);
  return csn_json_string(block, "text", NULL);
}

static const cJSON *structured(void) {
  return csn_json_get(result.json, "structuredContent");
}

/* The members of structuredContent, by name, in one line. */
static const char *members(void) {
  static char names[400];
  const cJSON *m;
  names[0] = '\0';
  cJSON_ArrayForEach(m, structured()) {
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", *names ? " " : "",
             m->string);
  }
  return names;
}

/* What holds for every result. */
static void check_form(int outcome, int exit_code, const char *outcome_name, int is_error) {
  is_int(result.outcome, outcome, "the outcome");
  is_int(result.exit_code, exit_code, "the exit code");
  is_int(csn_json_bool(result.json, "isError", -1), is_error, "isError");
  is_str(csn_json_string(structured(), "outcome", NULL), outcome_name, "the outcome by name");
  is_int(csn_json_int(structured(), "exit_code", -99), exit_code, "the exit code again");
  const cJSON *tool = definition_of(manifest, "tools", "shell"), *member;
  int rc = csn_schema_check(csn_json_get(tool, "outputSchema"), structured(), "result",
                            CAISSON_E_INTERNAL, "x", &error);
  is_int(rc, 0, "as the output schema promises: %s", rc ? error.message : "");
  const cJSON *promised = csn_json_get(csn_json_get(tool, "outputSchema"), "properties");
  cJSON_ArrayForEach(member, structured()) {
    if (!csn_json_get(promised, member->string))
      ok(0, "%s is not in the output schema", member->string);
  }
  is_int(cJSON_GetArraySize(csn_json_get(result.json, "content")), 1, "one block");
  is_str(csn_json_string(cJSON_GetArrayItem(csn_json_get(result.json, "content"), 0), "type", ""),
         "text", "of text");
  is_int(cJSON_GetArraySize(result.json), 3, "and nothing else");
}

#define USUAL "outcome exit_code stdout stderr duration_ms truncated bytes_total"

/* ---- commands that ended by themselves ------------------------------------------------------- */

static void test_success(void) {
  reset();
  given.out = "hello\n";
  make();
  check_form(CAISSON_OUTCOME_EXITED, 0, "exited", 0);
  is_str(text_of(result.json), "hello\n", "standard output and nothing else");
  is_str(members(), USUAL, "the usual members");
  is_str(csn_json_string(structured(), "stdout", NULL), "hello\n", "stdout");
  is_str(csn_json_string(structured(), "stderr", NULL), "", "stderr");
  is_int(csn_json_number(structured(), "duration_ms", 0) * 1000, 1500123,
         "microseconds are enough");
  is_int(csn_json_bool(structured(), "truncated", -1), 0, "not truncated");
  is_int(csn_json_int(structured(), "bytes_total", -1), 6, "six bytes");
  is_int(result.bytes_out, 6, "also in the numbers");
  is_int(result.flags, 0, "no flags");
  reset();
  make();
  is_str(text_of(result.json), "(no output)", "no output");
}

static void test_failure(void) {
  reset();
  given.out = "partly";
  given.err = "oops\n";
  given.ended.exit_code = 2;
  make();
  check_form(CAISSON_OUTCOME_EXITED, 2, "exited", 1);
  is_str(text_of(result.json), "partly\n[stderr]\noops\n[exit 2]",
         "both streams, then the exit code");
  is_str(members(), USUAL, "no error: the command did run");
  reset();
  given.err = "a warning";
  make();
  check_form(CAISSON_OUTCOME_EXITED, 0, "exited", 0);
  is_str(text_of(result.json), "[stderr]\na warning", "a warning alone is no failure");
  reset();
  given.ended.exit_code = 1;
  make();
  is_str(text_of(result.json), "(no output)\n[exit 1]", "a silent failure");
  reset();
  given.ended.exit_code = 139;
  given.ended.term_signal = 11;
  make();
  check_form(CAISSON_OUTCOME_EXITED, 139, "exited", 1);
  is_str(text_of(result.json), "(no output)\n[exit 139: ended by signal 11, SIGSEGV]", "a signal");
  is_int(result.term_signal, 11, "in the numbers");
  is_int(csn_json_int(structured(), "signal", 0), 11, "in the document");
  given.ended.term_signal = 35;
  make();
  ok(strstr(text_of(result.json), "ended by signal 35, a signal]"), "one without a name");
}

static void test_hostile_bytes(void) {
  reset();
  given.out = "a\0b\xff\xe2\x82\xac\x1b[0m";
  given.out_n = 11;
  given.err = "\xe2\x82";
  make();
  is_str(text_of(result.json),
         "a\xef\xbf\xbd"
         "b\xef\xbf\xbd\xe2\x82\xac\x1b[0m\n[stderr]\n\xef\xbf\xbd",
         "NUL and broken text are repaired, the rest is as it was");
  is_int(csn_json_int(structured(), "bytes_total", -1), 13, "bytes are counted as they came");
  is_int(csn_json_bool(structured(), "truncated", -1), 0, "and nothing is missing");
  char *printed = csn_json_print(result.json);
  ok(csn_json_scan(printed, strlen(printed), NULL) == 0, "the document is valid JSON");
  csn_free(printed);
  reset();
  given.ended.outcome = CAISSON_OUTCOME_LOST;
  given.ended.exit_code = 0;
  snprintf(given.ended.message, sizeof given.ended.message,
           "a\nb\xff"
           "c");
  snprintf(given.ended.spill_path, sizeof given.ended.spill_path, "/tmp/x\n[exit 0]");
  make();
  is_str(csn_json_string(structured(), "spill_path", NULL), "/tmp/x [exit 0]", "one line");
  ok(strstr(text_of(result.json), "[lost: a b. It may"), "what the helper says is cleaned");
  is_int(result.exit_code, -1, "an exit code that cannot be is not taken from it");
}

/* ---- cut output ------------------------------------------------------------------------------ */

static void test_truncated(void) {
  char longer[3001];
  reset();
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  memcpy(longer, "BEGIN", 5);
  memcpy(longer + 2995, "END!\n", 5);
  given.out = longer;
  given.output_limit = 1000;
  make();
  check_form(CAISSON_OUTCOME_EXITED, 0, "exited", 0);
  const char *text = text_of(result.json),
             *gap = "\n... [2,000 bytes omitted; to see them, print less at "
                    "a time] ...\n";
  ok(strncmp(text, "BEGINxxx", 8) == 0 && strcmp(text + strlen(text) - 5, "END!\n") == 0,
     "head and tail");
  ok(strstr(text, gap) == text + 500, "and between them what is missing");
  is_int(strlen(text), 1000 + strlen(gap), "no more than the limit");
  is_str(csn_json_string(structured(), "stdout", NULL), text, "stdout is the same");
  is_str(members(), USUAL " bytes_omitted", "it says how much is missing");
  is_int(csn_json_int(structured(), "bytes_omitted", -1), 2000, "bytes omitted");
  is_int(result.bytes_dropped, 2000, "in the numbers");
  is_int(result.flags, CAISSON_RESULT_TRUNCATED, "in the flags");
  is_int(csn_json_bool(structured(), "truncated", -1), 1, "truncated");

  snprintf(given.ended.spill_path, sizeof given.ended.spill_path, "/tmp/.caisson/out-1");
  given.ended.spill_whole = 1;
  make();
  ok(strstr(text_of(result.json),
            "[2,000 bytes omitted; all of the output is in /tmp/.caisson/out-1]"),
     "where all of it is");
  is_str(members(), USUAL " bytes_omitted spill_path spill_whole", "also for programs");
  given.ended.spill_whole = 0;
  make();
  ok(strstr(text_of(result.json), "; the first part of the output is in /tmp/.caisson/out-1]"),
     "or as much as was kept");
  is_int(csn_json_bool(structured(), "spill_whole", -1), 0, "not whole");
}

static void test_shared_limit(void) {
  char longer[3001];
  reset();
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  given.out = given.err = longer;
  given.output_limit = 1000;
  make();
  size_t out = 0, err = 0;
  for (const char *p = csn_json_string(structured(), "stdout", ""); *p; p++) out += *p == 'x';
  for (const char *p = csn_json_string(structured(), "stderr", ""); *p; p++) err += *p == 'x';
  is_int(out, 750, "standard output has three quarters");
  is_int(err, 250, "standard error one");
  is_int(result.bytes_dropped, 5000, "the rest of both is missing");
  is_int(result.bytes_out, 6000, "of all that was written");
}

/* ---- other ends ------------------------------------------------------------------------------ */

static const char *reason(void) {
  return csn_json_string(csn_json_get(structured(), "error"), "reason", NULL);
}

static void test_cancelled(void) {
  reset();
  given.out = "working\n";
  given.ended.outcome = CAISSON_OUTCOME_CANCELLED;
  given.ended.term_signal = 9;
  make();
  check_form(CAISSON_OUTCOME_CANCELLED, 130, "cancelled", 1);
  is_str(text_of(result.json),
         "working\n[cancelled after 1.5 s; everything it had started was killed]",
         "what there was, and what happened");
  is_str(members(), USUAL " signal survivors error", "survivors, since something was killed");
  is_int(csn_json_int(structured(), "survivors", -1), 0, "none");
  is_str(reason(), "call.cancelled", "the reason");
  given.ended.survivors = 1;
  snprintf(given.ended.survivors_text, sizeof given.ended.survivors_text, "pid 12 (cc1) state D");
  make();
  ok(strstr(text_of(result.json), "\n[1 process could not be killed: pid 12 (cc1) state D]"),
     "one that survived");
  is_int(result.flags, CAISSON_RESULT_SURVIVORS, "in the flags");
  is_str(csn_json_string(structured(), "survivors_text", NULL), "pid 12 (cc1) state D", "by name");
}

static void test_deadline(void) {
  static const struct {
    uint64_t timeout_ms, duration_ns;
    const char *text;
  } rows[] = {
      {120000, 120004000000,
       "(no output)\n[timed out after 120 s; everything it had started was killed. "
       "Give a larger timeout_ms (at most 600000) or do it in smaller steps]"},
      {600000, 600000000001,
       "(no output)\n[timed out after 600 s; everything it had started was killed. "
       "No more time can be asked for: do it in smaller steps]"},
      {120000, 2500000000,
       "(no output)\n[timed out after 2.5 s; everything it had started was killed. "
       "That is the host's limit for this call: do it in smaller steps]"},
      {40, 41000000,
       "(no output)\n[timed out after 40 ms; everything it had started was killed. "
       "Give a larger timeout_ms (at most 600000) or do it in smaller steps]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    reset();
    given.ended.outcome = CAISSON_OUTCOME_DEADLINE;
    given.ended.duration_ns = rows[i].duration_ns;
    given.run.timeout_ms = rows[i].timeout_ms;
    make();
    check_form(CAISSON_OUTCOME_DEADLINE, 124, "deadline", 1);
    is_str(text_of(result.json), rows[i].text, "whose limit it was");
    is_str(reason(), "call.deadline", "the reason");
  }
}

static void test_oom_and_lost(void) {
  reset();
  given.ended.outcome = CAISSON_OUTCOME_OOM;
  given.ended.term_signal = 9;
  given.ended.exit_code = 137;
  make();
  check_form(CAISSON_OUTCOME_OOM, 137, "out_of_memory", 1);
  ok(strstr(text_of(result.json),
            "(no output)\n[out of memory: it reached the sandbox's memory limit"),
     "out of memory");
  is_str(reason(), "sandbox.memory", "the reason");
  reset();
  given.ended.outcome = CAISSON_OUTCOME_LOST;
  snprintf(given.ended.reason, sizeof given.ended.reason, "helper.lost");
  snprintf(given.ended.message, sizeof given.ended.message, "the helper was killed");
  given.out = "half";
  make();
  check_form(CAISSON_OUTCOME_LOST, -1, "lost", 1);
  is_str(text_of(result.json),
         "half\n[lost: the helper was killed. It may or may not have had its "
         "effect: look before you run it again]",
         "lost");
  is_str(reason(), "helper.lost", "the reason that the session layer found");
  is_str(csn_json_string(csn_json_get(structured(), "error"), "message", NULL),
         "the helper was killed", "and its words");
  reset();
  given.ended.outcome = 77;
  make();
  check_form(77, -1, "lost", 1);
}

static void test_session_facts(void) {
  reset();
  given.out = "up\n";
  given.ended.still_running = 3;
  given.flags = CAISSON_RESULT_RECREATED | CAISSON_RESULT_OLDER_SETTINGS | CAISSON_RESULT_CREATED;
  make();
  check_form(CAISSON_OUTCOME_EXITED, 0, "exited", 0);
  is_str(text_of(result.json),
         "up\n[3 processes that it started still run in the background]\n[this "
         "session's sandbox is a new one: files and processes of earlier calls "
         "are gone, but for a workspace that is kept]",
         "what a model should know");
  is_str(members(), USUAL " still_running created recreated older_settings", "and a program");
  is_int(result.flags, given.flags | CAISSON_RESULT_STILL_RUNNING, "all in the flags");
  given.ended.still_running = 1;
  given.flags = 0;
  make();
  is_str(text_of(result.json), "up\n[1 process that it started still runs in the background]",
         "one");
}

/* ---- calls that started nothing -------------------------------------------------------------- */

static void test_stops(void) {
  reset();
  is_int(csn_result_from_stop(CAISSON_E_CANCELLED, &result, &error), 0,
         "a cancel before the start");
  check_form(CAISSON_OUTCOME_CANCELLED, 130, "cancelled", 1);
  is_str(text_of(result.json), "[cancelled before it started: nothing was run]", "in words");
  is_str(reason(), "call.cancelled", "the reason");
  cJSON_Delete(result.json);
  is_int(csn_result_from_stop(CAISSON_E_DEADLINE, &result, &error), 0,
         "a deadline before the start");
  check_form(CAISSON_OUTCOME_DEADLINE, 124, "deadline", 1);
  is_str(text_of(result.json), "[timed out before it started: nothing was run]", "in words");
  is_str(reason(), "call.deadline", "the reason");
}

static void test_errors(void) {
  static const struct {
    int code;
    const char *reason, *message, *hint;
  } rows[] = {
      {CAISSON_E_ARGUMENTS, CAISSON_REASON_ARGUMENTS, "unknown argument \"x\"",
       "Correct the arguments and call the tool again."},
      {CAISSON_E_NOT_FOUND, CAISSON_REASON_UNKNOWN_TOOL, "there is no tool \"x\"",
       "Use one of the names that are offered."},
      {CAISSON_E_NOT_FOUND, CAISSON_REASON_SESSION_MISSING, "no sandbox",
       "This session has no sandbox, and the host does not let this call make one; tell the user."},
      {CAISSON_E_POLICY, CAISSON_REASON_POLICY, "not in /proc",
       "Do it another way, within what the sandbox allows."},
      {CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_UNREACHABLE, "no answer",
       "No argument can change this; tell the user that the sandbox is not available at the "
       "moment."},
      {CAISSON_E_ENGINE, CAISSON_REASON_DISK_FULL, "no space",
       "Delete files that are not needed, then try again."},
      {CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_NOT_FOUND, "no such program",
       "Use a program that the sandbox has."},
      {CAISSON_E_SANDBOX, CAISSON_REASON_PROCESS_LIMIT, "no process",
       "Try again, with fewer processes at once."},
      {CAISSON_E_SANDBOX, CAISSON_REASON_EXEC_FAILED, "it did not start",
       "Nothing was done; trying it unchanged may not help."},
      {CAISSON_E_DRAINING, CAISSON_REASON_DRAINING, "going down",
       "The service is about to stop or restart; try again in a moment."},
      {CAISSON_E_NOMEM, CAISSON_REASON_NOMEM, "out of memory", "Try again in a moment."},
      {CAISSON_E_LIMIT, "x.y", "too many", "Try again with less at a time."},
      {CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, "a defect",
       "This is a defect of the sandbox, not of the call; tell the user."},
      {-99, "new.reason", "of a newer version",
       "This is a defect of the sandbox, not of the call; tell the user."},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct csn_error failure;
    char text[300];
    reset();
    csn_fail(&failure, rows[i].code, rows[i].reason, "%s", rows[i].message);
    is_int(csn_result_from_error(&failure, 0, &result), 0, "the error %d", rows[i].code);
    check_form(CAISSON_OUTCOME_NONE, -1, "none", 1);
    snprintf(text, sizeof text, "Error: %s\n%s", rows[i].message, rows[i].hint);
    is_str(text_of(result.json), text, "in words");
    is_str(reason(), rows[i].reason, "the reason");
    is_str(csn_json_string(csn_json_get(structured(), "error"), "hint", NULL), rows[i].hint,
           "the hint");
    is_str(members(), "outcome exit_code error", "and no more");
  }
}

static void test_private_errors(void) {
  struct csn_error failure;
  reset();
  csn_fail(&failure, CAISSON_E_CONFIG, CAISSON_REASON_OPTIONS,
           "options.image: /srv/alice is no image");
  is_int(csn_result_from_error(&failure, 0, &result), 0, "the host's options are wrong");
  char *printed = csn_json_print(result.json);
  ok(!strstr(printed, "alice"), "a model is not told what they are: %s", printed);
  csn_free(printed);
  check_form(CAISSON_OUTCOME_NONE, -1, "none", 1);
  reset();
  csn_result_from_error(&failure, 1, &result);
  ok(strstr(text_of(result.json), "alice"), "the host is");
  reset();
  csn_fail(&failure, CAISSON_E_REFUSED, CAISSON_REASON_GATE, "Ask Bob first.");
  csn_result_from_error(&failure, 0, &result);
  is_str(text_of(result.json), "Ask Bob first.", "a gate's words stand alone");
  check_form(CAISSON_OUTCOME_NONE, -1, "none", 1);
  reset();
  csn_fail(&failure, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "500: \xff\xfe");
  csn_result_from_error(&failure, 0, &result);
  ok(strstr(text_of(result.json), "500: \xef\xbf\xbd\xef\xbf\xbd"),
     "an engine's bytes are repaired");
}

static void test_document(void) {
  reset();
  cJSON *document = cJSON_CreateObject();
  cJSON_AddTrueToObject(document, "found");
  is_int(csn_result_from_document("found: yes", document, &result, &error), 0,
         "an operation's answer");
  is_int(result.outcome, CAISSON_OUTCOME_EXITED, "it succeeded");
  is_int(result.exit_code, 0, "with 0");
  is_int(csn_json_bool(result.json, "isError", -1), 0, "no error");
  is_str(text_of(result.json), "found: yes", "its words");
  is_int(csn_json_bool(structured(), "found", -1), 1, "its document");
}

static void test_no_memory(void) {
  struct csn_error failure;
  struct csn_tool_result none = {.outcome = 0};
  CSN_CLEANUP_JSON cJSON *literal = cJSON_Parse(csn_result_no_memory);
  ok(literal, "what is left when there is no memory is a document");
  reset();
  result.json = CSN_STEAL(literal);
  result.exit_code = -1;
  check_form(CAISSON_OUTCOME_NONE, -1, "none", 1);
  is_str(reason(), CAISSON_REASON_NOMEM, "with its reason");
  csn_fail(&failure, CAISSON_E_ENGINE, "x", "y");
  for (long nth = 1; nth <= 2; nth++) {
    csn_alloc_fail_after(nth);
    is_int(csn_result_from_error(&failure, 0, &none), CAISSON_E_NOMEM, "no memory for words (%ld)",
           nth);
    csn_alloc_fail_after(0);
    ok(!none.json, "and no document");
  }
  /* A command whose result cannot be made, at each allocation. */
  const struct csn_tool_call call = {.settings = &settings, .output_limit = 1000};
  struct csn_command_output output;
  char longer[5000] = "";
  memset(longer, 'x', sizeof longer - 1);
  csn_capture_init(&output.out, 1000);
  csn_capture_init(&output.err, 1000);
  csn_capture_add(&output.out, longer, sizeof longer - 1);
  int failed = 0, wrong = 0;
  for (long nth = 1; nth <= 30; nth++) {
    csn_alloc_fail_after(nth);
    int rc = csn_result_from_run(&call, &given.run, &given.ended, 0, &output, &none, &error);
    csn_alloc_fail_after(0);
    failed += rc == CAISSON_E_NOMEM;
    wrong += rc ? none.json != NULL : none.json == NULL;
    cJSON_Delete(none.json);
    none.json = NULL;
  }
  ok(failed >= 5 && !wrong, "%d allocations can fail, all are noticed", failed);
  csn_capture_free(&output.out);
  csn_capture_free(&output.err);
}

static void test_grouping(void) {
  static const struct {
    uint64_t n;
    const char *text;
  } rows[] = {{0, "0"},
              {999, "999"},
              {1000, "1,000"},
              {123456, "123,456"},
              {1234567, "1,234,567"},
              {UINT64_MAX, "18,446,744,073,709,551,615"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[CSN_GROUPED_SIZE];
    csn_result_group(rows[i].n, text);
    is_str(text, rows[i].text, "digits in groups");
  }
}

int main(void) {
  if (csn_manifest_parse(&manifest, &error)) BAIL_OUT("%s", error.message);
  test_success();
  test_failure();
  test_hostile_bytes();
  test_truncated();
  test_shared_limit();
  test_cancelled();
  test_deadline();
  test_oom_and_lost();
  test_session_facts();
  test_stops();
  test_errors();
  test_private_errors();
  test_document();
  test_no_memory();
  test_grouping();
  reset();
  cJSON_Delete(manifest);
  return done_testing();
}
