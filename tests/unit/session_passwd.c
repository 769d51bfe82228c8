/* SPDX-License-Identifier: Apache-2.0 */
/* A user in an image's /etc/passwd, whatever else is in it. */
#include <string.h>

#include "session/passwd.h"
#include "tap.h"

static const char file[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "short:x:1\n"
    "app:x:1500:1600:an app:/home/app:/bin/sh\n"
    "app:x:1501:1601::/:\n"
    "\n"
    "# comment\n"
    "big:x:2147483648:1::/:\n"
    "huge:x:99999999999999999999:1::/:\n"
    "minus:x:-1:1::/:\n"
    "space:x: 5:1::/:\n"
    "nogid:x:5:::/:\n"
    ":x:77:78::/:\n"
    "bare:x:1700:1701\n"
    "last:x:1800:1801::/:";

static void test_find(void) {
  static const struct {
    const char *user;
    int found;
    unsigned uid, gid;
  } cases[] = {
      {"root", 1, 0, 0},       {"app", 1, 1500, 1600},  {"1500", 1, 1500, 1600},
      {"1501", 1, 1501, 1601}, {"bare", 1, 1700, 1701}, {"last", 1, 1800, 1801},
      {"ap", 0, 0, 0},         {"appp", 0, 0, 0},       {"short", 0, 0, 0},
      {"big", 0, 0, 0},        {"huge", 0, 0, 0},       {"minus", 0, 0, 0},
      {"space", 0, 0, 0},      {"nogid", 0, 0, 0},      {"nobody", 0, 0, 0},
      {"x", 0, 0, 0},          {"# comment", 0, 0, 0},  {"4294967296", 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint32_t uid = 9, gid = 9;
    int found = csn_passwd_find(file, sizeof file - 1, cases[i].user, &uid, &gid);
    ok(found == cases[i].found &&
           (found ? uid == cases[i].uid && gid == cases[i].gid : uid == 9 && gid == 9),
       "%s is %s", cases[i].user, found ? "found" : "not there");
  }
}

static void test_bytes(void) {
  static const char text[] = "a\0b:x:1:1\n\xff\xfe:x:2:2\nc:x:3:3\n";
  uint32_t uid = 0, gid = 0;
  ok(csn_passwd_find(text, sizeof text - 1, "c", &uid, &gid) && uid == 3, "bytes that are no text");
  ok(!csn_passwd_find(text, sizeof text - 1, "a", &uid, &gid), "a NUL ends no name");
  ok(!csn_passwd_find(text, 0, "c", &uid, &gid), "an empty file");
  ok(!csn_passwd_find("c:x:3:3", 6, "c", &uid, &gid), "a file that is cut short");
}

static void test_number(void) {
  static const struct {
    const char *text;
    int rc;
    unsigned number;
  } cases[] = {{"0", 0, 0},           {"007", 0, 7},  {"2147483647", 0, 2147483647},
               {"2147483648", -1, 0}, {"", -1, 0},    {"1x", -1, 0},
               {"+1", -1, 0},         {"00000000001", -1, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint32_t number = 0;
    int rc = csn_passwd_number(cases[i].text, strlen(cases[i].text), &number);
    ok(rc == cases[i].rc && number == cases[i].number, "\"%s\"", cases[i].text);
  }
}

int main(void) {
  test_find();
  test_bytes();
  test_number();
  return done_testing();
}
