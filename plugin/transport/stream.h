/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that an HTTP request turned into a raw stream of bytes in both directions
 * ("hijacked"). Non-blocking once it is open: whoever uses it polls csn_stream_fd(). */
#ifndef CSN_TRANSPORT_STREAM_H
#define CSN_TRANSPORT_STREAM_H

#include <stddef.h>
#include <sys/types.h>

#include "transport/http.h"

/* Used by one thread at a time. */
struct csn_stream;

/* Sends the request with "Connection: Upgrade" and "Upgrade: tcp" on a connection of its own and
 * reads the head of the answer. 0 with *stream set when the engine hijacked the connection (101, or
 * 200 with a raw-stream content type); 0 with *stream NULL when it answered otherwise, which is
 * then in *refusal (status, head, body of at most 64 KiB). Negative as csn_http_do(). In every case
 * *refusal is to be freed. The request's max_body and on_body are not used. */
int csn_stream_open(struct csn_transport *transport, const struct csn_http_request *request,
                    const struct csn_control *control, struct csn_stream **stream,
                    struct csn_http_response *refusal, struct csn_error *err);

int csn_stream_fd(const struct csn_stream *stream);
/* Not 0 where the next read has something to return that polling does not show: look here before.
 * (What came with the head, and what TLS has already taken from the socket.) */
size_t csn_stream_pending(struct csn_stream *stream);

#define CSN_STREAM_AGAIN ((ssize_t)-1000)

/* > 0 bytes, 0 at the end of the stream, CSN_STREAM_AGAIN when there is nothing yet, or
 * CAISSON_E_LOST (engine.unreachable). Reads of up to 512 KiB are the fastest. */
ssize_t csn_stream_read(struct csn_stream *stream, void *buffer, size_t capacity,
                        struct csn_error *err);
/* How many bytes were taken (> 0, maybe fewer than n), CSN_STREAM_AGAIN, after which the next write
 * must begin with the same bytes, or CAISSON_E_LOST. Never raises SIGPIPE. */
ssize_t csn_stream_write(struct csn_stream *stream, const void *bytes, size_t n,
                         struct csn_error *err);
/* Closes it. NULL is allowed. */
void csn_stream_free(struct csn_stream *stream);

static inline void csn_stream_free_ptr(struct csn_stream **stream) {
  csn_stream_free(*stream);
}
#define CSN_CLEANUP_STREAM __attribute__((cleanup(csn_stream_free_ptr)))

#endif
