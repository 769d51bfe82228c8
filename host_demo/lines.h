/* SPDX-License-Identifier: Apache-2.0 */
/* lines.h: lines from a person at a terminal, with editing and history, or from a pipe. */
#ifndef HOST_LINES_H
#define HOST_LINES_H

#include <stdbool.h>

struct csn_lines;

enum csn_lines_end {
  CSN_LINES_LINE,
  CSN_LINES_CLEARED, /* Ctrl-C: the line was thrown away */
  CSN_LINES_END,
};

/* Never NULL. */
struct csn_lines *csn_lines_open(void);

/* Whether a person sits there. Without one no prompt is printed and nothing is remembered. */
bool csn_lines_interactive(const struct csn_lines *lines);

/* Reads one line, without its newline; *line is valid until the next call. */
enum csn_lines_end csn_lines_read(struct csn_lines *lines, const char *prompt, const char **line);

void csn_lines_close(struct csn_lines *lines);

#endif
