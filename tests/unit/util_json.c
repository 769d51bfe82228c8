/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: what is refused and where, how members are read, and that building reports what is missing.
 */
#include "util/json.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"

#define NUL "\\u0000"

static int parse(const char *text, size_t n, cJSON **tree, struct csn_error *err) {
  csn_error_clear(err);
  return csn_json_parse(text, n, 1000, "the arguments", CAISSON_E_ARGUMENTS,
                        CAISSON_REASON_ARGUMENTS, tree, err);
}

static void refuses(const char *text, size_t n, const char *message) {
  cJSON *tree = NULL;
  struct csn_error err;
  int rc = parse(text, n, &tree, &err);
  if (!is_int(rc, CAISSON_E_ARGUMENTS, "refused: %.60s", text)) cJSON_Delete(tree);
  is_str(err.message, message, "the words for %.60s", text);
}

static void accepts(const char *text) {
  cJSON *tree = NULL;
  struct csn_error err;
  is_int(parse(text, strlen(text), &tree, &err), 0, "taken: %.60s (%s)", text, err.message);
  cJSON_Delete(tree);
}

#define AT(line, column, words)                                                                    \
  "the arguments: not valid JSON at line " #line ", column " #column ": " words
#define REFUSES(text, message) refuses(text, sizeof(text) - 1, message)

static void test_grammar(void) {
  static const char *const good[] = {
      "{}",
      "[]",
      " [ ] ",
      "null",
      "true",
      "false",
      "0",
      "-0",
      "-1.5e+3",
      "1E9",
      "\"\"",
      "{\"a\":[1,{\"b\":null}],\"c\":\"\"}",
      "\"\\ud83d\\ude00 \\u00e9 \\\\u0000 \\n\"",
      "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
      "{\"\":1}",
      "[[],[],{}]",
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) accepts(good[i]);
  REFUSES("", AT(1, 1, "the text ends where a value is expected"));
  REFUSES("{\"a\" 1}", AT(1, 6, "':' is expected here"));
  REFUSES("{\"a\":1,}", AT(1, 8, "a name in double quotes is expected here"));
  REFUSES("{a:1}", AT(1, 2, "a name in double quotes is expected here"));
  REFUSES("[1,]", AT(1, 4, "a value is expected here (text needs double quotes)"));
  REFUSES("[1 2]", AT(1, 4, "',' or ']' is expected here"));
  REFUSES("{\"a\":1\n \"b\":2}", AT(2, 2, "',' or '}' is expected here"));
  REFUSES("{\"a\":1", AT(1, 7, "the text ends inside an object"));
  REFUSES("[1", AT(1, 3, "the text ends inside an array"));
  REFUSES("{} {}", AT(1, 4, "something follows the end of the JSON value"));
  REFUSES("{'a':1}", AT(1, 2, "a name in double quotes is expected here"));
  REFUSES("tru", AT(1, 1, "a value is expected here (text needs double quotes)"));
  REFUSES("NaN", AT(1, 1, "a value is expected here (text needs double quotes)"));
  REFUSES("01", AT(1, 2, "a number does not begin with 0"));
  REFUSES("1.", AT(1, 3, "a digit is missing"));
  REFUSES("-", AT(1, 2, "a digit is missing"));
  accepts("0.1234567890123456789012345678901234567890123456789012345678901");
  REFUSES("0.12345678901234567890123456789012345678901234567890123456789012",
          AT(1, 65, "a number has too many digits"));
  REFUSES("1e", AT(1, 3, "a digit is missing"));
  REFUSES("+1", AT(1, 1, "a value is expected here (text needs double quotes)"));
  REFUSES("\"abc", AT(1, 5, "the text ends inside a string"));
  REFUSES("\"abc\\", AT(1, 5, "the text ends inside a string"));
  REFUSES("[]]", AT(1, 3, "something follows the end of the JSON value"));
}

