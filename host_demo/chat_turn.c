/* SPDX-License-Identifier: Apache-2.0 */
/* chat_turn.c: a prompt, and the model's answers and calls of tools that follow from it. Whatever
 * goes wrong ends the turn; the conversation is then one that can go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "chat_stream.h"
#include "chat_transcript.h"
#include "commands.h"
#include "interrupt.h"
#include "json.h"
#include "ui.h"

#define ROUNDS_MAX 50 /* answers with calls in one turn */
#define MILLION 1e6

/* Tokens of a turn. */
struct spent {
  double input, output;
  bool known;
};

/* ---- the conversation ------------------------------------------------------------------------ */

void csn_chat_add(struct csn_chat *chat, cJSON *message) {
  csn_transcript_add(chat->transcript, message);
  (void)cJSON_AddItemToArray(chat->messages, message);
}

static void add_prompt(struct csn_chat *chat, const char *prompt) {
  cJSON *message = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(message, "role", "user"));
  (void)csn_must(cJSON_AddStringToObject(message, "content", prompt));
  csn_chat_add(chat, message);
}

/* The messages are lent to the document while it is printed: they may be many. */
static char *make_request(const struct csn_chat *chat, const cJSON *tools) {
  cJSON *request = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(request, "model", chat->options->model));
  (void)csn_must(cJSON_AddTrueToObject(request, "stream"));
  cJSON *stream_options = csn_must(cJSON_AddObjectToObject(request, "stream_options"));
  (void)csn_must(cJSON_AddTrueToObject(stream_options, "include_usage"));
  (void)cJSON_AddItemReferenceToObject(request, "messages", chat->messages);
  if (cJSON_GetArraySize(tools) > 0)
    (void)cJSON_AddItemToObject(request, "tools", csn_chat_tools_offer(tools));
  char *text = csn_must(cJSON_PrintUnformatted(request));
  cJSON_Delete(request);
  return text;
}

/* ---- one answer ------------------------------------------------------------------------------ */

struct listening {
  struct csn_sse stream;
  struct csn_chat_reply *reply;
  size_t shown; /* of its text */
  char *why;
};

static int on_event(void *ctx, const char *data, size_t n) {
  struct listening *l = ctx;
  if (csn_chat_reply_take(l->reply, data, n, l->why) < 0)
    return -1;
  if (l->reply->text.n > l->shown)
    csn_show_answer(csn_bytes_text(&l->reply->text) + l->shown);
  l->shown = l->reply->text.n;
  return l->reply->done;
}

static int on_bytes(void *ctx, const char *bytes, size_t n, char why[CSN_LOADER_MESSAGE]) {
  struct listening *l = ctx;
  l->why = why;
  int result = csn_sse_feed(&l->stream, bytes, n, on_event, l);
  if (result == CSN_SSE_TOO_LONG)
    return csn_why(why, "the endpoint sent an event of more than %zu MiB", CSN_SSE_MAX >> 20);
  return result;
}

/* True where the answer is all there. */
static bool ask(struct csn_chat *chat, const cJSON *tools, struct csn_chat_reply *reply) {
  char why[CSN_LOADER_MESSAGE] = "", *request = make_request(chat, tools);
  struct listening l = {.reply = reply};
  csn_show_waiting(chat->options->model);
  enum csn_http_end end = csn_chat_http_post(chat->http, request, on_bytes, &l, why);
  csn_ui_progress_clear();
  if (l.shown > 0 && csn_bytes_text(&reply->text)[l.shown - 1] != '\n')
    csn_show_answer("\n");
  if (end == CSN_HTTP_WHOLE && !csn_chat_reply_whole(reply)) {
    end = CSN_HTTP_FAILED;
    (void)csn_why(why, "the connection ended in the middle of the answer");
  }
  if (end == CSN_HTTP_FAILED)
    csn_ui_say("%s", why);
  else if (end == CSN_HTTP_INTERRUPTED)
    csn_ui_say("the answer was interrupted");
  csn_sse_free(&l.stream);
  free(request);
  return end == CSN_HTTP_WHOLE;
}

static void say_finish(const struct csn_chat_reply *reply) {
  if (strcmp(reply->finish, "length") == 0)
    csn_ui_say("the answer was cut: it is as long as the model's limit of tokens");
  else if (strcmp(reply->finish, "content_filter") == 0)
    csn_ui_say("the endpoint's filter has cut the answer");
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static void count(struct spent *spent, const struct csn_chat_reply *reply) {
  spent->known = spent->known || reply->has_usage;
  spent->input += reply->input_tokens;
  spent->output += reply->output_tokens;
}

static void say_spent(const struct csn_chat *chat, const struct spent *spent) {
  char cost[64] = "";
  if (!spent->known)
    return;
  if (chat->input_price >= 0)
    (void)snprintf(cost, sizeof cost, ", $%.4f",
                   (spent->input * chat->input_price + spent->output * chat->output_price) /
                       MILLION);
  (void)fprintf(stderr, "%s[tokens: %.0f in, %.0f out%s]%s\n",
                csn_ui_style(stderr, CSN_UI_FAINT), spent->input, spent->output, cost,
                csn_ui_style(stderr, CSN_UI_PLAIN));
}

/* ---- a turn ---------------------------------------------------------------------------------- */

enum round_end { GOES_ON, ANSWERED, ENDED };

static enum round_end make_round(struct csn_chat *chat, struct spent *spent) {
  struct csn_chat_reply reply = {.call_count = 0};
  cJSON *tools = csn_tools_list(&chat->host); /* others, after another version of the plugin */
  bool whole = ask(chat, tools, &reply);
  enum round_end end = whole ? ANSWERED : ENDED;
  count(spent, &reply);
  csn_chat_reply_name_calls(&reply, chat->rounds++);
  if (whole)
    say_finish(&reply);
  /* Of an answer that was cut the person has seen the beginning. */
  if (whole || reply.text.n > 0)
    csn_chat_add(chat, csn_chat_reply_message(&reply, whole));
  if (whole && reply.call_count > 0)
    end = csn_chat_tools_run(chat, tools, &reply) ? GOES_ON : ENDED;
  cJSON_Delete(tools);
  csn_chat_reply_free(&reply);
  return end;
}

int csn_chat_turn(struct csn_chat *chat, const char *prompt) {
  struct spent spent = {.known = false};
  enum round_end end = GOES_ON;
  add_prompt(chat, prompt);
  csn_interrupt_enter(CSN_INTERRUPT_CALL);
  for (int round = 0; end == GOES_ON && round < ROUNDS_MAX; round++)
    end = make_round(chat, &spent);
  if (end == GOES_ON)
    csn_ui_say("stopped after %d rounds of tools; to go on, say so", ROUNDS_MAX);
  bool pressed = csn_interrupt_pressed();
  say_spent(chat, &spent);
  csn_interrupt_enter(CSN_INTERRUPT_LINE);
  if (end == ANSWERED)
    return 0;
  return pressed ? CAISSON_EXIT_CANCELLED : CSN_EXIT_FAILED;
}
