/* SPDX-License-Identifier: Apache-2.0 */
/* What this very process uses, read from /proc: to see whether the plugin leaves anything behind.
 */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include <stdbool.h>

int process_fds(void);
int process_threads(void);

/* A figure of /proc/self/status in kB, such as "VmRSS" or "VmHWM"; -1 if it is not there. */
long process_kb(const char *name);
/* Makes VmHWM, the most that was ever resident, start anew from what is resident now. */
void process_reset_peak(void);

/* Does it run under AddressSanitizer, whose own memory hides what a program uses? */
bool process_is_sanitized(void);

#endif
