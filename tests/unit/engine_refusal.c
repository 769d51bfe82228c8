/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine's refusals become: a reason, and its own words fit to be shown. */
#include <stdlib.h>
#include <string.h>

#include "engine/path_stat.h"
#include "engine/refusal.h"
#include "tap.h"
#include "util/utf8.h"

static void test_reasons(void) {
  static const struct {
    int status;
    const char *body, *reason, *message;
    uint32_t flags;
  } cases[] = {
      {404, "{\"message\":\"No such container: x\"}", CAISSON_REASON_ENGINE_NOT_FOUND,
       "404 Not Found: No such container: x", 0},
      {409, "{\"message\":\"Conflict.\"}", CAISSON_REASON_ENGINE_CONFLICT,
       "409 Conflict: Conflict.", 0},
      {500, "{\"message\":\"it broke\"}", CAISSON_REASON_ENGINE_REFUSED,
       "500 Internal Server Error: it broke", 0},
      {500, "{\"cause\":\"a\",\"message\":\"podman's\",\"response\":500}",
       CAISSON_REASON_ENGINE_REFUSED, "500 Internal Server Error: podman's", 0},
      {500,
       "{\"cause\":\"that name is already in use\",\"message\":\"container create: the container "
       "name \\\"n\\\" is already in use by 1234. You have to remove that container to be able to "
       "reuse that name: that name is already in use\",\"response\":500}",
       CAISSON_REASON_ENGINE_CONFLICT, NULL, 0},
      {500, "{\"message\":\"container 64 does not exist in database: no such container\"}",
       CAISSON_REASON_ENGINE_NOT_FOUND, NULL, 0},
      {503, "busy", CAISSON_REASON_ENGINE_REFUSED, "503 Service Unavailable: busy",
       CAISSON_ERROR_RETRYABLE},
      {400, "{\"message\":\"client version 1.47 is too old. Minimum supported is 1.50\"}",
       CAISSON_REASON_ENGINE_VERSION, NULL, 0},
      {500, "{\"message\":\"mkdir /var/lib: No space left on device\"}", CAISSON_REASON_DISK_FULL,
       NULL, 0},
      {404, "{\"message\":\"write: no space left on device\"}", CAISSON_REASON_DISK_FULL, NULL, 0},
      {500, "{\"message\":\"Disk quota exceeded\"}", CAISSON_REASON_DISK_FULL, NULL, 0},
      {418, "", CAISSON_REASON_ENGINE_REFUSED, "418 (unusual status)", 0},
      {502, "<html>\r\n\t<b>Bad\n\n gateway</b>\x1b[31m\x7f</html>\n",
       CAISSON_REASON_ENGINE_REFUSED,
       "502 (unusual status): <html> <b>Bad gateway</b> [31m </html>", 0},
      {500, "{\"message\":17}", CAISSON_REASON_ENGINE_REFUSED,
       "500 Internal Server Error: {\"message\":17}", 0},
      {500, "{\"message\":\"a\\u0000b\"}", CAISSON_REASON_ENGINE_REFUSED, NULL, 0},
      {500, "[]", CAISSON_REASON_ENGINE_REFUSED, "500 Internal Server Error: []", 0},
      {500, "\xff\xfe broken \xc3", CAISSON_REASON_ENGINE_REFUSED, NULL, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_error err = {0};
    is_int(csn_refusal(cases[i].status, cases[i].body, strlen(cases[i].body), &err),
           CAISSON_E_ENGINE, "%d %s", cases[i].status, cases[i].body);
    is_str(err.reason, cases[i].reason, "its reason");
    if (cases[i].message) is_str(err.message, cases[i].message, "its message");
    is_int(err.flags, cases[i].flags, "whether to retry");
    ok(csn_utf8_is_valid(err.message, strlen(err.message)), "valid UTF-8");
  }
}

static void test_long(void) {
  static char body[60001];
  for (size_t i = 0; i + 2 < sizeof body; i += 2) memcpy(body + i, "\xc3\xa9", 2);
  struct csn_error err = {0};
  is_int(csn_refusal(500, body, sizeof body - 1, &err), CAISSON_E_ENGINE, "long words");
  ok(strlen(err.message) < 700 && strstr(err.message, "..."), "are cut");
  ok(csn_utf8_is_valid(err.message, strlen(err.message)), "between characters");
  is_int(csn_refusal(500, "a\0b", 3, &err), CAISSON_E_ENGINE, "a NUL");
  ok(strchr(err.message, 'b'), "hides nothing behind it");
  is_int(csn_refusal(500, NULL, 0, NULL), CAISSON_E_ENGINE, "no words, and no error to fill");
}

/* base64 of {"name":"guest","size":1200000,"mode":73,...} as engines send it, and what is none. */
static void test_path_stat(void) {
  struct csn_path_stat st;
  struct csn_error err = {0};
  is_int(csn_path_stat_parse("eyJuYW1lIjoiZ3Vlc3QiLCJzaXplIjoxMjAwMDAwLCJtb2RlIjo3M30=", &st, &err),
         0, "a file");
  is_int(st.size, 1200000, "its size");
  is_int(st.mode, 0111, "its mode");
  ok(!st.is_directory && !st.is_link, "a plain one");
  is_int(csn_path_stat_parse("eyJzaXplIjo0MDk2LCJtb2RlIjoyMTQ3NDg0MTQxfQ==", &st, &err), 0,
         "a directory");
  ok(st.is_directory && st.mode == 0755, "as such");
  is_int(csn_path_stat_parse("eyJtb2RlIjoxMzQyMTgyMzl9", &st, &err), 0, "a link");
  ok(st.is_link && st.mode == 0777, "as such");
  static const char *const bad[] = {"", "e30=", "!!!!", "eyJ", "eyJtb2RlIjoieCJ9", "=", "====",
                                    "eyJtb2RlIjotMX0=", "eyJtb2RlIjo5OTk5OTk5OTk5OX0="};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    is_int(csn_path_stat_parse(bad[i], &st, &err), CAISSON_E_ENGINE, "\"%s\" is refused", bad[i]);
    is_str(err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "with its reason");
  }
  is_int(csn_path_stat_parse(NULL, &st, &err), CAISSON_E_ENGINE, "and so is none at all");
}

int main(void) {
  test_reasons();
  test_long();
  test_path_stat();
  return done_testing();
}
