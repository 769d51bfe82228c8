/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `caisson-guest reap`: removes the helpers of other versions from the volume that holds them all.
 * It runs in a container of its own, in which that volume can be written, and in no sandbox.
 */
#ifndef CSN_GUEST_REAP_H
#define CSN_GUEST_REAP_H

#include <stdbool.h>
#include <stdint.h>

/* Prints a line for each helper, and what was left of each delivery, that has been there for
 * min_age_s and is not in `keep` (NULL-ended), and removes it if `removes` is set. Never
 * returns; exits with 0, or 1 if some could not be removed. */
_Noreturn void csn_reap_main(bool removes, uint64_t min_age_s, char *const *keep);

#endif
