/* SPDX-License-Identifier: Apache-2.0 */
/* help.h: the texts of --help. */
#ifndef HOST_HELP_H
#define HOST_HELP_H

extern const char csn_help_main[];
extern const char csn_help_repl[]; /* what :help says */

/* The text for a command, or NULL where there is none of that name. */
const char *csn_help_command(const char *name);

#endif
