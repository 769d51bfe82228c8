/* SPDX-License-Identifier: Apache-2.0 */
/* chat_reply.h: a model's answer, put together from the chunks of a streamed chat completion. */
#ifndef HOST_CHAT_REPLY_H
#define HOST_CHAT_REPLY_H

#include <cjson/cJSON.h>

#include "chat_bytes.h"
#include "why.h"

#define CSN_CHAT_TEXT_MAX ((size_t)4 * 1024 * 1024)
#define CSN_CHAT_ARGUMENTS_MAX ((size_t)4 * 1024 * 1024) /* of one call */
#define CSN_CHAT_CALLS 32
#define CSN_CHAT_NAME_MAX 256

struct csn_chat_call {
  int index; /* by which its pieces find each other */
  struct csn_bytes id, name, arguments;
};

struct csn_chat_reply {
  struct csn_bytes text;
  struct csn_chat_call calls[CSN_CHAT_CALLS];
  size_t call_count;
  char finish[32]; /* finish_reason; "" before it came */
  bool has_usage;
  double input_tokens, output_tokens;
  bool done; /* [DONE] came: nothing more will */
};

/* Takes the data of one event. Returns 0, or -1 with the reason in `why`. */
int csn_chat_reply_take(struct csn_chat_reply *reply, const char *data, size_t n,
                        char why[CSN_LOADER_MESSAGE]);

/* All of it was there, though the endpoint may have said no [DONE]. */
bool csn_chat_reply_whole(const struct csn_chat_reply *reply);

/* What the model was asked to call the tool with, or NULL where that is no JSON object. */
cJSON *csn_chat_call_arguments(const struct csn_chat_call *call);

/* The message of role "assistant" for the conversation; without its calls where these are not to be
 * answered. Arguments that are no JSON object stand as {}: an endpoint that reads them would refuse
 * the conversation from then on. */
cJSON *csn_chat_reply_message(const struct csn_chat_reply *reply, bool with_calls);

/* A call without an id gets one here. */
void csn_chat_reply_name_calls(struct csn_chat_reply *reply, unsigned round);

void csn_chat_reply_free(struct csn_chat_reply *reply);

#endif
