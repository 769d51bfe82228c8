/* SPDX-License-Identifier: Apache-2.0 */
/* chat_fault.c: what each HTTP status means to somebody who talks to a model. Does no I/O. */
#include "chat_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "ui.h"

#define WORDS_MAX 600

/* What the endpoint itself says: its error's message, or its text. malloc'd. */
static char *own_words(const struct csn_chat_fault *fault) {
  char *text = csn_text_repair(fault->body, fault->body_size, NULL), *found = text;
  cJSON *document = cJSON_Parse(text);
  const cJSON *error = csn_json_get(document, "error");
  const char *words = csn_json_string(error, "message");
  if (!words)
    words = csn_json_string(document, cJSON_IsString(error) ? "error" : "message");
  if (words) {
    found = csn_must(strdup(words));
    free(text);
  }
  cJSON_Delete(document);
  if (fault->key && strstr(found, fault->key))
    *found = '\0';
  csn_text_shorten(found, WORDS_MAX);
  return found;
}

static const char *meaning(const struct csn_chat_fault *fault) {
  static const struct {
    long from, to;
    const char *words;
  } all[] = {
      {400, 400, "it refuses the request"},
      {401, 401, "it refuses the key in OPENAI_API_KEY"},
      {403, 403, "the key in OPENAI_API_KEY may not do this"},
      {404, 404, "there is no such path or model (see --base-url and --model)"},
      {429, 429, "too many requests, or the quota is used up"},
      {500, 599, "it has a fault of its own; try again later"},
      {300, 399, "it sends us elsewhere, where the key would not be safe: give that --base-url"},
  };
  if (fault->status == 401 && !fault->key)
    return "it wants a key: set OPENAI_API_KEY";
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (fault->status >= all[i].from && fault->status <= all[i].to)
      return all[i].words;
  return "that is no answer to a chat";
}

int csn_chat_fault(const struct csn_chat_fault *fault, char why[CSN_LOADER_MESSAGE]) {
  char when[64] = "";
  if (fault->status == 200)
    return csn_why(why, "%s answered with %.100s, not with a stream of events; is --base-url "
                        "right?", fault->url, fault->type ? fault->type : "something else");
  if (fault->wait_s > 0)
    (void)snprintf(when, sizeof when, "; it asks to wait %ld s", fault->wait_s);
  char *words = own_words(fault);
  (void)csn_why(why, "%s: HTTP %ld: %s%s%s%s", fault->url, fault->status, meaning(fault), when,
                *words ? "\n" : "", words);
  free(words);
  return -1;
}
