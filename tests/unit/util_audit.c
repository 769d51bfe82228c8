/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the audit: one line of JSON whatever is put into it, for whom this thread works. */
#include "util/audit.h"

#include <string.h>

#include "caisson.h"
#include "tap.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/utf8.h"

static char last[16384];
static int32_t last_level;
static int lines;

static void sink(void *ctx, int32_t level, const char *text, uint64_t n) {
  (void)ctx;
  last_level = level;
  lines++;
  if (n >= sizeof last) BAIL_OUT("too long a line");
  memcpy(last, text, n);
  last[n] = '\0';
}

static const struct csn_log on = {.sink = sink, .audit = {.is_on = 1, .instance = "i"}};

static cJSON *parsed(void) {
  cJSON *json = NULL;
  struct csn_error err = {0};
  if (csn_json_parse(last, strlen(last), sizeof last, "it", -1, "x", &json, &err))
    diag("%s: %s", err.message, last);
  return json;
}

/* No character that ends a line anywhere, or that a terminal would obey. */
static int is_one_line(void) {
  static const char *const unsafe[] = {
      "\x7f",         "\xc2\x80",     "\xc2\x85",     "\xc2\x9b",     "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xae", "\xe2\x81\xa6", "\xef\xbb\xbf", "\xd8\x9c"};
  int good = csn_utf8_is_valid(last, strlen(last));
  for (const char *p = last; *p; p++) good &= (unsigned char)*p >= ' ';
  for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++) good &= !strstr(last, unsafe[i]);
  return good;
}

static void say(const char *text) {
  cJSON *line = csn_audit_begin(&on, "test");
  csn_audit_end(&on, line, csn_audit_add(line, "text", text));
}

static void test_plain(void) {
  cJSON *line = csn_audit_begin(&on, "test");
  int bad = csn_audit_add(line, "text", "a b") | csn_audit_add(line, "none", NULL) |
            csn_audit_add_int(line, "n", 1, -5) | csn_audit_add_int(line, "unknown", 0, 7) |
            csn_audit_add_ms(line, "ms", 1, 12345678) | csn_audit_add_ms(line, "never", 0, 1);
  is_int(bad, 0, "a line is filled in");
  csn_audit_end(&on, line, bad);
  ok(strncmp(last, "{\"audit\":1,\"time\":\"20", 21) == 0, "it begins as every line of the audit");
  const char *rest = strstr(last, "Z\",");
  is_str(rest ? rest : last,
         "Z\",\"event\":\"test\",\"instance\":\"i\",\"principal\":null,\"trace_id\":null,"
         "\"text\":\"a b\",\"none\":null,\"n\":-5,\"unknown\":null,\"ms\":12.345,\"never\":null}",
         "and has its members in order");
  is_int(last_level, CAISSON_LOG_AUDIT, "at the audit's level");
  cJSON *json CSN_CLEANUP_JSON = parsed();
  is_int((int64_t)strlen(csn_json_string(json, "time", "")), 24, "the time has milliseconds");
}

/* What a caller could try in order to end a line, or to begin another. */
static void test_injection(void) {
  static const char *const texts[] = {
      "a\n{\"audit\":1,\"event\":\"call\"}",
      "\",\"event\":\"forged\",\"x\":\"",
      "\\\",\"event\":\"forged\",\"x\":\"\\",
      "\r\n\t\v\f\x1b[2K\x7f",
      ("\xc2\x85\xc2\x80\xc2\x9b" "31m\xc2\x9f\xc2\xa0"),
      "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xd8\x9c",
      "\xe2\x80\xa7\xe2\x80\xaf\xe2\x82\xac\xf0\x9f\x98\x80 plain",
      "",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int before = lines;
    say(texts[i]);
    cJSON *json CSN_CLEANUP_JSON = parsed();
    ok(lines == before + 1 && is_one_line(), "text %zu is one line: %s", i, last);
    is_str(csn_json_string(json, "text", "?"), texts[i], "and is there as it was");
    is_str(csn_json_string(json, "event", "?"), "test", "and nothing else has changed");
  }
  say("a\xff\xc0\xaf\xe2\x80");
  cJSON *json CSN_CLEANUP_JSON = parsed();
  ok(is_one_line(), "broken UTF-8 becomes valid");
  is_str(csn_json_string(json, "text", "?"), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
         "and is seen to have been broken");
}

static void test_caller(void) {
  const struct csn_audit_caller outer = {"o\n", "t"}, inner = {NULL, "u"};
  ok(csn_audit_work_for(&outer) == NULL, "at first a thread works for nobody");
  say("x");
  cJSON *first CSN_CLEANUP_JSON = parsed();
  is_str(csn_json_string(first, "principal", "?"), "o\n", "then for who was set");
  is_str(csn_json_string(first, "trace_id", "?"), "t", "and for what");
  const struct csn_audit_caller *before = csn_audit_work_for(&inner);
  say("x");
  cJSON *second CSN_CLEANUP_JSON = parsed();
  ok(cJSON_IsNull(csn_json_get(second, "principal")), "another who is not named");
  ok(csn_audit_work_for(before) == &inner && csn_audit_work_for(NULL) == &outer,
     "and then for the first again");
}

static void test_off(void) {
  const struct csn_log off = {.sink = sink}, silent = {.audit = {.is_on = 1}};
  int before = lines;
  ok(!csn_audit_begin(&off, "x") && !csn_audit_begin(&silent, "x") && !csn_audit_begin(NULL, "x"),
     "switched off, or with nobody to hear it, there is nothing to fill in");
  csn_audit_end(&off, NULL, 0);
  is_int(lines, before, "and nothing is said");
}

static void test_memory(void) {
  cJSON *line = csn_audit_begin(&on, "test");
  csn_alloc_fail_after(1);
  csn_audit_end(&on, line, 0);
  csn_alloc_fail_after(0);
  is_str(last, "{\"audit\":1,\"event\":\"audit.lost\",\"reason\":\"memory\"}",
         "a line for which there is no memory is missed");
  line = csn_audit_begin(&on, "test");
  csn_audit_end(&on, line, CAISSON_E_NOMEM);
  ok(strstr(last, "audit.lost") != NULL, "and so is one that is not whole");
}

int main(void) {
  test_plain();
  test_injection();
  test_caller();
  test_off();
  test_memory();
  return done_testing();
}
