/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_in.h: messages from a client, one on each line. */
#ifndef HOST_MCP_IN_H
#define HOST_MCP_IN_H

#include <stddef.h>

/* The longest message; the rest of a longer one is read and forgotten. */
#define CSN_IN_MAX ((size_t)32 * 1024 * 1024)

enum csn_in_got {
  CSN_IN_LINE,
  CSN_IN_TOO_LONG,
  CSN_IN_END,         /* of the input, or of all use in reading it */
  CSN_IN_INTERRUPTED, /* by a signal that ends the program */
};

struct csn_in {
  int fd, ending; /* descriptors: to read; readable once it is of no use any more */
  char *bytes;
  size_t begin, end, room; /* what was read and not handed out yet: [begin, end) */
  size_t looked;           /* of that, without a newline */
  int skipping;            /* the rest of a line that was too long */
  int ended;
};

/* Waits for the next line that is not blank; *line is valid until the next call. */
enum csn_in_got csn_in_read(struct csn_in *in, const char **line, size_t *n);

void csn_in_free(struct csn_in *in);

#endif
