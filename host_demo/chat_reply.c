/* SPDX-License-Identifier: Apache-2.0 */
/* chat_reply.c: chunks are JSON of a stranger's: each member may be missing or of any type. Does no
 * I/O. */
#include "chat_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "ui.h"

static bool add_text(struct csn_bytes *to, size_t most, const char *text) {
  return !text || csn_bytes_add(to, most, text, strlen(text));
}

/* The first one stays: some endpoints repeat it in each piece. */
static bool set_once(struct csn_bytes *to, const char *text) {
  return to->n > 0 || add_text(to, CSN_CHAT_NAME_MAX, text);
}

/* ---- calls of tools -------------------------------------------------------------------------- */

/* Which call a piece is of: by its index; where an endpoint sends none, an id begins another. */
static int index_of(const struct csn_chat_reply *reply, const cJSON *piece) {
  const cJSON *index = csn_json_get(piece, "index");
  const char *id = csn_json_string(piece, "id");
  int last = reply->call_count > 0 ? reply->calls[reply->call_count - 1].index : -1;
  if (cJSON_IsNumber(index))
    return index->valuedouble >= 0 && index->valuedouble < CSN_CHAT_CALLS ? index->valueint : -1;
  if (index)
    return -1;
  bool another = last < 0 ||
                 (id && strcmp(id, csn_bytes_text(&reply->calls[reply->call_count - 1].id)) != 0);
  return another ? last + 1 : last;
}

static struct csn_chat_call *find_call(struct csn_chat_reply *reply, int index) {
  for (size_t i = 0; i < reply->call_count; i++)
    if (reply->calls[i].index == index)
      return &reply->calls[i];
  if (index < 0 || reply->call_count >= CSN_CHAT_CALLS)
    return NULL;
  struct csn_chat_call *call = &reply->calls[reply->call_count++];
  call->index = index;
  return call;
}

static int take_piece(struct csn_chat_reply *reply, const cJSON *piece,
                      char why[CSN_LOADER_MESSAGE]) {
  const cJSON *function = csn_json_get(piece, "function");
  struct csn_chat_call *call = cJSON_IsObject(piece) ? find_call(reply, index_of(reply, piece))
                                                     : NULL;
  if (!call)
    return csn_why(why, "the endpoint sent a call of a tool that cannot be placed: an answer may "
                        "have %d, numbered from 0", CSN_CHAT_CALLS);
  if (!set_once(&call->id, csn_json_string(piece, "id")) ||
      !set_once(&call->name, csn_json_string(function, "name")))
    return csn_why(why, "the endpoint sent a call of a tool whose name or id is longer than %d "
                        "bytes", CSN_CHAT_NAME_MAX);
  if (!add_text(&call->arguments, CSN_CHAT_ARGUMENTS_MAX, csn_json_string(function, "arguments")))
    return csn_why(why, "the arguments that the model gives to a tool are longer than %zu MiB",
                   CSN_CHAT_ARGUMENTS_MAX >> 20);
  return 0;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static int take_delta(struct csn_chat_reply *reply, const cJSON *delta,
                      char why[CSN_LOADER_MESSAGE]) {
  if (!add_text(&reply->text, CSN_CHAT_TEXT_MAX, csn_json_string(delta, "content")) ||
      !add_text(&reply->text, CSN_CHAT_TEXT_MAX, csn_json_string(delta, "refusal")))
    return csn_why(why, "the answer is longer than %zu MiB", CSN_CHAT_TEXT_MAX >> 20);
  const cJSON *piece;
  cJSON_ArrayForEach(piece, csn_json_get(delta, "tool_calls")) {
    if (take_piece(reply, piece, why) < 0)
      return -1;
  }
  return 0;
}

static double tokens(const cJSON *usage, const char *name) {
  const cJSON *item = csn_json_get(usage, name);
  return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble < 1e12
             ? item->valuedouble
             : 0;
}

/* The last one counts: some endpoints send the sum so far with each chunk. */
static void take_usage(struct csn_chat_reply *reply, const cJSON *usage) {
  if (!cJSON_IsObject(usage))
    return;
  reply->has_usage = true;
  reply->input_tokens = tokens(usage, "prompt_tokens");
  reply->output_tokens = tokens(usage, "completion_tokens");
}

static int take_chunk(struct csn_chat_reply *reply, const cJSON *chunk,
                      char why[CSN_LOADER_MESSAGE]) {
  const cJSON *error = csn_json_get(chunk, "error");
  const cJSON *choice = cJSON_GetArrayItem(csn_json_get(chunk, "choices"), 0);
  const char *finish = csn_json_string(choice, "finish_reason");
  const char *words = csn_json_string(error, "message");
  if (!words)
    words = csn_json_string(chunk, "error");
  if (error && !cJSON_IsNull(error))
    return csn_why(why, "the endpoint gave up: %s", words ? words : "it does not say why");
  take_usage(reply, csn_json_get(chunk, "usage"));
  if (finish)
    (void)snprintf(reply->finish, sizeof reply->finish, "%s", finish);
  return take_delta(reply, csn_json_get(choice, "delta"), why);
}

int csn_chat_reply_take(struct csn_chat_reply *reply, const char *data, size_t n,
                        char why[CSN_LOADER_MESSAGE]) {
  if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
    reply->done = true;
    return 0;
  }
  char *text = csn_text_repair(data, n, NULL);
  cJSON *chunk = cJSON_Parse(text);
  int result = cJSON_IsObject(chunk)
                   ? take_chunk(reply, chunk, why)
                   : csn_why(why, "the endpoint sent a chunk that is no JSON object: %.200s", text);
  cJSON_Delete(chunk);
  free(text);
  return result;
}

