/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: one line each, context in front, never longer than their buffer, never half a character.
 */
#include "util/error.h"

#include <errno.h>
#include <string.h>

#include "tap.h"
#include "util/utf8.h"

int main(void) {
  struct csn_error err;
  is_int(csn_fail(&err, CAISSON_E_ENGINE, "engine.refused", "create: %d %s", 409, "conflict"),
         CAISSON_E_ENGINE, "the code is what it returns");
  is_int(err.code, CAISSON_E_ENGINE, "and what it keeps");
  is_str(err.reason, "engine.refused", "with the reason");
  is_str(err.message, "create: 409 conflict", "and the message");
  is_int(err.sys_errno, 0, "no errno");
  is_int(err.flags, 0, "no flags");

  is_int(csn_error_wrap(&err, "session \"%s\"", "a"), CAISSON_E_ENGINE, "context keeps the code");
  is_str(err.message, "session \"a\": create: 409 conflict", "and stands in front");
  is_str(err.reason, "engine.refused", "the reason stays");

  is_int(csn_fail_errno(&err, CAISSON_E_LOST, "x.y", ENOENT, "open %s", "/a"), CAISSON_E_LOST,
         "an errno");
  is_str(err.message, "open /a: No such file or directory", "in words");
  is_int(err.sys_errno, ENOENT, "and as a number");
  is_int(csn_fail_nomem(&err), CAISSON_E_NOMEM, "out of memory");
  is_str(err.reason, CAISSON_REASON_NOMEM, "has its reason");
  is_int(csn_fail(NULL, CAISSON_E_POLICY, "x", "y"), CAISSON_E_POLICY, "nobody wants to know why");
  is_int(csn_fail_errno(NULL, CAISSON_E_POLICY, "x", EIO, "y"), CAISSON_E_POLICY, "nor the errno");

  char longer[3000] = "";
  int broken = 0, too_long = 0;
  for (size_t pad = 0; pad < 4; pad++) {
    memset(longer, 'x', pad);
    for (size_t i = pad; i + 4 < sizeof longer; i += 3) memcpy(longer + i, "\xe2\x82\xac", 4);
    csn_fail(&err, CAISSON_E_ENGINE, "x", "%s", longer);
    broken += !csn_utf8_is_valid(err.message, strlen(err.message));
    too_long += strlen(err.message) >= sizeof err.message || strlen(err.message) < 1000;
    csn_error_wrap(&err, "%s", "context");
    broken += !csn_utf8_is_valid(err.message, strlen(err.message));
    too_long += strlen(err.message) >= sizeof err.message || strlen(err.message) < 1000;
  }
  is_int(broken, 0, "a message that is cut ends at a character");
  is_int(too_long, 0, "and fills its buffer");
  csn_fail_errno(&err, CAISSON_E_LOST, "x.y", ENOENT, "%s", longer);
  ok(csn_utf8_is_valid(err.message, strlen(err.message)), "also where an errno's words do not fit");

  memset(longer, 'x', sizeof longer - 1);
  csn_fail(&err, CAISSON_E_LOST, "x.y", "%s", longer);
  is_int((long long)strlen(err.message), sizeof err.message - 1, "of whole characters all fit");
  memset(longer, 0x80, sizeof longer - 1);
  csn_fail(&err, CAISSON_E_LOST, "x.y", "%s", longer);
  is_int((long long)strlen(err.message), sizeof err.message - 1, "what begins nowhere is left as it is");
  is_int(csn_error_wrap(NULL, "x"), CAISSON_E_INTERNAL, "nobody wants more words");

  csn_error_clear(&err);
  ok(!err.code && !err.message[0] && !err.reason[0], "cleared");
  ok(csn_is_stop(CAISSON_E_CANCELLED) && csn_is_stop(CAISSON_E_DEADLINE), "stops are stops");
  ok(!csn_is_stop(0) && !csn_is_stop(CAISSON_E_LOST), "and nothing else is");
  return done_testing();
}
