/* SPDX-License-Identifier: Apache-2.0 */
#include "util/ascii.h"

#include "tap.h"

static void test_letters(void) {
  ok(csn_ascii_equal("Content-Length", "CONTENT-length"), "the case of letters is no difference");
  ok(!csn_ascii_equal("chunked", "chunke") && !csn_ascii_equal("chunke", "chunked"), "a length is");
  ok(!csn_ascii_equal("[", "{") && !csn_ascii_equal("@", "`"), "nor is that of what are no letters");
  ok(!csn_ascii_equal("\xc3\x84", "\xc3\xa4"), "nor of letters beyond ASCII");
  ok(csn_ascii_equal("", ""), "two empty ones");
  ok(csn_ascii_begins("FROM busybox", "from ") && !csn_ascii_begins("FRO", "from"), "a beginning");
  ok(csn_ascii_holds("manifest: No Such Image: x", "no such image"), "words in the middle");
  ok(csn_ascii_holds("nno", "no") && csn_ascii_holds("no", "no"), "at the end, and the whole");
  ok(!csn_ascii_holds("no such imag", "no such image") && !csn_ascii_holds("", "x"), "not there");
  ok(csn_ascii_holds("", ""), "nothing is everywhere");
}

static void test_numbers(void) {
  static const struct {
    double value;
    const char *text;
  } rows[] = {{0, "0"}, {0.5, "0.5"}, {-1.25, "-1.25"}, {1e300, "1e+300"}, {1e-7, "1e-07"}, {-0.0, "-0"},
              {123456789012345, "123456789012345"}};
  char text[CSN_ASCII_NUMBER];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    is_str(csn_ascii_number(rows[i].value, text), rows[i].text, "%s", rows[i].text);
}

int main(void) {
  test_letters();
  test_numbers();
  return done_testing();
}
