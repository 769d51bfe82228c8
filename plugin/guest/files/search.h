/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for a regular expression in the lines of a text. It takes the cheapest way that finds
 * exactly what the expression, held against each line by itself, would find. No I/O but the clock.
 */
#ifndef CSN_GUEST_FILES_SEARCH_H
#define CSN_GUEST_FILES_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct csn_search;

#define CSN_SEARCH_FOLD 1u        /* regardless of case */
#define CSN_SEARCH_MULTILINE 2u   /* a match may go over lines; a dot matches their ends too */
#define CSN_SEARCH_PLAINLY 4u     /* for tests: no short cuts */

/* Why a pattern was not compiled. */
struct csn_search_flaw {
  char text[256];
  size_t offset;   /* in bytes */
};

struct csn_search *csn_search_begin(const char *pattern, unsigned flags,
                                    struct csn_search_flaw *flaw);

/* From when on it gives up, by csn_walk_clock; 0, as at first: never. */
void csn_search_set_end(struct csn_search *search, int64_t ends_at);

/* Offsets in the text. A line's end does not count its newline. */
struct csn_search_match {
  size_t line, line_end;   /* of the first and of the last line that have part of it */
  size_t start, end;
};

enum csn_search_result {
  CSN_SEARCH_FOUND,
  CSN_SEARCH_NONE,
  CSN_SEARCH_LIMIT,
  CSN_SEARCH_LATE,
};

/* The first match in the whole lines of text[at..size), `at` being where a line begins. Limit: the
 * expression goes back and forth too often in the line at match->line. Late: the time is over. */
enum csn_search_result csn_search_next(struct csn_search *search, const char *text, size_t size,
                                       size_t at, struct csn_search_match *match);
void csn_search_end(struct csn_search *search);

#endif
