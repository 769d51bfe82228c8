/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel that refuses: what a process may not make under a stricter seccomp profile or limit than
 * ours. It is for life, so it is for a child. */
#ifndef SUPPORT_REFUSE_H
#define SUPPORT_REFUSE_H

void refuse_threads(void);   /* clone and clone3: EAGAIN, as at the limit */
void refuse_eventfds(void);  /* EPERM */

/* What the function returns, in a child that then ends without a word; -1 if it died. */
int refuse_in_child(int (*function)(void));

#endif
