/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a host is new enough for this plugin. Pure. */
#ifndef CSN_ENTRY_HOST_MINOR_H
#define CSN_ENTRY_HOST_MINOR_H

#include "util/error.h"

/* 0, or CAISSON_E_VERSION (abi.version) where the host was built with an older header than `needs`. */
int csn_host_minor_check(uint32_t has, uint32_t needs, struct csn_error *err);

#endif
