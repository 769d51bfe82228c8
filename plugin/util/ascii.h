/* SPDX-License-Identifier: Apache-2.0 */
/* Letters and numbers as protocols and configurations have them, whatever the host's locale is: under
 * a Turkish one strcasecmp() finds "LIMIT" and "limit" different, under a German one printf() writes
 * "0,5". */
#ifndef CSN_UTIL_ASCII_H
#define CSN_UTIL_ASCII_H

#include <stddef.h>

char csn_ascii_lower(char c);
/* Are they the same but for the case of their ASCII letters? */
int csn_ascii_equal(const char *a, const char *b);
int csn_ascii_begins(const char *text, const char *with);
/* Does the text hold these words? */
int csn_ascii_holds(const char *text, const char *words);

#define CSN_ASCII_NUMBER 32
/* As %.15g in the C locale, of a finite number. */
const char *csn_ascii_number(double value, char out[CSN_ASCII_NUMBER]);

#endif
