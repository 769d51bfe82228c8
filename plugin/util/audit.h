/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the audit: one JSON object each, for the host's log at CAISSON_LOG_AUDIT. Whatever texts
 * are put into it, a line is one line, and says nothing that was not said here. caisson.h has the
 * members. */
#ifndef CSN_UTIL_AUDIT_H
#define CSN_UTIL_AUDIT_H

#include <cjson/cJSON.h>

#include "util/log.h"

/* For whom this thread works; NULL where that was not given. */
struct csn_audit_caller {
  const char *principal, *trace_id;
};
/* From now on, on this thread: what is begun then names them. Returns what was set before, which is
 * to be set again; NULL: it works for nobody. */
const struct csn_audit_caller *csn_audit_work_for(const struct csn_audit_caller *caller);

/* Is there an audit, and anybody to hear it? */
int csn_audit_is_on(const struct csn_log *log);

/* An object with "audit", "time", "event", "instance", "principal" and "trace_id", to be filled in
 * and ended; NULL: there is nothing to do, since the audit is off or there was no memory, which
 * then was said. */
cJSON *csn_audit_begin(const struct csn_log *log, const char *event);
/* The text, any bytes, or null. 0 or CAISSON_E_NOMEM, so that several results can be or-ed. */
int csn_audit_add(cJSON *line, const char *name, const char *text);
/* The number, or null where it is not known. */
int csn_audit_add_int(cJSON *line, const char *name, int is_known, int64_t value);
/* Milliseconds to the microsecond. */
int csn_audit_add_ms(cJSON *line, const char *name, int is_known, int64_t ns);
/* Says the line and frees it; `bad`: something could not be added, so it says only that. */
void csn_audit_end(const struct csn_log *log, cJSON *line, int bad);

#endif
