/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/host_minor.h"

#include <inttypes.h>

int csn_host_minor_check(uint32_t has, uint32_t needs, struct csn_error *err) {
  if (has >= needs) return 0;
  return csn_fail(err, CAISSON_E_VERSION, CAISSON_REASON_ABI_VERSION,
                  "this plugin needs a host that was built with a caisson.h of minor %" PRIu32
                  " or newer, and caisson_host.abi_minor says %" PRIu32
                  "; update the host, or use an older plugin",
                  needs, has);
}
