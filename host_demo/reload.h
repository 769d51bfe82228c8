/* SPDX-License-Identifier: Apache-2.0 */
/* reload.h: another version of the plugin while the program runs: by SIGHUP or by word.
 *
 * A mode that runs for long has three lines: csn_reload_expect() before its host is started,
 * csn_reload_begin() after that, and csn_reload_end() before it is stopped. In between SIGHUP means:
 * take the version that the configured path leads to by now, and read the configuration anew. */
#ifndef HOST_RELOAD_H
#define HOST_RELOAD_H

#include "host.h"

/* SIGHUP no longer ends the program. One that comes while the host is being started is answered
 * then. */
void csn_reload_expect(void);

/* Swaps happen on a thread of their own, so that a call that runs is not disturbed. Calls on the
 * old version that outlast `grace_ms` (0: none) are cancelled. */
void csn_reload_begin(struct csn_host *host, uint64_t grace_ms);

/* Who is told of each swap that was made, as soon as calls go to the new version and on the thread
 * that makes it. Before csn_reload_begin(). */
void csn_reload_notify(void (*published)(void *ctx), void *ctx);

/* Waits for a swap that is under way, and says so where that takes time. */
void csn_reload_end(void);

/* Swaps now, on this thread, to the version at `plugin` (NULL: as SIGHUP does), and says on stderr
 * what came of it. 0, or -1 where the old version goes on. */
int csn_reload_now(struct csn_host *host, const char *plugin, uint64_t grace_ms);

#endif
