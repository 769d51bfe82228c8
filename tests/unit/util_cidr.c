/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of addresses: what is one, which holds which, and what is written. */
#include "util/cidr.h"

#include <string.h>

#include "tap.h"

static void test_reading(void) {
  static const char *const good[][2] = {
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.1.2.3", "10.1.2.3"},
      {"10.1.2.3/32", "10.1.2.3"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"172.16.0.0/12", "172.16.0.0/12"},
      {"fc00::/7", "fc00::/7"},
      {"FE80::/10", "fe80::/10"},
      {"::/0", "::/0"},
      {"::1", "::1"},
      {"2001:db8::1/128", "2001:db8::1"},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
      {"::ffff:10.0.0.1", "10.0.0.1"},
      {"::ffff:0:0/96", "0.0.0.0/0"},
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    struct csn_cidr range;
    char text[CSN_CIDR_TEXT] = "";
    const char *wrong = csn_cidr_parse(good[i][0], &range);
    if (!wrong) csn_cidr_print(&range, text);
    is_str(wrong ? wrong : text, good[i][1], "%s", good[i][0]);
  }
  static const char *const bad[] = {"",           "/8",          "10.0.0.0/",   "10.0.0.0/33",
                                    "10.0.0.0/8 ", "10.0.0/8",    "10.0.0.0/08", "10.0.0.0/-1",
                                    "10.0.0.0/+8", "10.0.0.1/8",  "fc00::/129",  "fc00::1/7",
                                    "fe80::1%eth0", "host",       "1.2.3.4.5",   "::ffff:10.0.0.1/104",
                                    "0x0a.0.0.0",  "10.0.0.0/8/8"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct csn_cidr range;
    ok(csn_cidr_parse(bad[i], &range) != NULL, "\"%s\" is none", bad[i]);
  }
}

static int contains(const char *outer, const char *inner) {
  struct csn_cidr a, b;
  if (csn_cidr_parse(outer, &a) || csn_cidr_parse(inner, &b)) return -1;
  return csn_cidr_contains(&a, &b);
}

static void test_containing(void) {
  is_int(contains("10.0.0.0/8", "10.255.0.1"), 1, "an address in a range");
  is_int(contains("10.0.0.0/8", "11.0.0.0"), 0, "one behind it");
  is_int(contains("172.16.0.0/12", "172.31.255.255"), 1, "a range that ends within a byte");
  is_int(contains("172.16.0.0/12", "172.32.0.0"), 0, "and what is behind it");
  is_int(contains("10.0.0.0/8", "0.0.0.0/0"), 0, "a wider range is not in a narrower one");
  is_int(contains("0.0.0.0/0", "::/0"), 0, "IPv6 is not in IPv4");
  is_int(contains("::/0", "fc00::1"), 1, "all of IPv6");
  is_int(contains("fc00::/7", "fdff::"), 1, "seven bits");
  is_int(contains("fc00::/7", "fe00::"), 0, "and not eight");
}

static void test_samples(void) {
  static const char *const rows[][2] = {{"10.0.0.0/8", "10.0.0.1"},
                                        {"10.1.2.4", "10.1.2.4"},
                                        {"10.1.2.4/31", "10.1.2.5"},
                                        {"fc00::/7", "fc00::1"},
                                        {"::/0", "::0.1.0.1"},
                                        {"::/112", "::3"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct csn_cidr range;
    char text[CSN_CIDR_TEXT] = "";
    if (!csn_cidr_parse(rows[i][0], &range)) {
      range = csn_cidr_sample(&range);
      csn_cidr_print(&range, text);
    }
    is_str(text, rows[i][1], "an address of %s", rows[i][0]);
  }
}

static void test_lists(void) {
  struct csn_cidr list[3];
  is_int(csn_cidr_list("", list, 3), 0, "an empty list");
  is_int(csn_cidr_list("10.0.0.0/8", list, 3), 1, "a list of one");
  is_int(csn_cidr_list("10.0.0.0/8,fc00::/7,1.2.3.4", list, 3), 3, "of three");
  is_int(list[1].size, 16, "the second is IPv6");
  is_int(csn_cidr_list("1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4", list, 3), -1, "one too many");
  is_int(csn_cidr_list("10.0.0.0/8,", list, 3), -1, "a comma with nothing behind it");
  is_int(csn_cidr_list(",10.0.0.0/8", list, 3), -1, "or before it");
  is_int(csn_cidr_list("10.0.0.0/8,x", list, 3), -1, "what is no range");
}

int main(void) {
  test_reading();
  test_containing();
  test_samples();
  test_lists();
  return done_testing();
}
