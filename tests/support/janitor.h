/* SPDX-License-Identifier: Apache-2.0 */
/* Removes what a test leaves in the engine, however the test ends: at its exit if it gets there,
 * and if it is killed or aborts, by a process of its own that notices. */
#ifndef SUPPORT_JANITOR_H
#define SUPPORT_JANITOR_H

/* Sandboxes of this instance name will be removed. */
void janitor_add(const char *instance);

#endif
