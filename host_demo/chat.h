/* SPDX-License-Identifier: Apache-2.0 */
/* chat.h: a conversation of a person, a model and the plugin's tools; what its files share. */
#ifndef HOST_CHAT_H
#define HOST_CHAT_H

#include "chat_http.h"
#include "chat_reply.h"
#include "chat_show.h"
#include "host.h"
#include "mcp_in.h"

struct csn_chat {
  struct csn_host host;
  const struct csn_options *options;
  const char *session;
  struct csn_chat_http *http;
  struct csn_chat_show show;
  struct csn_in in; /* a person's answers, and prompts from a pipe */
  int transcript;   /* a descriptor, or -1 */
  double input_price, output_price; /* dollars for a million tokens; negative: not known */
  cJSON *messages;                  /* all of the conversation */
  cJSON *allowed;                   /* tools that need no asking any more, as members */
  unsigned rounds;                  /* answers so far */
};

/* Adds it, to the transcript too. */
void csn_chat_add(struct csn_chat *chat, cJSON *message);

/* What is said and done until the model has no more calls. An exit code. */
int csn_chat_turn(struct csn_chat *chat, const char *prompt);

/* The tools as a request has them: a list of the caller's. */
cJSON *csn_chat_tools_offer(const cJSON *tools);

/* Runs an answer's calls, at the same time, and adds a message for each, in their order. `tools` is
 * what was offered. False where the person has interrupted them. */
bool csn_chat_tools_run(struct csn_chat *chat, const cJSON *tools,
                        const struct csn_chat_reply *reply);

enum csn_chat_consent { CSN_CHAT_YES, CSN_CHAT_NO, CSN_CHAT_STOP };

/* Asks the person, where --approve says so and the tool's annotations call it destructive. */
enum csn_chat_consent csn_chat_ask(struct csn_chat *chat, const cJSON *tool, const char *arguments);

#endif
