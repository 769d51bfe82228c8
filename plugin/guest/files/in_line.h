/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions as texts: whether one that is meant for single lines may be let loose on many
 * at once. Pure.
 */
#ifndef CSN_GUEST_FILES_IN_LINE_H
#define CSN_GUEST_FILES_IN_LINE_H

#include "util/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes an expression that matches in lines what the pattern matches in them, and never a line's
 * end: \s, \W, \D and [^...] lose it. False: the pattern has something of which that cannot be
 * said for certain; then each line has to be searched by itself. */
bool csn_in_line(const char *pattern, size_t n, struct csn_buffer *out);
/* Writes the same expression with \S, \D and \W as classes: in UTF mode some releases of PCRE2
 * (10.42 is one) compile those to code that misses characters above U+00FF. */
void csn_in_line_widen(const char *pattern, size_t n, struct csn_buffer *out);
/* Whether characters that are no ASCII can make a difference to it. */
bool csn_in_line_needs_utf(const char *pattern, size_t n);

#endif