static void test_strings(void) {
  REFUSES("\"a\nb\"", AT(1, 3, "a newline inside a string is written \\n"));
  REFUSES("\"a\tb\"", AT(1, 3, "a tab inside a string is written \\t"));
  REFUSES("\"\x01\"", AT(1, 2, "a control character inside a string is written \\u00.."));
  REFUSES("\"a\0b\"", AT(1, 3, "a NUL byte cannot be passed on"));
  REFUSES("\"ab" NUL "c\"", AT(1, 4, "a NUL character (\\u0000) cannot be passed on"));
  REFUSES("\"\\\\" NUL "\"", AT(1, 4, "a NUL character (\\u0000) cannot be passed on"));
  REFUSES("{\"a" NUL "\":1}", AT(1, 4, "a NUL character (\\u0000) cannot be passed on"));
  accepts("\"\\\\u0000\"");
  REFUSES("\"\\x41\"", AT(1, 2, "no such escape; write \\\\ for a backslash"));
  REFUSES("\"\\u12g4\"", AT(1, 2, "\\u needs four hexadecimal digits"));
  REFUSES("\"\\u12", AT(1, 2, "\\u needs four hexadecimal digits"));
  REFUSES("\"\\ud800\"", AT(1, 2, "half of a surrogate pair"));
  REFUSES("\"\\ud800\\u0041\"", AT(1, 2, "half of a surrogate pair"));
  REFUSES("\"\\ud83d\\ud83d\\ude00\"", AT(1, 2, "half of a surrogate pair"));
  REFUSES("\"\\ude00\"", AT(1, 2, "half of a surrogate pair"));
  REFUSES("\"\xe2\x82\xac\xff\"", AT(1, 3, "invalid UTF-8"));
  REFUSES("\"\xe2\x82", AT(1, 2, "invalid UTF-8"));
  REFUSES("\"\xed\xa0\x80\"", AT(1, 2, "invalid UTF-8"));
  REFUSES("{\"a\":x\xff}", AT(1, 6, "a value is expected here (text needs double quotes)"));
}

static void test_caps(void) {
  char deep[2 * (CSN_JSON_DEPTH_MAX + 1) + 1] = "";
  memset(deep, '[', CSN_JSON_DEPTH_MAX);
  memset(deep + CSN_JSON_DEPTH_MAX, ']', CSN_JSON_DEPTH_MAX);
  accepts(deep);
  memset(deep, '[', CSN_JSON_DEPTH_MAX + 1);
  memset(deep + CSN_JSON_DEPTH_MAX + 1, ']', CSN_JSON_DEPTH_MAX + 1);
  refuses(deep, strlen(deep), AT(1, 65, "nested too deeply"));
  char longer[1003];
  memset(longer, ' ', sizeof longer);
  memcpy(longer, "{}", 2);
  refuses(longer, 1001, "the arguments: 1001 bytes are too long; at most 1000 are taken");
  REFUSES("[1e999]", "the arguments: a number is too large");
}

static void test_duplicates(void) {
  REFUSES("{\"a\":1,\"b\":2,\"a\":3}", "the arguments: \"a\" is given twice in one object");
  REFUSES("{\"x\":[{\"b\":2,\"b\":2}]}", "the arguments: \"b\" is given twice in one object");
  REFUSES("{\"a\":1,\"\\u0061\":2}", "the arguments: \"a\" is given twice in one object");
  accepts("{\"a\":{\"a\":1},\"A\":2,\"b\":{\"a\":1}}");
}

static void test_reading(void) {
  cJSON *tree = NULL;
  struct csn_error err;
  static const char text[] =
      "{\"s\":\"x\",\"i\":7,\"f\":1.5,\"big\":9007199254740992,\"most\":9007199254740991,"
      "\"t\":true,\"n\":null,\"env\":{\"A\":\"1\",\"N\":2,\"B\":\"\"}}";
  is_int(parse(text, strlen(text), &tree, &err), 0, "a document: %s", err.message);
  is_str(csn_json_string(tree, "s", "no"), "x", "a string");
  is_str(csn_json_string(tree, "i", "no"), "no", "no string");
  is_str(csn_json_string(tree, "S", "no"), "no", "names keep their case");
  is_str(csn_json_string(NULL, "s", "no"), "no", "no object");
  is_int(csn_json_int(tree, "i", -1), 7, "an integer");
  is_int(csn_json_int(tree, "f", -1), -1, "not an integer");
  is_int(csn_json_int(tree, "big", -1), -1, "2^53 is not exact any more");
  is_int(csn_json_int(tree, "most", -1), CSN_JSON_INT_MAX, "2^53 - 1 is");
  ok(csn_json_number(tree, "f", 0) > 1.4 && csn_json_number(tree, "f", 0) < 1.6, "a number");
  is_int(csn_json_bool(tree, "t", 0), 1, "true");
  is_int(csn_json_bool(tree, "n", 1), 1, "null is no boolean");
  const cJSON *env = csn_json_get(tree, "env"), *m = csn_json_next_string(env, NULL);
  is_str(m ? m->string : NULL, "A", "the first string member");
  m = csn_json_next_string(env, m);
  is_str(m ? m->string : NULL, "B", "the next one, past a number");
  ok(!csn_json_next_string(env, m), "and no more");
  ok(!csn_json_next_string(NULL, NULL), "none in no object");
  cJSON_Delete(tree);
}

