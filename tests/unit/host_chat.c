/* SPDX-License-Identifier: Apache-2.0 */
/* A streamed chat completion: events out of bytes, and an answer out of events. */
#include <stdlib.h>
#include <string.h>

#include "host_demo/chat_fault.h"
#include "host_demo/chat_reply.h"
#include "host_demo/chat_stream.h"
#include "tap.h"

/* ---- events ---------------------------------------------------------------------------------- */

static int keep(void *ctx, const char *data, size_t n) {
  (void)csn_bytes_add(ctx, 1000, data, n);
  (void)csn_bytes_add(ctx, 1000, "|", 1);
  return strcmp(data, "stop") == 0;
}

static void test_events(void) {
  static const struct {
    const char *bytes, *events;
  } cases[] = {
      {"data: a\n\n", "a|"},
      {"data:a\r\n\r\ndata: b\r\n\r\n", "a|b|"},
      {"data: a\r\rdata:  b\r\r", "a| b|"},
      {"data: a\ndata: b\n\n", "a\nb|"},
      {"data\n\n", "|"},
      {"data:\ndata\n\n", "\n|"},
      {"\xef\xbb\xbf" "data: a\n\n", "a|"},
      {": comment\n\nevent: x\nid: 1\nretry: 2\ndata: a\n\n", "a|"},
      {"datas: a\nDATA: b\n data: c\n\n\n\n", ""},
      {"data: not ended\n", ""},
      {"", ""},
      {"data: a\n\ndata: stop\n\ndata: b\n\n", "a|stop|"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (size_t piece = 1; piece <= 100; piece *= 10) {
      struct csn_sse stream = {.has_data = false};
      struct csn_bytes got = {.at = NULL};
      size_t n = strlen(cases[i].bytes);
      int end = 0;
      for (size_t at = 0; at < n && !end; at += piece)
        end = csn_sse_feed(&stream, cases[i].bytes + at, n - at < piece ? n - at : piece, keep,
                              &got);
      ok(strcmp(csn_bytes_text(&got), cases[i].events) == 0 &&
             end == (strstr(cases[i].events, "stop") != NULL),
         "event case %zu in pieces of %zu", i, piece);
      csn_bytes_free(&got);
      csn_sse_free(&stream);
    }
}

/* Lines below the maximum each, and one above. */
static void test_too_long(void) {
  struct csn_sse stream = {.has_data = false};
  struct csn_bytes got = {.at = NULL};
  char *block = calloc(1, CSN_SSE_MAX);
  memset(block, 'x', CSN_SSE_MAX);
  is_int(csn_sse_feed(&stream, block, CSN_SSE_MAX, keep, &got), 0, "a line of the maximum");
  is_int(csn_sse_feed(&stream, "x", 1, keep, &got), CSN_SSE_TOO_LONG, "one more is too long");
  csn_sse_free(&stream);
  stream = (struct csn_sse){.has_data = false};
  int end = 0;
  for (int i = 0; i < 5 && !end; i++) {
    memcpy(block, "data: ", 6);
    end = csn_sse_feed(&stream, block, CSN_SSE_MAX / 4, keep, &got);
    if (!end)
      end = csn_sse_feed(&stream, "\n", 1, keep, &got);
  }
  is_int(end, CSN_SSE_TOO_LONG, "as are the lines of one event together");
  csn_sse_free(&stream);
  csn_bytes_free(&got);
  free(block);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct csn_chat_reply reply;
static char why[CSN_LOADER_MESSAGE];

static int take(const char *chunk) {
  return csn_chat_reply_take(&reply, chunk, strlen(chunk), why);
}

static void message_is(bool with_calls, const char *wanted, const char *name) {
  cJSON *message = csn_chat_reply_message(&reply, with_calls);
  char *text = cJSON_PrintUnformatted(message);
  ok(strcmp(text, wanted) == 0, "%s: %s", name, text);
  free(text);
  cJSON_Delete(message);
}

#define DELTA(members) "{\"choices\":[{\"delta\":{" members "}}]}"
#define CALLS(list) DELTA("\"tool_calls\":[" list "]")

static void test_text(void) {
  is_int(take(DELTA("\"role\":\"assistant\",\"content\":\"Hel\"")), 0, "text");
  is_int(take(DELTA("\"content\":\"lo \xff\"")), 0, "bytes that are not UTF-8");
  is_int(take(DELTA("\"content\":null,\"refusal\":\"no\"")), 0, "a refusal");
  ok(!csn_chat_reply_whole(&reply), "not at its end");
  is_int(take("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"), 0, "the end");
  ok(csn_chat_reply_whole(&reply) && !reply.done, "is one, though [DONE] is to come");
  is_int(take("{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}"), 0, "usage");
  is_int(take("{\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":-2}}"), 0, "again");
  ok(reply.has_usage && reply.input_tokens > 6.5 && reply.output_tokens < 0.5, "the last counts");
  is_int(take("[DONE]"), 0, "[DONE]");
  ok(reply.done, "is seen");
  message_is(true, "{\"role\":\"assistant\",\"content\":\"Hello \xef\xbf\xbdno\"}", "the message");
  csn_chat_reply_free(&reply);
}

static void test_calls(void) {
  is_int(take(CALLS("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"two\","
                    "\"arguments\":\"{\\\"a\"}}")),
         0, "a call");
  is_int(take(CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"one\"}},"
                    "{\"index\":1,\"id\":\"x\",\"function\":{\"name\":\"y\","
                    "\"arguments\":\"\\\":1}\"}}")),
         0, "pieces of two");
  is_int(take(CALLS("{\"index\":2,\"function\":{\"name\":\"three\",\"arguments\":\"[1]\"}}")), 0,
     "one without an id");
  csn_chat_reply_name_calls(&reply, 4);
  cJSON *arguments = csn_chat_call_arguments(&reply.calls[2]);
  ok(!arguments, "arguments that are no object");
  message_is(true,
             "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":["
             "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"two\","
             "\"arguments\":\"{\\\"a\\\":1}\"}},"
             "{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"one\","
             "\"arguments\":\"{}\"}},"
             "{\"id\":\"call_4_2\",\"type\":\"function\",\"function\":{\"name\":\"three\","
             "\"arguments\":\"{}\"}}]}",
             "the calls");
  message_is(false, "{\"role\":\"assistant\",\"content\":\"\"}", "and without them");
  csn_chat_reply_free(&reply);
  is_int(take(CALLS("{\"id\":\"a\",\"function\":{\"name\":\"one\",\"arguments\":\"{\"}},"
                "{\"function\":{\"arguments\":\"}\"}},{\"id\":\"b\"}")), 0,
     "calls without numbers");
  ok(reply.call_count == 2 && strcmp(reply.calls[0].arguments.at, "{}") == 0,
     "are told apart by their ids");
  csn_chat_reply_free(&reply);
}

static void test_refusals(void) {
  static const struct {
    const char *chunk, *words;
  } cases[] = {
      {"{nope", "no JSON object: {nope"},
      {"[]", "no JSON object"},
      {"", "no JSON object"},
      {"{\"error\":{\"message\":\"Too \\n bad.\"}}", "gave up: Too"},
      {"{\"error\":\"words\"}", "gave up: words"},
      {"{\"error\":{}}", "does not say why"},
      {CALLS("{\"index\":32}"), "cannot be placed"},
      {CALLS("{\"index\":-1}"), "cannot be placed"},
      {CALLS("{\"index\":1e300}"), "cannot be placed"},
      {CALLS("{\"index\":\"0\"}"), "cannot be placed"},
      {CALLS("7"), "cannot be placed"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    *why = '\0';
    ok(take(cases[i].chunk) < 0 && strstr(why, cases[i].words), "%s: %s", cases[i].chunk, why);
    csn_chat_reply_free(&reply);
  }
  is_int(take("{\"choices\":7,\"usage\":7}") + take(DELTA("\"content\":7")), 0,
         "members of other types are passed over");
  csn_chat_reply_free(&reply);
}

/* A chunk whose one string has n bytes, again and again until it is refused. */
static int repeat(const char *head, const char *tail, size_t n) {
  char *chunk = malloc(strlen(head) + n + strlen(tail) + 1), *to = stpcpy(chunk, head);
  memset(to, 'x', n);
  (void)strcpy(to + n, tail);
  int taken = 0;
  while (taken < 100 && take(chunk) == 0)
    taken++;
  free(chunk);
  csn_chat_reply_free(&reply);
  return taken;
}

#define CALL_HEAD "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"

static void test_limits(void) {
  const size_t mib = (size_t)1 << 20;
  is_int(repeat("{\"choices\":[{\"delta\":{\"content\":\"", "\"}}]}", mib), 4, "an answer");
  ok(strstr(why, "longer than 4 MiB") != NULL, "has a maximum, which is said");
  is_int(repeat(CALL_HEAD "\"arguments\":\"", "\"}}]}}]}", mib), 4, "arguments have one");
  is_int(repeat(CALL_HEAD "\"name\":\"", "\"}}]}}]}", CSN_CHAT_NAME_MAX + 1), 0, "and a name");
}

/* ---- refusals of the endpoint ---------------------------------------------------------------- */

static void test_faults(void) {
  static const struct {
    long status, wait_s;
    const char *key, *body, *words;
  } cases[] = {
      {401, 0, "k-1", "{\"error\":{\"message\":\"bad\"}}", "the key in OPENAI_API_KEY\nbad"},
      {401, 0, NULL, "", "set OPENAI_API_KEY"},
      {401, 0, "k-1", "{\"error\":\"k-1 is bad\"}", "refuses the key in OPENAI_API_KEY"},
      {429, 9, "k-1", "{\"message\":\"slow\"}", "wait 9 s\nslow"},
      {502, 0, NULL, "<html>\xff", "fault of its own; try again later\n<html>\xef\xbf\xbd"},
      {301, 0, NULL, "", "elsewhere"},
      {204, 0, NULL, "", "no answer to a chat"},
      {200, 0, NULL, "x", "answered with text/html, not"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct csn_chat_fault fault = {"http://x", cases[i].key, "text/html", cases[i].status,
                                         cases[i].wait_s, cases[i].body, strlen(cases[i].body)};
    ok(csn_chat_fault(&fault, why) == -1 && strstr(why, cases[i].words) && !strstr(why, "k-1"),
       "a fault: %s", why);
  }
}

int main(void) {
  test_events();
  test_too_long();
  test_text();
  test_calls();
  test_refusals();
  test_limits();
  test_faults();
  return done_testing();
}
