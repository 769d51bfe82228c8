/* SPDX-License-Identifier: Apache-2.0 */
/* Which setting an engine's refusal is about. What an engine can do is its own to say, so such a
 * setting is found wrong only when a container is to be made of it. */
#ifndef CSN_SESSION_BLAME_H
#define CSN_SESSION_BLAME_H

#include "util/error.h"

/* Makes a refusal of one of the settings config.invalid, with the setting's name; leaves any other
 * as it is. Returns err->code. */
int csn_blame_setting(struct csn_error *err);

#endif
