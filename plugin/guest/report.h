/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report from inside: what this process finds of the sandbox that it is in, as JSON. Its shape
 * and where each value comes from are in report.md. It asks the kernel and believes nobody else;
 * what cannot be read is null.
 */
#ifndef CSN_GUEST_REPORT_H
#define CSN_GUEST_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* Remember what the engine gave this process, before any of it is given up: first thing in main. */
void csn_report_remember(void);

/* Write the report into `bytes`; its size, at most `capacity`. `pid1` says whether process 1 is
 * known to be ours. */
size_t csn_report_write(char *bytes, size_t capacity, bool pid1);

#endif
