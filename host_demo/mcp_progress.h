/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_progress.h: what a call prints and says while it runs, as notifications/progress: at once where
 * that is little, gathered where it is much, and never more than a client can be expected to show. */
#ifndef HOST_MCP_PROGRESS_H
#define HOST_MCP_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "mcp_out.h"

#define CSN_PROGRESS_EVERY_MS 50
#define CSN_PROGRESS_TEXT ((size_t)16 * 1024)

struct csn_progress {
  struct csn_out *out;
  const char *token; /* JSON text; NULL: nobody wants to know */
  unsigned sent;
  uint64_t last_ms; /* when that was */
  size_t n, left_out; /* bytes that wait; bytes for which there was no room */
  char text[CSN_PROGRESS_TEXT];
};

/* Output, whatever bytes that is. */
void csn_progress_output(struct csn_progress *p, const char *bytes, size_t n);

/* A note on what is being done; permille is -1 where that is not known. */
void csn_progress_note(struct csn_progress *p, int32_t permille, const char *note, size_t n);

/* To be called often: sends what waits once its time has come. */
void csn_progress_tick(struct csn_progress *p);

/* Sends what is left. */
void csn_progress_end(struct csn_progress *p);

#endif
