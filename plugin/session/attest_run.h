/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation of a sandbox that runs; attest.md says why. */
#ifndef CSN_SESSION_ATTEST_RUN_H
#define CSN_SESSION_ATTEST_RUN_H

#include "session/attest.h"
#include "session/internal.h"

/* What is found of a container, as the engine has just described it, over a channel to it. `sent`
 * is the create body it was made with just now; NULL: it was found. All findings are in *out,
 * whatever their verdict. 0, or why it cannot be told. */
int csn_session_look_at(struct csn_sessions *all, const struct csn_session *s, const cJSON *sent,
                        const struct csn_container *found, struct csn_channel *ch,
                        const struct csn_control *control, struct csn_attestation *out,
                        struct csn_error *err);

/* The same, and remembers that all is as it was to be. CAISSON_E_POLICY (policy.attestation) where
 * it is not: the caller, who knows whose the container is, removes it. The session's lock is
 * held. */
int csn_session_attest(struct csn_sessions *all, struct csn_session *s, const cJSON *sent,
                       const struct csn_container *found, struct csn_channel *ch,
                       const struct csn_control *control, struct csn_error *err);

/* Of a start that failed with rc since there was no helper to talk to: CAISSON_E_POLICY if the
 * engine had made another container than the one that was asked for, which explains it; else rc.
 * made: as the engine described it before the start. */
int csn_session_attest_failed(struct csn_sessions *all, const cJSON *sent,
                              const struct csn_container *made, const struct csn_control *control,
                              int rc, struct csn_error *err);

#endif
