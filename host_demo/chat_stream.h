/* SPDX-License-Identifier: Apache-2.0 */
/* chat_stream.h: server-sent events out of bytes that were cut anywhere. Only the data of events is
 * of interest. The format: https://html.spec.whatwg.org/multipage/server-sent-events.html */
#ifndef HOST_CHAT_STREAM_H
#define HOST_CHAT_STREAM_H

#include "chat_bytes.h"

/* The longest line, and the most data of one event. */
#define CSN_SSE_MAX ((size_t)8 * 1024 * 1024)

struct csn_sse {
  struct csn_bytes line, data;
  bool has_data; /* of the event that has not ended yet */
  bool after_cr; /* a newline that comes now belongs to that */
  bool begun;    /* the first line is over, which a byte order mark may precede */
};

#define CSN_SSE_TOO_LONG (-1000)

/* Hands the data of each event that is complete to event(). Returns 0, CSN_SSE_TOO_LONG, or what
 * event() returned that was not 0, after which no more may be fed. */
int csn_sse_feed(struct csn_sse *stream, const char *bytes, size_t n,
                    int (*event)(void *ctx, const char *data, size_t n), void *ctx);

void csn_sse_free(struct csn_sse *stream);

#endif
