/* SPDX-License-Identifier: Apache-2.0 */
#include "entry/report.h"

#include <string.h>

int32_t csn_report(const struct csn_error *from, caisson_error *to) {
  if (!to) return from->code;
  if (CAISSON_HAS(to, code)) to->code = from->code;
  if (CAISSON_HAS(to, flags)) to->flags = from->flags;
  if (CAISSON_HAS(to, sys_errno)) to->sys_errno = from->sys_errno;
  if (CAISSON_HAS(to, reason)) memcpy(to->reason, from->reason, sizeof to->reason);
  if (CAISSON_HAS(to, message)) memcpy(to->message, from->message, sizeof to->message);
  return from->code;
}

static int32_t refuse(caisson_error *to, int code, const char *reason, const char *words) {
  struct csn_error err;
  csn_fail(&err, code, reason, "%s", words);
  return csn_report(&err, to);
}

int32_t csn_report_invalid(caisson_error *to, const char *words) {
  return refuse(to, CAISSON_E_INVALID, CAISSON_REASON_ABI_INVALID, words);
}

int32_t csn_report_forked(caisson_error *to) {
  return refuse(to, CAISSON_E_FORKED, CAISSON_REASON_ABI_FORKED,
                "this process is a fork of the one that made its instances; make them after the "
                "fork");
}

int32_t csn_report_no_instance(caisson_error *to) {
  return refuse(to, CAISSON_E_NOT_FOUND, CAISSON_REASON_ABI_INVALID,
                "there is no such instance (any more)");
}

int32_t csn_report_no_call(caisson_error *to) {
  return refuse(to, CAISSON_E_NOT_FOUND, CAISSON_REASON_ABI_INVALID,
                "there is no such call (any more)");
}

int32_t csn_report_no_queue(caisson_error *to) {
  return refuse(to, CAISSON_E_NOT_FOUND, CAISSON_REASON_ABI_INVALID,
                "there is no such queue (any more)");
}
