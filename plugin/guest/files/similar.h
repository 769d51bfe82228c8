/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a text that are most like those of a pattern which is not in it. Pure, and bounded:
 * so much of either is looked at that it takes a fraction of a second.
 */
#ifndef CSN_GUEST_FILES_SIMILAR_H
#define CSN_GUEST_FILES_SIMILAR_H

#include <stddef.h>
#include <stdint.h>

/* The number of the line (from 1) where the pattern's first line would stand; 0: nothing is like
 * it. */
uint64_t csn_similar_find(const char *text, size_t n, const char *pattern, size_t pattern_size);

#endif
