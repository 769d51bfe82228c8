/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with differences of one sort or another taken out, so that those that differ in nothing
 * else become equal. Newlines stay, so a line keeps its number. Pure.
 */
#ifndef CSN_GUEST_FILES_FOLD_H
#define CSN_GUEST_FILES_FOLD_H

#include "util/buffer.h"

#define CSN_FOLD_CR 1u        /* CRLF becomes LF */
#define CSN_FOLD_NUMBERS 2u   /* the numbers that `read` shows go, if every line has one */
#define CSN_FOLD_ESCAPES 4u   /* \n, \t, \" and \\ become what they stand for */
#define CSN_FOLD_QUOTES 8u    /* typographic quotes, dashes and blanks become plain ones */
#define CSN_FOLD_BLANKS 16u   /* no blanks at either end of a line, one in place of many */
#define CSN_FOLD_CASE 32u     /* ASCII letters become small */
#define CSN_FOLD_ALL 63u
/* What comes of a mistake in quoting; never looked for in the file itself. */
#define CSN_FOLD_QUOTED (CSN_FOLD_NUMBERS | CSN_FOLD_ESCAPES)

/* 0, or negative as csn_buffer_add. */
int csn_fold(const char *text, size_t n, unsigned how, struct csn_buffer *out);

#endif
