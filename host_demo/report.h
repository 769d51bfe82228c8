/* SPDX-License-Identifier: Apache-2.0 */
/* report.h: what a call's end looks like to people, and as an exit code. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <stdbool.h>

#include "host.h"

/* The exit code of the whole thing: the tool's own, or CSN_EXIT_FAILED where it has none. */
int csn_report_exit(const struct csn_reply *reply);

/* True where the tool or operation did what it was asked. */
bool csn_report_good(const struct csn_reply *reply);

/* A failure in words on stderr; nothing for a tool that ran to its end. */
void csn_report_failure(const struct csn_reply *reply);

/* All of it: the result itself on stdout with `json`; else what did not stream live, and notes on
 * what the user should know. Returns the exit code. */
int csn_report_call(const struct csn_reply *reply, bool json, bool verbose);

/* result.json and a newline on stdout. */
void csn_report_json(const struct csn_reply *reply);

#endif
