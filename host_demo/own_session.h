/* SPDX-License-Identifier: Apache-2.0 */
/* own_session.h: a session that a mode of the program has for itself, and takes with it. */
#ifndef HOST_OWN_SESSION_H
#define HOST_OWN_SESSION_H

#include "host.h"

/* A key that nobody else has, malloc'd: "mode-..." */
char *csn_own_session_key(const char *mode);

/* Removes it, if there is one by now. Says why where that fails. */
void csn_own_session_remove(struct csn_host *host, const char *key);

#endif
