/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: making text from elsewhere safe to show on a terminal, and measuring it. */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A malloc'd copy in which control characters (C0, DEL, C1, those that reorder text) and bytes that
 * are not UTF-8 stand as \xNN or \u{NNNN}. `keep_lines` leaves newlines and tabs as they are. */
char *csn_text_escape(const char *bytes, size_t n, bool keep_lines);

/* The same for one line: a table's cell, a name in a message. NULL is "-". */
char *csn_text_line(const char *text);

bool csn_text_is_utf8(const char *bytes, size_t n);

/* A malloc'd copy in which bytes that are not UTF-8, and NULs, stand as U+FFFD, whatever was cut
 * where. *rest says how many bytes at the end may be the beginning of a character of which more is
 * to come: they are left out. NULL for rest: nothing more comes. */
char *csn_text_repair(const char *bytes, size_t n, size_t *rest);

/* Columns that a string takes on a terminal. */
size_t csn_text_width(const char *utf8);

/* At most `columns` columns of an escaped string, in place; a cut shows as "...". */
void csn_text_shorten(char *utf8, size_t columns);

#endif
