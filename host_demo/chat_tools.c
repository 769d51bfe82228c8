/* SPDX-License-Identifier: Apache-2.0 */
/* chat_tools.c: the calls of one answer, each on a thread of its own. Whatever a model gets wrong
 * is a result that says so: it can mend that. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "interrupt.h"
#include "json.h"
#include "text.h"
#include "ui.h"

#define RESULT_MAX ((size_t)1024 * 1024)
#define CANCELLED "The user cancelled this call."
#define REFUSED "The user did not allow this call."

/* One call, from what the model asked for to what it is told. */
struct job {
  struct csn_chat *chat;
  const char *name;
  char *arguments;        /* JSON; NULL: there is nothing to run */
  struct csn_bytes words; /* the result */
  struct csn_chat_voice voice;
  pthread_t thread;
  bool has_thread;
};

/* ---- what is offered ------------------------------------------------------------------------- */

static cJSON *as_function(const cJSON *tool) {
  static const char *const members[][2] = {
      {"name", "name"}, {"description", "description"}, {"parameters", "inputSchema"}};
  cJSON *entry = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(entry, "type", "function"));
  cJSON *function = csn_must(cJSON_AddObjectToObject(entry, "function"));
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
    const cJSON *value = csn_json_get(tool, members[i][1]);
    if (value)
      (void)cJSON_AddItemToObject(function, members[i][0], csn_must(cJSON_Duplicate(value, true)));
  }
  return entry;
}

cJSON *csn_chat_tools_offer(const cJSON *tools) {
  cJSON *list = csn_must(cJSON_CreateArray());
  const cJSON *tool;
  cJSON_ArrayForEach(tool, tools) (void)cJSON_AddItemToArray(list, as_function(tool));
  return list;
}

static const cJSON *find_tool(const cJSON *tools, const char *name) {
  const cJSON *tool;
  cJSON_ArrayForEach(tool, tools) {
    const char *offered = csn_json_string(tool, "name");
    if (offered && strcmp(offered, name) == 0)
      return tool;
  }
  return NULL;
}

/* ---- what the model is told ------------------------------------------------------------------ */

/* Of what is too long the beginning stays, as whole characters, and the result says so. */
static void tell(struct job *job, const char *text) {
  static const char note[] = "\n[the rest is left out: it is too long]";
  size_t n = strlen(text), room = RESULT_MAX - job->words.n;
  if (n <= room) {
    (void)csn_bytes_add(&job->words, RESULT_MAX, text, n);
    return;
  }
  size_t rest = 0;
  char *whole = csn_text_repair(text, room, &rest);
  (void)csn_bytes_add(&job->words, RESULT_MAX, whole, strlen(whole));
  (void)csn_bytes_add(&job->words, RESULT_MAX + sizeof note, note, sizeof note - 1);
  free(whole);
}

static void tell_unknown(struct job *job, const cJSON *tools) {
  char *names = NULL;
  const cJSON *tool;
  cJSON *list = csn_must(cJSON_CreateArray());
  cJSON_ArrayForEach(tool, tools)
    (void)cJSON_AddItemToArray(
        list, csn_must(cJSON_Duplicate(csn_json_get(tool, "name"), false)));
  tell(job, "There is no tool of the name ");
  tell(job, job->name);
  tell(job, ". The tools are: ");
  names = csn_json_line(list);
  tell(job, names ? names : "none");
  free(names);
  cJSON_Delete(list);
}

static void tell_block(struct job *job, const cJSON *block) {
  const char *text = csn_json_string(block, "text"), *type = csn_json_string(block, "mimeType");
  char words[200];
  if (text) {
    tell(job, text);
    return;
  }
  (void)snprintf(words, sizeof words, "[%.100s, which cannot be shown here]", type ? type : "data");
  tell(job, words);
}

static void tell_result(struct job *job, const struct csn_reply *reply) {
  const cJSON *content = csn_json_get(reply->document, "content"), *block;
  if (csn_interrupt_pressed() && reply->result.outcome == CAISSON_OUTCOME_CANCELLED)
    tell(job, CANCELLED "\n");
  if (!cJSON_IsObject(reply->document)) {
    tell(job, *reply->error.message ? reply->error.message
                                    : "The call failed, and nobody said why.");
    return;
  }
  cJSON_ArrayForEach(block, content) {
    if (block != content->child)
      tell(job, "\n");
    tell_block(job, block);
  }
  if (job->words.n == 0)
    tell(job, "(nothing)");
}

/* ---- running --------------------------------------------------------------------------------- */