bool csn_chat_reply_whole(const struct csn_chat_reply *reply) {
  return reply->done || *reply->finish;
}

/* ---- the message ----------------------------------------------------------------------------- */

cJSON *csn_chat_call_arguments(const struct csn_chat_call *call) {
  const char *text = csn_bytes_text(&call->arguments);
  cJSON *parsed = cJSON_ParseWithOpts(*text ? text : "{}", NULL, true);
  if (cJSON_IsObject(parsed))
    return parsed;
  cJSON_Delete(parsed);
  return NULL;
}

void csn_chat_reply_name_calls(struct csn_chat_reply *reply, unsigned round) {
  char id[48];
  for (size_t i = 0; i < reply->call_count; i++) {
    (void)snprintf(id, sizeof id, "call_%u_%zu", round, i);
    (void)set_once(&reply->calls[i].id, id);
  }
}

static cJSON *call_member(const struct csn_chat_call *call) {
  cJSON *member = csn_must(cJSON_CreateObject()), *arguments = csn_chat_call_arguments(call);
  const char *text = csn_bytes_text(&call->arguments);
  (void)csn_must(cJSON_AddStringToObject(member, "id", csn_bytes_text(&call->id)));
  (void)csn_must(cJSON_AddStringToObject(member, "type", "function"));
  cJSON *function = csn_must(cJSON_AddObjectToObject(member, "function"));
  (void)csn_must(cJSON_AddStringToObject(function, "name", csn_bytes_text(&call->name)));
  (void)csn_must(cJSON_AddStringToObject(function, "arguments", arguments && *text ? text : "{}"));
  cJSON_Delete(arguments);
  return member;
}

cJSON *csn_chat_reply_message(const struct csn_chat_reply *reply, bool with_calls) {
  cJSON *message = csn_must(cJSON_CreateObject());
  (void)csn_must(cJSON_AddStringToObject(message, "role", "assistant"));
  (void)csn_must(cJSON_AddStringToObject(message, "content", csn_bytes_text(&reply->text)));
  if (!with_calls || reply->call_count == 0)
    return message;
  cJSON *calls = csn_must(cJSON_AddArrayToObject(message, "tool_calls"));
  for (size_t i = 0; i < reply->call_count; i++)
    (void)cJSON_AddItemToArray(calls, call_member(&reply->calls[i]));
  return message;
}

void csn_chat_reply_free(struct csn_chat_reply *reply) {
  csn_bytes_free(&reply->text);
  for (size_t i = 0; i < reply->call_count; i++) {
    csn_bytes_free(&reply->calls[i].id);
    csn_bytes_free(&reply->calls[i].name);
    csn_bytes_free(&reply->calls[i].arguments);
  }
  *reply = (struct csn_chat_reply){.call_count = 0};
}
