/* SPDX-License-Identifier: Apache-2.0 */
/* ui.h: messages on stderr, colours, and the one line that shows progress. */
#ifndef HOST_UI_H
#define HOST_UI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of the program's own; everything else is the tool's. */
#define CSN_EXIT_USAGE 2
#define CSN_EXIT_FAILED 125

enum csn_ui_style { CSN_UI_PLAIN, CSN_UI_GOOD, CSN_UI_BAD, CSN_UI_FAINT, CSN_UI_STRONG };

/* The escape sequence that starts a style on this stream, or "" where colours are not wanted: the
 * stream is no terminal, NO_COLOR is set, or TERM is dumb. CSN_UI_PLAIN ends every style. */
const char *csn_ui_style(FILE *stream, enum csn_ui_style style);

/* A line on stderr as it is: of the plugin's own making, safe for a terminal. */
void csn_ui_line(const char *text, size_t n);

/* "caisson-host: ..." on stderr. Control characters in the text are escaped. */
void csn_ui_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the exit code for a mistake on the command line. */
int csn_ui_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Text that a container or a registry made: as it is, but escaped where it goes to a terminal. */
bool csn_ui_put(FILE *to, const char *text);

/* Shows what slow work is doing: a line that is overwritten on a terminal, a message elsewhere if
 * `verbose`. permille is -1 where it is not known. */
void csn_ui_progress(bool verbose, int32_t permille, const char *note, uint64_t n);

/* Takes that line away, before anything else is printed. */
void csn_ui_progress_clear(void);

/* `pointer`, or the end of the program where an allocation failed. */
void *csn_must(void *pointer);

#endif