static bool on_cancelled(void *ctx) {
  (void)ctx;
  return csn_interrupt_pressed();
}

static void on_output(void *ctx, const char *bytes, size_t n) {
  struct job *job = ctx;
  csn_show_output(&job->voice, bytes, n);
}

static void on_progress(void *ctx, int32_t permille, const char *note, size_t n) {
  struct job *job = ctx;
  csn_show_progress(&job->voice, permille, note, n);
}

static void *run(void *ctx) {
  struct job *job = ctx;
  const struct csn_watch watch = {on_cancelled, on_output, on_progress, job};
  const struct csn_call call = {
      .name = job->name,
      .args = job->arguments,
      .options = job->chat->options->request,
      .session = job->chat->session,
      .timeout_ms = job->chat->options->timeout_ms,
      .input = -1,
      .beside = true,
      .watch = &watch,
  };
  struct csn_reply reply;
  csn_host_call(&job->chat->host, &call, &reply);
  tell_result(job, &reply);
  csn_reply_free(&reply);
  return NULL;
}

/* Is there something to run? What there is not is told to the model at once. */
static enum csn_chat_consent prepare(struct job *job, const cJSON *tools,
                                     const struct csn_chat_call *call) {
  const cJSON *tool = find_tool(tools, job->name);
  cJSON *arguments = csn_chat_call_arguments(call);
  char *text = arguments ? csn_must(cJSON_PrintUnformatted(arguments)) : NULL;
  cJSON_Delete(arguments);
  csn_show_call(&job->voice, text ? text : csn_bytes_text(&call->arguments));
  enum csn_chat_consent consent = tool && text ? csn_chat_ask(job->chat, tool, text) : CSN_CHAT_NO;
  if (!tool) {
    tell_unknown(job, tools);
  } else if (!text) {
    tell(job, "The arguments are no JSON object, so nothing was done: ");
    tell(job, csn_bytes_text(&call->arguments));
  } else if (consent == CSN_CHAT_YES) {
    job->arguments = text;
    return consent;
  } else {
    tell(job, consent == CSN_CHAT_STOP ? CANCELLED : REFUSED);
  }
  free(text);
  return consent;
}

/* Signals are for the thread that waits. */
static void start(struct job *job) {
  sigset_t blocked, before;
  csn_interrupt_signals(&blocked);
  (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
  job->has_thread = pthread_create(&job->thread, NULL, run, job) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Those for which there was no thread run here, one after the other. */
static void run_all(struct job *jobs, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (jobs[i].arguments && n > 1)
      start(&jobs[i]);
  for (size_t i = 0; i < n; i++) {
    if (jobs[i].has_thread)
      (void)pthread_join(jobs[i].thread, NULL);
    else if (jobs[i].arguments)
      (void)run(&jobs[i]);
  }
}

static void add_result(struct csn_chat *chat, struct job *job, const struct csn_chat_call *call) {
  cJSON *message = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(message, "role", "tool"));
  (void)csn_must(cJSON_AddStringToObject(message, "tool_call_id", csn_bytes_text(&call->id)));
  (void)csn_must(cJSON_AddStringToObject(message, "content", csn_bytes_text(&job->words)));
  csn_chat_add(chat, message);
  csn_bytes_free(&job->words);
  free(job->arguments);
}

bool csn_chat_tools_run(struct csn_chat *chat, const cJSON *tools,
                        const struct csn_chat_reply *reply) {
  struct job *jobs = csn_must(calloc(reply->call_count, sizeof *jobs));
  bool stopped = false;
  for (size_t i = 0; i < reply->call_count; i++) {
    struct job *job = &jobs[i];
    job->chat = chat;
    job->name = csn_bytes_text(&reply->calls[i].name);
    job->voice = (struct csn_chat_voice){.show = &chat->show, .name = job->name};
    if (stopped)
      tell(job, CANCELLED);
    else
      stopped = prepare(job, tools, &reply->calls[i]) == CSN_CHAT_STOP;
  }
  for (size_t i = 0; stopped && i < reply->call_count; i++)
    if (jobs[i].arguments) { /* allowed before the person thought better of it */
      free(jobs[i].arguments);
      jobs[i].arguments = NULL;
      tell(&jobs[i], CANCELLED);
    }
  run_all(jobs, reply->call_count);
  csn_show_end(&chat->show);
  stopped = stopped || csn_interrupt_pressed();
  for (size_t i = 0; i < reply->call_count; i++)
    add_result(chat, &jobs[i], &reply->calls[i]);
  free(jobs);
  return !stopped;
}
