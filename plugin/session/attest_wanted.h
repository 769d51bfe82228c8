/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox that was found was to be. */
#ifndef CSN_SESSION_ATTEST_WANTED_H
#define CSN_SESSION_ATTEST_WANTED_H

#include "session/internal.h"

/* The create body of a container that runs, made again from the operator's settings and from what
 * its label says (older settings, its options). It is the caller's, also after a failure.
 * CAISSON_E_CONFIG where the policy makes no such body: then it is not what it may be. */
int csn_attest_body_of(struct csn_sessions *all, const struct csn_session *s,
                       const struct csn_container *found, cJSON **body, struct csn_error *err);

#endif
