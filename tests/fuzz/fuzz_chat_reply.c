/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks of a chat completion, one on each line: whatever they hold, a message can be made. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host_demo/chat_reply.h"
#include "host_demo/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each call that goes back to the endpoint has an id and arguments that are an object. */
static void check_calls(const struct csn_chat_reply *reply, const cJSON *message) {
  const cJSON *calls = cJSON_GetObjectItem(message, "tool_calls"), *call;
  if ((size_t)cJSON_GetArraySize(calls) != reply->call_count) abort();
  cJSON_ArrayForEach(call, calls) {
    const char *text = cJSON_GetStringValue(
        cJSON_GetObjectItem(cJSON_GetObjectItem(call, "function"), "arguments"));
    cJSON *arguments = cJSON_Parse(text);
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(call, "id"));
    if (!cJSON_IsObject(arguments) || !id || !*id) abort();
    cJSON_Delete(arguments);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct csn_chat_reply reply = {.call_count = 0};
  static char why[CSN_LOADER_MESSAGE];
  const char *at = (const char *)data, *end = at + size;
  while (at < end && !reply.done) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t n = newline ? (size_t)(newline - at) : (size_t)(end - at);
    *why = '\0';
    if (csn_chat_reply_take(&reply, at, n, why) < 0 && !*why) abort();
    at += newline ? n + 1 : n;
  }
  csn_chat_reply_name_calls(&reply, 1);
  cJSON *message = csn_chat_reply_message(&reply, true);
  char *text = cJSON_PrintUnformatted(message);
  if (!text || !csn_text_is_utf8(text, strlen(text))) abort();
  check_calls(&reply, message);
  free(text);
  cJSON_Delete(message);
  csn_chat_reply_free(&reply);
  return 0;
}
