/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: what is one, and which comes first, whatever a distribution has added. */
#include "engine/release.h"

#include <limits.h>
#include <stddef.h>

#include "tap.h"

static void test_reading(void) {
  static const struct {
    const char *text;
    int major, minor, patch, candidate;
  } rows[] = {
      {"20.10.24", 20, 10, 24, INT_MAX},
      {"20.10.24+dfsg1", 20, 10, 24, INT_MAX},
      {"1.1.5+ds1-1+deb12u1", 1, 1, 5, INT_MAX},
      {"1.6.20~ds1-1+deb12u3", 1, 6, 20, INT_MAX},
      {"v1.2", 1, 2, 0, INT_MAX},
      {"19.03.0-ce", 19, 3, 0, INT_MAX},
      {"1.0.0-rc95", 1, 0, 0, 95},
      {"1.0.0~rc93+ds1", 1, 0, 0, 93},
      {"1.4.0-rc.3", 1, 4, 0, 3},
      {"1.2.0-rc-1", 1, 2, 0, 1},
      {"1.2.0-rc", 1, 2, 0, 0},
      {"26.0.0-beta.1", 26, 0, 0, 0},
      {"runc version 1.1.5+ds1\ncommit: 1.9.9", 1, 1, 5, INT_MAX},
      {"Docker Desktop 4.36.0 (175267)", 4, 36, 0, INT_MAX},
      {"build 7, 1.2.3", 1, 2, 3, INT_MAX},
      {"1.2.", 1, 2, 0, INT_MAX},
      {"1.2.3.4", 1, 2, 3, INT_MAX},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct csn_release r = {0};
    is_int(csn_release_read(rows[i].text, &r), 0, "\"%s\" is a version", rows[i].text);
    ok(r.major == rows[i].major && r.minor == rows[i].minor && r.patch == rows[i].patch &&
           r.candidate == rows[i].candidate,
       "%d.%d.%d-%d", r.major, r.minor, r.patch, r.candidate);
  }
  static const char *const none[] = {"", "x", "7", "1.", ".1", "dev", "99999999999.1", "1.x"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    struct csn_release r;
    is_int(csn_release_read(none[i], &r), -1, "\"%s\" is none", none[i]);
  }
}

static void test_order(void) {
  static const char *const ordered[] = {"0.9.9",      "1.0.0-beta", "1.0.0-rc6",  "1.0.0-rc95",
                                        "1.0.0",      "1.0.1",      "1.1.5+ds1",  "1.1.12",
                                        "1.2.0-rc.3", "1.2.8",      "1.10.0",     "20.10.24+dfsg1"};
  const int n = sizeof ordered / sizeof *ordered;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      struct csn_release a, b;
      csn_release_read(ordered[i], &a);
      csn_release_read(ordered[j], &b);
      is_int(csn_release_compare(&a, &b), i < j ? -1 : i > j, "%s and %s", ordered[i], ordered[j]);
    }
  }
}

int main(void) {
  test_reading();
  test_order();
  return done_testing();
}
