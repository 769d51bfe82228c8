/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean ...?": the nearest of a few names. */
#ifndef CSN_UTIL_SUGGEST_H
#define CSN_UTIL_SUGGEST_H

#include <stddef.h>

/* The name that whoever wrote `word` probably meant, or NULL where none is near: few typing
 * mistakes away (insert, delete, replace, swap), or one is short for the other. */
const char *csn_suggest(const char *word, const char *const *names, size_t count);

#endif
