/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1 of a sandbox: reaps, keeps the serves' register, kills on request, and ends the
 * container when nobody uses it any more.
 */
#ifndef CSN_GUEST_INIT_H
#define CSN_GUEST_INIT_H

#include <stdint.h>

struct csn_init_options {
  const char *key;        /* the session's, "" for none */
  uint64_t idle_ms;       /* 0: never */
  uint64_t lifetime_ms;   /* 0: never */
  uint64_t pooled;        /* not 0: started ahead; its first channel will say whose it is */
  const char *await_routes; /* addresses that must be denied before anything runs; NULL: none */
};

/* Never returns; exits with CSN_INIT_EXIT_*. */
_Noreturn void csn_init_main(const struct csn_init_options *options);

#endif
