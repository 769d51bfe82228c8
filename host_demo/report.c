/* SPDX-License-Identifier: Apache-2.0 */
/* report.c: shows how a call ended, following the table in caisson.h ("What a call returns").
 * Knows nothing of how the call was made. */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "ui.h"

#define EXIT_MAX 255
#define EXIT_BROKEN_PIPE 141 /* 128 + SIGPIPE, as shells have it */

/* An outcome that this host does not know is that too (rule 9 of caisson.h). */
static bool is_lost(int32_t outcome) {
  return outcome < CAISSON_OUTCOME_NONE || outcome >= CAISSON_OUTCOME_LOST;
}

int csn_report_exit(const struct csn_reply *reply) {
  if (reply->write_errno == EPIPE)
    return EXIT_BROKEN_PIPE;
  if (reply->status < 0 || reply->write_errno)
    return CSN_EXIT_FAILED;
  int code = reply->result.exit_code;
  if (code < 0 || code > EXIT_MAX || is_lost(reply->result.outcome))
    return CSN_EXIT_FAILED;
  return code == 0 && csn_json_true(reply->document, "isError") ? 1 : code;
}

bool csn_report_good(const struct csn_reply *reply) { return csn_report_exit(reply) == 0; }

/* The first text block of the result, or NULL. */
static const char *first_text(const struct csn_reply *reply) {
  return csn_json_string(cJSON_GetArrayItem(csn_json_get(reply->document, "content"), 0), "text");
}

/* The best words for a failure that the document or the error buffer has. */
static const char *words_of(const struct csn_reply *reply) {
  const cJSON *error = csn_json_get(csn_reply_structured(reply), "error");
  const char *message = csn_json_string(error, "message");
  if (reply->status < 0 && *reply->error.message)
    return reply->error.message;
  return message ? message : first_text(reply);
}

static const char *outcome_words(int32_t outcome) {
  switch (outcome) {
  case CAISSON_OUTCOME_CANCELLED: return "cancelled";
  case CAISSON_OUTCOME_DEADLINE: return "it took longer than it may, and was ended";
  case CAISSON_OUTCOME_OOM: return "the sandbox ran out of memory";
  case CAISSON_OUTCOME_EXITED: return NULL;
  default: return "nobody can say how it ended";
  }
}

void csn_report_failure(const struct csn_reply *reply) {
  if (reply->write_errno == EPIPE)
    return; /* whoever read our output has had enough */
  if (reply->write_errno) {
    csn_ui_say("the output cannot be written: %s", strerror(reply->write_errno));
    return;
  }
  const char *outcome = reply->status < 0 ? NULL : outcome_words(reply->result.outcome);
  if (reply->status >= 0 && !outcome)
    return;
  /* A cancel needs no explanation to the one who asked for it. */
  const char *words = reply->result.outcome == CAISSON_OUTCOME_CANCELLED && reply->status >= 0
                          ? outcome
                          : words_of(reply);
  if (!words)
    words = outcome ? outcome : "it failed, and the plugin did not say why";
  const char *hint = csn_json_string(
      csn_json_get(csn_reply_structured(reply), "error"), "hint");
  if (hint && !strstr(words, hint))
    csn_ui_say("%s\n%s", words, hint);
  else
    csn_ui_say("%s", words);
}

/* A tool that runs a program promises its output apart; that went out live as it came, and the text
 * made of it for a model ("(no output)", "[exit 3]") is not for people. */
static bool has_streams(const struct csn_reply *reply) {
  return reply->streamed > 0 || csn_json_get(csn_reply_structured(reply), "stdout");
}

static void print_blocks(const struct csn_reply *reply, FILE *to) {
  const cJSON *block;
  cJSON_ArrayForEach(block, csn_json_get(reply->document, "content")) {
    const char *text = csn_json_string(block, "text"), *data = csn_json_string(block, "data");
    const char *type = csn_json_string(block, "mimeType");
    size_t n = text ? strlen(text) : 0;
    if (text) {
      (void)csn_ui_put(to, text);
      (void)fputs(n > 0 && text[n - 1] == '\n' ? "" : "\n", to);
    } else if (data) {
      (void)fprintf(to, "[%s, about %zu bytes: --json has it in base64]\n", type ? type : "data",
                    strlen(data) / 4 * 3);
    }
  }
}

static void print_notes(const struct csn_reply *reply, bool verbose) {
  static const struct {
    uint32_t flag;
    bool always;
    const char *words;
  } notes[] = {
      {CAISSON_RESULT_RECREATED, true, "the session's sandbox is new: files made before are gone"},
      {CAISSON_RESULT_OLDER_SETTINGS, true,
       "the session runs under older settings; they change when it is idle or removed"},
      {CAISSON_RESULT_SURVIVORS, true, "a process could not be ended (--json has the details)"},
      {CAISSON_RESULT_STILL_RUNNING, false, "it left processes running in the background"},
      {CAISSON_RESULT_CREATED, false, "the session's sandbox was made for this call"},
  };
  for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
    if ((reply->result.flags & notes[i].flag) && (notes[i].always || verbose))
      csn_ui_say("note: %s", notes[i].words);
  if (verbose && reply->json)
    csn_ui_say("exit code %d after %.1f ms", (int)reply->result.exit_code,
               (double)reply->result.wall_ns / 1e6);
}

void csn_report_json(const struct csn_reply *reply) {
  if (!reply->json)
    return;
  (void)fwrite(reply->json, 1, (size_t)reply->result.json.size, stdout);
  (void)putchar('\n');
}

int csn_report_call(const struct csn_reply *reply, bool json, bool verbose) {
  bool ended = reply->status >= 0 && reply->result.outcome == CAISSON_OUTCOME_EXITED;
  if (json)
    csn_report_json(reply);
  else if (ended && !has_streams(reply))
    print_blocks(reply, csn_report_good(reply) ? stdout : stderr);
  csn_report_failure(reply);
  if (!json || verbose)
    print_notes(reply, verbose);
  return csn_report_exit(reply);
}
