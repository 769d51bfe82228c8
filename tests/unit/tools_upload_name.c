/* SPDX-License-Identifier: Apache-2.0 */
/* What a file that somebody sent is called in the end. */
#include "tools/upload_name.h"

#include <string.h>

#include "tap.h"
#include "util/utf8.h"

static const struct {
  const char *given, *wanted;
} names[] = {
    {"a.csv", "a.csv"},
    {"../../etc/passwd", "passwd"},
    {"C:\\Users\\me\\a b.csv", "a b.csv"},
    {"/", "upload"},
    {"", "upload"},
    {".", "upload"},
    {"..", "upload"},
    {"a/..", "upload"},
    {" . . ", "upload"},
    {".profile", ".profile"},
    {"..profile", ".profile"},
    {"  a.txt. ", "a.txt"},
    {"a\nb\tc\x7f.txt", "abc.txt"},
    {"\xff\xfe" "a\xc3.txt", "a.txt"},
    {"\xc3\xbc\xe6\xbc\xa2.pdf", "\xc3\xbc\xe6\xbc\xa2.pdf"},
    {"a\xe2\x80\xaegpj.exe", "agpj.exe"},
    {"\xef\xbb\xbf" "bom.txt", "bom.txt"},
    {"-rf", "-rf"},
    {"a.tar.gz", "a.tar.gz"},
};

static void test_long(const char *character, const char *extension) {
  char given[2000], name[CSN_UPLOAD_NAME_SIZE];
  given[0] = '\0';
  while (strlen(given) < 600) strcat(given, character);
  strcat(given, extension);
  csn_upload_name(given, strlen(given), name);
  size_t n = strlen(name), tail = strlen(extension);
  ok(n <= 255 && n > 245, "%zu bytes are left of %zu", n, strlen(given));
  ok(csn_utf8_is_valid(name, n), "whole characters");
  is_str(name + n - tail, extension, "and the extension");
}

int main(void) {
  char name[CSN_UPLOAD_NAME_SIZE];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    csn_upload_name(names[i].given, strlen(names[i].given), name);
    is_str(name, names[i].wanted, "name %zu", i);
  }
  csn_upload_name("a\0b.txt", 7, name);
  is_str(name, "ab.txt", "a NUL inside goes");
  test_long("x", ".csv");
  test_long("\xc3\xbc", ".csv");
  test_long("\xf0\x9f\x98\x80", "");
  test_long("\xe6\xbc\xa2", ".tar");
  return done_testing();
}
