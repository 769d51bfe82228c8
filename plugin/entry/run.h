/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a call that was opened: from its texts to a result, whatever happens. */
#ifndef CSN_ENTRY_RUN_H
#define CSN_ENTRY_RUN_H

#include "entry/call.h"

/* Lets a call in that was opened and not run (else CAISSON_E_STATE). From here to csn_run_leave()
 * drain() waits for it; if draining has begun, csn_run_call() will say so. */
int csn_run_begin(struct csn_instance *i, struct csn_call *c, int to_queue, struct csn_error *err);
void csn_run_leave(struct csn_instance *i, const struct csn_call *c);

/* What ends its waiting, hooks aside. */
struct csn_control csn_run_control(const struct csn_call *c);

/* The status of call_run. Fills in *result as far as the host knows its members. */
int csn_run_call(struct csn_instance *i, struct csn_call *c, const caisson_hooks *hooks,
                 caisson_result *result, struct csn_error *err);

/* Is this thread in a hook of the instance's, however deep? It must not wait for its calls. */
int csn_run_is_inside(uint64_t instance);

#endif
