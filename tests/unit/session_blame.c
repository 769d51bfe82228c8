/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's refusal becomes a setting's name, if it is about one. */
#include "session/blame.h"

#include <string.h>

#include "tap.h"

static void is_blamed(const char *said, const char *setting) {
  struct csn_error err;
  csn_fail(&err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "create container \"c\": 400: %s",
           said);
  is_int(csn_blame_setting(&err), CAISSON_E_CONFIG, "%s is a setting's fault", said);
  is_str(err.reason, CAISSON_REASON_CONFIG, "as config.invalid");
  ok(strstr(err.message, setting) == err.message, "it begins with %s", setting);
  ok(strstr(err.message, said), "and has the engine's words");
}

int main(void) {
  is_blamed("Unknown runtime specified x", "sandbox.runtime: ");
  is_blamed("range of CPUs is from 0.01 to 2.00", "sandbox.cpus: ");
  is_blamed("unknown or invalid runtime name: x", "sandbox.runtime: ");
  is_blamed("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
            "sandbox.cpus: ");
  struct csn_error err;
  csn_fail(&err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "409: Conflict");
  is_int(csn_blame_setting(&err), CAISSON_E_ENGINE, "any other refusal is the engine's");
  is_str(err.message, "409: Conflict", "and stays as it is");
  return done_testing();
}
