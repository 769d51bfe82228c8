/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines as they are shown to a model: a number, a tab, and the line. Pure.
 */
#ifndef CSN_GUEST_FILES_LINES_H
#define CSN_GUEST_FILES_LINES_H

#include "util/buffer.h"

#include <stdint.h>

#define CSN_LINE_SHOWN 2000u               /* characters of one line */
#define CSN_LINE_HELD (4 * CSN_LINE_SHOWN + 8)   /* bytes that are sure to be more than these */

/* The first `n` bytes of a line that has `whole` of them, without its ending; at most `most`
 * characters are shown. 1: it was cut; 0; negative as csn_buffer_add. */
int csn_lines_add(struct csn_buffer *out, uint64_t number, const char *line, size_t n,
                  uint64_t whole, size_t most);

/* Lines `first` to `last` (from 1) of a text in memory; a line that ends in CRLF is shown without
 * it. 0, or negative. */
int csn_lines_add_range(struct csn_buffer *out, const char *text, size_t n, uint64_t first,
                        uint64_t last, size_t most);

/* The newlines in a text: one less than the number of the line that follows it. */
uint64_t csn_lines_count(const char *text, size_t n);

#endif
