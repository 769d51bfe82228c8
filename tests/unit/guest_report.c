/* SPDX-License-Identifier: Apache-2.0 */
/* The report as a whole, of this process: JSON whatever happens, within its room, and the writer
 * that sees to that. */
#include "guest/report.h"
#include "guest/report_json.h"

#include <unistd.h>

#include "tap.h"
#include "util/json.h"

static cJSON *parse(const char *bytes, size_t n) {
  cJSON *json = NULL;
  struct csn_error err = {0};
  if (csn_json_parse(bytes, n, 1 << 16, "it", -1, "x", &json, &err)) diag("%s", err.message);
  return json;
}

/* ---- the writer ------------------------------------------------------------------------------ */

static void test_strings(void) {
  static const char bad[] = "a\"b\\c\n\x7f\x01 \xff\xc3(\xe2\x82 \xf0\x9f\x98\x80\0z";
  char bytes[256];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes};
  csn_report_object(&json, NULL);
  csn_report_bytes(&json, "t", bad, sizeof bad - 1);
  csn_report_end_object(&json);
  cJSON *read CSN_CLEANUP_JSON = parse(bytes, json.size);
  is_str(csn_json_string(read, "t", "?"),
         "a\"b\\c\n\x7f\x01 \xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd \xf0\x9f\x98\x80\xef\xbf\xbdz",
         "any bytes become text, and the rest stays as it was");
}

static void test_values(void) {
  char bytes[256];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes - 1};
  csn_report_object(&json, NULL);
  csn_report_number(&json, "n", INT64_MIN);
  csn_report_bool(&json, "b", false);
  csn_report_known(&json, "k", true, 7);
  csn_report_known(&json, "u", false, 7);
  csn_report_array(&json, "a");
  csn_report_null(&json, NULL);
  csn_report_object(&json, NULL);
  csn_report_end_object(&json);
  csn_report_end_array(&json);
  csn_report_end_object(&json);
  bytes[json.size] = '\0';
  is_str(bytes, "{\"n\":-9223372036854775808,\"b\":false,\"k\":7,\"u\":null,\"a\":[null,{}]}",
         "commas stand where they belong");
}

static void test_lists(void) {
  char bytes[64];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes - 1};
  csn_report_array(&json, NULL);
  int kept = 0;
  for (int i = 0; i < 30; i++) {
    struct csn_report_mark mark = csn_report_mark(&json);
    csn_report_string(&json, NULL, "12345678");
    kept += csn_report_keep(&json, mark, i < 15 ? 40 : 4000);
  }
  csn_report_end_array(&json);
  ok(json.cut && !json.full, "what does not fit is taken back and it is said");
  is_int(kept, 5, "three up to the limit, two more up to the room");
  cJSON *read CSN_CLEANUP_JSON = parse(bytes, json.size);
  is_int(cJSON_GetArraySize(read), 5, "and what is there is whole");
}

/* ---- the report ------------------------------------------------------------------------------ */

static const char *const members[] = {
  "status", "oom_score_adj", "init_oom_score_adj", "user_namespaces", "security_label", "tty",
  "hostname", "kernel", "given", "init", "rlimits", "namespaces", "cgroup", "masked", "readonly",
  "mounts", "interfaces", "routes", "rules", "devices", "cut",
};

static void test_report(void) {
  static char bytes[1 << 16];
  csn_report_remember();
  size_t n = csn_report_write(bytes, sizeof bytes, true);
  cJSON *read CSN_CLEANUP_JSON = parse(bytes, n);
  int there = 0;
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    there += ok(csn_json_get(read, members[i]) != NULL, "there is \"%s\"", members[i]);
  is_int(cJSON_GetArraySize(read), there + 1, "and \"v\", and no more");
  is_int(csn_json_int(read, "v", 0), 1, "of version 1");
  ok(csn_json_bool(csn_json_get(read, "init"), "pid1", 0), "process 1 is whose it was said to be");
  const cJSON *uid = csn_json_get(csn_json_get(read, "status"), "uid");
  is_int((int64_t)cJSON_GetNumberValue(cJSON_GetArrayItem(uid, 1)), geteuid(), "the user is ours");
  n = csn_report_write(bytes, sizeof bytes, false);
  cJSON *other CSN_CLEANUP_JSON = parse(bytes, n);
  ok(!csn_json_bool(csn_json_get(other, "init"), "pid1", 1), "or whose it was not");
}

/* However little room there is: nothing beyond it is touched, and it is JSON or says so. */
static void test_room(void) {
  int good = 0, tried = 0;
  for (size_t room = 32; room < 12000; room += room / 4 + 1) {
    char *bytes = malloc(room); /* exactly as long, so that a sanitizer sees any step outside */
    size_t n = csn_report_write(bytes, room, true);
    cJSON *read CSN_CLEANUP_JSON = parse(bytes, n);
    tried++;
    good += n <= room && read && (room > 4000 || csn_json_bool(read, "cut", 0));
    free(bytes);
  }
  is_int(good, tried, "in any room it is JSON, and too little room is said");
}

int main(void) {
  test_strings();
  test_values();
  test_lists();
  test_report();
  test_room();
  return done_testing();
}
