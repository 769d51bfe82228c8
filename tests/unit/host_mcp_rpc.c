/* SPDX-License-Identifier: Apache-2.0 */
/* What is a message, what is answered to what is none, and how messages are made. */
#include <stdlib.h>
#include <string.h>

#include "host_demo/mcp_rpc.h"
#include "host_demo/text.h"
#include "tap.h"

static void test_kinds(void) {
  static const struct {
    const char *text;
    enum csn_rpc_kind kind;
    int code;
    const char *id;
  } cases[] = {
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}", CSN_RPC_REQUEST, 0, "1"},
      {" {\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"m\",\"params\":{}} \r", CSN_RPC_REQUEST, 0,
       "\"1\""},
      {"{\"jsonrpc\":\"2.0\",\"id\":9007199254740991,\"method\":\"m\"}", CSN_RPC_REQUEST, 0,
       "9007199254740991"},
      {"{\"jsonrpc\":\"2.0\",\"id\":-3,\"method\":\"m\"}", CSN_RPC_REQUEST, 0, "-3"},
      {"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", CSN_RPC_NOTIFICATION, 0, NULL},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", CSN_RPC_RESPONSE, 0, "1"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", CSN_RPC_RESPONSE, 0, "1"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[]}", CSN_RPC_MALFORMED, -32602, "1"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1e300,\"method\":\"m\"}", CSN_RPC_MALFORMED, -32600, NULL},
      {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", CSN_RPC_MALFORMED, -32600, NULL},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\":\"b\\u0000c\"}}",
       CSN_RPC_MALFORMED, -32602, "1"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\":\"\\\\\\u0000\"}}",
       CSN_RPC_MALFORMED, -32602, "1"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\":\"\\\\u0000\"}}",
       CSN_RPC_REQUEST, 0, "1"},
      {"{\"jsonrpc\":2,\"id\":1,\"method\":\"m\"}", CSN_RPC_MALFORMED, -32600, "1"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1}", CSN_RPC_MALFORMED, -32600, "1"},
      {"[]", CSN_RPC_MALFORMED, -32600, NULL},
      {"null", CSN_RPC_MALFORMED, -32600, NULL},
      {"", CSN_RPC_MALFORMED, -32700, NULL},
      {"{\"jsonrpc\":\"2.0\"", CSN_RPC_MALFORMED, -32700, NULL},
      {"{} {}", CSN_RPC_MALFORMED, -32700, NULL},
      {"{\"a\":\"\xff\"}", CSN_RPC_MALFORMED, -32700, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct csn_rpc rpc;
    csn_rpc_read(cases[i].text, strlen(cases[i].text), &rpc);
    int good = rpc.kind == cases[i].kind && rpc.code == cases[i].code && !rpc.id == !cases[i].id &&
               (!rpc.id || strcmp(rpc.id, cases[i].id) == 0);
    ok(good, "\"%s\"", cases[i].text);
    csn_rpc_free(&rpc);
  }
}

static void made_is(char *line, size_t n, const char *wanted, const char *name) {
  ok(strlen(line) == n && strcmp(line, wanted) == 0, "%s: %s", name, line);
  free(line);
}

static void test_making(void) {
  size_t n = 0;
  char *line = csn_rpc_result("1", "{}", 2, NULL, &n);
  made_is(line, n, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", "an empty result");
  line = csn_rpc_result("\"a\"", "{\"b\":{}}", 8, "\"c\":1", &n);
  made_is(line, n, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{\"c\":1,\"b\":{}}}\n", "one with more");
  line = csn_rpc_result("1", " { }", 4, "\"c\":1", &n);
  made_is(line, n, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"c\":1 }}\n", "an empty one with more");
  line = csn_rpc_error(NULL, -32700, "no \xff", NULL, &n);
  made_is(line, n,
          "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"no \xef\xbf\xbd\"}}\n",
          "an error that answers nothing");
  line = csn_rpc_error("2", -1, "x", cJSON_CreateObject(), &n);
  made_is(line, n,
          "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-1,\"message\":\"x\",\"data\":{}}}\n",
          "an error with data");
  line = csn_rpc_notification("m", cJSON_CreateObject(), &n);
  made_is(line, n, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{}}\n", "a notification");
}

static void repaired(const char *bytes, size_t n, int more, size_t left, const char *wanted) {
  size_t rest = 99;
  char *text = csn_text_repair(bytes, n, more ? &rest : NULL);
  ok(strcmp(text, wanted) == 0 && (!more || rest == left), "repaired: %s", wanted);
  free(text);
}

#define FFFD "\xef\xbf\xbd"

static void test_repair(void) {
  repaired("", 0, 1, 0, "");
  repaired("abc", 3, 1, 0, "abc");
  repaired("a\0b", 3, 1, 0, "a" FFFD "b");
  repaired("a\xc3", 2, 1, 1, "a");
  repaired("a\xc3", 2, 0, 0, "a" FFFD);
  repaired("a\xf0\x9f\x98", 4, 1, 3, "a");
  repaired("\xf0\x9f\x98\x80", 4, 1, 0, "\xf0\x9f\x98\x80");
  repaired("\x80\x80\x80\x80", 4, 1, 0, FFFD FFFD FFFD FFFD);
  repaired("\xff\xfe", 2, 1, 0, FFFD FFFD);
  repaired("\xc0\xaf", 2, 1, 0, FFFD FFFD);
  ok(csn_text_is_utf8("gr\xc3\xbcn", 5) && !csn_text_is_utf8("\xed\xa0\x80", 3) &&
         csn_text_is_utf8("", 0),
     "what is UTF-8 and what is not");
}

int main(void) {
  test_kinds();
  test_making();
  test_repair();
  return done_testing();
}
