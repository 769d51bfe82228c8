/* SPDX-License-Identifier: Apache-2.0 */
/* What the exit code of a sandbox's process 1 says about why the sandbox ended. */
#ifndef CSN_CHANNEL_ENDS_H
#define CSN_CHANNEL_ENDS_H

#include "wire/protocol.h"

enum csn_channel_end {
  CSN_END_IDLE = CSN_INIT_EXIT_IDLE,         /* no call for too long */
  CSN_END_LIFETIME = CSN_INIT_EXIT_LIFETIME, /* it was as old as it may become */
  CSN_END_SQUEEZED = CSN_INIT_EXIT_SQUEEZED, /* process 1's limits were changed from inside */
  CSN_END_INTERNAL = CSN_INIT_EXIT_INTERNAL, /* process 1 could not go on */
};

#endif
