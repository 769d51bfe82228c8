/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1 answer, parsed as its bytes come. Pure: no I/O. Strict: lines end in CRLF,
 * no folding, no control characters, and every count and length has a cap. */
#ifndef CSN_TRANSPORT_HTTP_HEAD_H
#define CSN_TRANSPORT_HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/error.h"

#define CSN_HTTP_HEAD_SIZE_MAX 32768 /* of the whole head */
#define CSN_HTTP_HEAD_LINE_MAX 8192  /* of one line, its CRLF included */
#define CSN_HTTP_HEAD_COUNT_MAX 64   /* of headers */

struct csn_http_head {
  int status;   /* 100-599 once the status line is there */
  int minor;    /* of HTTP/1.x */
  int complete; /* the empty line was seen */
  size_t count;
  struct {
    uint32_t name; /* offsets into text, where both end with a NUL */
    uint32_t value;
  } headers[CSN_HTTP_HEAD_COUNT_MAX];
  struct csn_buffer text;
  size_t line; /* where the line that is not complete yet begins in text */
};

void csn_http_head_init(struct csn_http_head *head);
void csn_http_head_free(struct csn_http_head *head);

/* Takes bytes up to and including the empty line that ends the head, and says in *used how many;
 * what follows is not touched. 1 when the head is complete, 0 when more is needed, CAISSON_E_ENGINE
 * (engine.protocol) for what is no HTTP/1 head or passes a cap, or CAISSON_E_NOMEM. After an error
 * it can only be freed. */
int csn_http_head_feed(struct csn_http_head *head, const void *bytes, size_t n, size_t *used,
                       struct csn_error *err);

/* The first header of that name, in any case, without the blanks round it; NULL if there is none.
 * Lives as long as the head. */
const char *csn_http_head_get(const struct csn_http_head *head, const char *name);

#endif
