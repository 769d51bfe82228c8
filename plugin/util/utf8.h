/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8: is it valid, how many characters, and repair. A character here is a code point, or a
 * piece of broken text that repair turns into one U+FFFD: the longest start of a sequence that
 * could have become valid, else one byte (what Unicode recommends and browsers do).
 * Repair needs no state between chunks: collect the bytes and repair what is shown. */
#ifndef CSN_UTIL_UTF8_H
#define CSN_UTIL_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

int csn_utf8_is_valid(const void *bytes, size_t n);
size_t csn_utf8_valid_prefix(const void *bytes, size_t n); /* bytes before the first flaw */
size_t csn_utf8_count(const void *bytes, size_t n);

/* How many bytes the first `characters` characters take; n if there are not that many. */
size_t csn_utf8_span(const void *bytes, size_t n, size_t characters);

/* Bytes cut out of a longer text can begin inside a character: how many (0-3) to leave out so
 * that the rest is divided into characters as it is in the whole text. */
size_t csn_utf8_resync(const void *bytes, size_t n);

/* Adds valid text without NUL (which is replaced too, since C strings and cJSON end there). A
 * sequence cut short by the end is broken. 0, CAISSON_E_NOMEM or CAISSON_E_LIMIT. */
int csn_utf8_repair(const void *bytes, size_t n, struct csn_buffer *out);
/* The same as a new C string, to be freed by csn_free, or NULL when out of memory. */
char *csn_utf8_repaired(const void *bytes, size_t n);

#endif
