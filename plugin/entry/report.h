/* SPDX-License-Identifier: Apache-2.0 */
/* Errors on their way into the host's own struct. */
#ifndef CSN_ENTRY_REPORT_H
#define CSN_ENTRY_REPORT_H

#include "util/error.h"

/* As far as it has room; `to` may be NULL. Returns the code. */
int32_t csn_report(const struct csn_error *from, caisson_error *to);

/* The host called it wrongly. */
int32_t csn_report_invalid(caisson_error *to, const char *words);
int32_t csn_report_forked(caisson_error *to);
int32_t csn_report_no_instance(caisson_error *to);
int32_t csn_report_no_call(caisson_error *to);
int32_t csn_report_no_queue(caisson_error *to);

#endif
