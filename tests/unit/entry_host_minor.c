/* SPDX-License-Identifier: Apache-2.0 */
/* A host that is older than what the plugin needs is refused, by both numbers. */
#include "entry/host_minor.h"

#include <string.h>

#include "tap.h"

int main(void) {
  struct csn_error err = {0};
  is_int(csn_host_minor_check(0, 0, &err), 0, "a host of the first minor, where that is enough");
  is_int(csn_host_minor_check(3, 3, &err), 0, "one that is just new enough");
  is_int(csn_host_minor_check(UINT32_MAX, 3, &err), 0, "a newer one");
  is_int(csn_host_minor_check(2, 3, &err), CAISSON_E_VERSION, "an older one is refused");
  is_str(err.reason, CAISSON_REASON_ABI_VERSION, "with its reason");
  ok(strstr(err.message, "minor 3") && strstr(err.message, "says 2"), "and both numbers");
  return done_testing();
}