static void test_building(void) {
  cJSON *o = cJSON_CreateObject();
  int rc = csn_json_add_string(o, "s", "\"\xc3\xa9\n");
  rc |= csn_json_add_int(o, "i", -5);
  rc |= csn_json_add_uint(o, "u", UINT64_C(9007199254740991));
  rc |= csn_json_add_number(o, "n", 0.5);
  rc |= csn_json_add_bool(o, "b", 2);
  cJSON *list = csn_json_add_array(o, "l");
  rc |= csn_json_append_string(list, "x");
  rc |= csn_json_add_string(csn_json_add_object(o, "o"), "k", "v");
  is_int(rc, 0, "everything was added");
  char *text = csn_json_print(o);
  is_str(text,
         "{\"s\":\"\\\"\xc3\xa9\\n\",\"i\":-5,\"u\":9007199254740991,\"n\":0.5,\"b\":true,"
         "\"l\":[\"x\"],\"o\":{\"k\":\"v\"}}",
         "printed without white space");
  csn_free(text);
  is_int(csn_json_add(o, "none", NULL), CAISSON_E_NOMEM, "an item that is missing is an error");
  is_int(csn_json_add_string(o, "none", NULL), CAISSON_E_NOMEM, "so is a missing text");
  is_int(csn_json_add_int(NULL, "none", 1), CAISSON_E_NOMEM, "and a missing object");
  is_int(csn_json_append(NULL, cJSON_CreateNull()), CAISSON_E_NOMEM, "and a missing array");
  ok(!csn_json_add_object(NULL, "none") && !csn_json_add_array(NULL, "none"), "and their children");
  csn_alloc_fail_after(1);
  ok(!csn_json_print(o), "no memory for the text");
  csn_alloc_fail_after(0);
  cJSON_Delete(o);
}

static void test_no_memory(void) {
  cJSON *tree = NULL;
  struct csn_error err;
  csn_alloc_fail_after(1);
  is_int(parse("{\"a\":1,\"b\":2}", 13, &tree, &err), CAISSON_E_NOMEM, "no memory for the names");
  csn_alloc_fail_after(0);
}

static void test_sizes(void) {
  static const struct {
    const char *text;
    long long bytes; /* -1: refused */
  } rows[] = {
      {"0", 0},
      {"65536", 65536},
      {"1k", 1024},
      {"512m", 536870912},
      {"2G", 2147483648LL},
      {"1mb", 1048576},
      {"1MiB", 1048576},
      {"3b", 3},
      {"", -1},
      {"m", -1},
      {"1.5g", -1},
      {"-1", -1},
      {" 1", -1},
      {"1 m", -1},
      {"1t", -1},
      {"9007199254740991", 9007199254740991LL},
      {"9007199254740992", -1},
      {"8796093022208k", -1},
      {"99999999999999999999999", -1},
      {"lots", -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t bytes = 0;
    int rc = csn_size_parse(rows[i].text, &bytes);
    is_int(rc ? -1 : (long long)bytes, rows[i].bytes, "the size \"%s\"", rows[i].text);
  }
}

int main(void) {
  test_grammar();
  test_strings();
  test_caps();
  test_duplicates();
  test_reading();
  test_building();
  test_no_memory();
  test_sizes();
  return done_testing();
}
