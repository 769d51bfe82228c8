/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a call that was opened: from its texts to a result, whatever happens. */
#ifndef CSN_ENTRY_RUN_H
#define CSN_ENTRY_RUN_H

#include "entry/call.h"

/* The status of call_run. Fills in *result as far as the host knows its members. */
int csn_run_call(struct csn_instance *i, struct csn_call *c, const caisson_hooks *hooks,
                 caisson_result *result, struct csn_error *err);

/* The instance whose hook this thread is in, or 0. */
uint64_t csn_run_inside(void);

#endif
