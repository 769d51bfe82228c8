/* SPDX-License-Identifier: Apache-2.0 */
/* A report is valid JSON, whatever is put into it. */
#include <cjson/cJSON.h>
#include <string.h>

#include "guest/files/answer.h"
#include "tap.h"
#include "util/json.h"

static void test_bytes(void) {
  static const struct {
    const char *bytes;
    size_t n;
    const char *read;
  } cases[] = {
      {"plain", 5, "plain"},           {"a\"b\\c/", 6, "a\"b\\c/"},
      {"\n\t\x01\x1f", 4, "\n\t\x01\x1f"}, {"a\0b", 3, "a\xef\xbf\xbd" "b"},
      {"\xff", 1, "\xef\xbf\xbd"},      {"\xc3\xa9", 2, "\xc3\xa9"},
      {"", 0, ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_answer answer = CSN_ANSWER;
    struct csn_error err;
    cJSON *json = NULL;
    csn_answer_object(&answer, NULL);
    csn_answer_bytes(&answer, "it", cases[i].bytes, cases[i].n);
    csn_answer_end_object(&answer);
    is_int(csn_json_parse(answer.text.data, answer.text.size, 1000, "it", -1, "x", &json, &err), 0,
           "bytes %zu: the host can read it", i);
    is_str(csn_json_string(json, "it", "none"), cases[i].read, "and reads what was meant");
    cJSON_Delete(json);
    csn_buffer_free(&answer.text);
  }
}

static void test_nesting(void) {
  struct csn_answer answer = CSN_ANSWER;
  csn_answer_object(&answer, NULL);
  csn_answer_array(&answer, "list");
  csn_answer_number(&answer, NULL, -5);
  csn_answer_object(&answer, NULL);
  csn_answer_bool(&answer, "yes", true);
  csn_answer_end_object(&answer);
  csn_answer_array(&answer, NULL);
  csn_answer_end_array(&answer);
  csn_answer_end_array(&answer);
  csn_answer_string(&answer, "last", "z");
  csn_answer_end_object(&answer);
  is_str(csn_buffer_text(&answer.text), "{\"list\":[-5,{\"yes\":true},[]],\"last\":\"z\"}",
         "commas where they belong");
  csn_buffer_free(&answer.text);
}

static void test_limit(void) {
  struct csn_answer answer = CSN_ANSWER;
  csn_answer_array(&answer, NULL);
  for (int i = 0; i < 1000000 && !answer.failed; i++) csn_answer_string(&answer, NULL, "0123456789");
  ok(answer.failed, "it has a limit");
  ok(answer.text.size <= CSN_ANSWER_MAX, "which it keeps to");
  csn_buffer_free(&answer.text);
}

int main(void) {
  test_bytes();
  test_nesting();
  test_limit();
  return done_testing();
}
