/* SPDX-License-Identifier: Apache-2.0 */
/* The body that follows a head: by length, in chunks, or until the end of the connection. Pure: no
 * I/O. Needed only for the refusals of requests for a stream, since libcurl reads all others. */
#ifndef CSN_TRANSPORT_HTTP_BODY_H
#define CSN_TRANSPORT_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "transport/http_head.h"
#include "util/buffer.h"
#include "util/error.h"

struct csn_http_body {
  uint8_t mode;
  uint8_t state;   /* within a chunked body */
  uint8_t digits;  /* of the chunk length that is being read */
  uint8_t in_line; /* is there anything in the trailer line that is being skipped? */
  size_t skipped;  /* bytes of chunk extension or trailers */
  uint64_t left;   /* of the body or the chunk */
  struct csn_buffer *out;
};

/* Reads from the head how the body is delimited. What it holds goes to *out as far as that has
 * room; the rest is dropped. 0, or CAISSON_E_ENGINE (engine.protocol) for lengths that
 * contradict. */
int csn_http_body_init(struct csn_http_body *body, const struct csn_http_head *head,
                       struct csn_buffer *out, struct csn_error *err);
/* 1 when the body is complete, 0 when more is needed (or it ends with the connection), or an error
 * as above. Bytes behind the end are ignored. */
int csn_http_body_feed(struct csn_http_body *body, const void *bytes, size_t n,
                       struct csn_error *err);
/* At the end of the connection: 0 if the body may end here. */
int csn_http_body_end(const struct csn_http_body *body, struct csn_error *err);

#endif
