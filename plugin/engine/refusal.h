/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's refusal as an error: which reason, and the engine's own words made fit to show.
 * Pure. */
#ifndef CSN_ENGINE_REFUSAL_H
#define CSN_ENGINE_REFUSAL_H

#include <stddef.h>

#include "util/error.h"

/* body: {"message": "..."} or plain text, any bytes. Returns CAISSON_E_ENGINE; the message is
 * "409 Conflict: the engine's words". */
int csn_refusal(int status, const void *body, size_t n, struct csn_error *err);

#endif
