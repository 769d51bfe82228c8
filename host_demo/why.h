/* SPDX-License-Identifier: Apache-2.0 */
/* why.h: the words of a refusal, in a buffer of the caller's. */
#ifndef HOST_WHY_H
#define HOST_WHY_H

#define CSN_LOADER_MESSAGE 8192

/* Writes the reason and returns -1, for `return csn_why(why, ...)`. */
int csn_why(char why[CSN_LOADER_MESSAGE], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
