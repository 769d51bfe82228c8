/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_out.h: lines on their way to a reader who may be slow, or gone. They are kept up to a bound,
 * written by a thread of their own, each whole and in the order in which they came. */
#ifndef HOST_MCP_OUT_H
#define HOST_MCP_OUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* What may wait to be read before those who add to it have to wait. */
#define CSN_OUT_MAX ((size_t)4 * 1024 * 1024)

struct csn_out_line;

struct csn_out {
  int fd;
  int input; /* of whoever reads it: when that hangs up, or a signal asks for the end, nobody waits */
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  struct csn_out_line *first, **last;
  size_t bytes;    /* of all lines, that being written included */
  bool writing;    /* the thread is inside write */
  bool ending;     /* what is there is still written */
  bool broken;     /* nobody reads any more */
  bool hurried;    /* whoever adds a line does not wait for room */
  int broken_pipe[2]; /* becomes readable then */
};

/* Begins to write to `fd`, which stays the caller's, as does the pipe `input`. */
void csn_out_open(struct csn_out *out, int fd, int input);

/* Adds a line (malloc'd, and taken) and waits while there is no room; thrown away where there is
 * none to be had any more. */
void csn_out_put(struct csn_out *out, char *line, size_t n);

/* Adds it if that leaves half of the room to others, and does not wait: for what is worth nothing
 * later. False: it was dropped. */
bool csn_out_offer(struct csn_out *out, char *line, size_t n);

/* From now on nobody waits for room, for the program has been told to end. */
void csn_out_hurry(struct csn_out *out);

/* Readable once nobody reads what is written. */
int csn_out_broken(const struct csn_out *out);

/* Writes what is left for at most `patience_ms`; true if all of it is out. A thread that is stuck in
 * a write stays behind, and `out` with it: to be done once, at the program's end. */
bool csn_out_close(struct csn_out *out, int patience_ms);

#endif
