/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/1.1 endpoint, over a unix socket, tcp, TLS or ssh: requests on kept connections that all
 * threads share, each under a csn_control. It knows nothing of what is asked or what answers mean. */
#ifndef CSN_TRANSPORT_HTTP_H
#define CSN_TRANSPORT_HTTP_H

#include <stddef.h>

#include "transport/http_head.h"
#include "util/buffer.h"
#include "util/control.h"
#include "util/error.h"

/* Thread-safe. */
struct csn_transport;

struct csn_tls;

/* An endpoint as csn_endpoint_parse() has it; the port is 2375 unless it is given, with TLS 2376.
 * Connects to nothing yet. 0, CAISSON_E_CONFIG or CAISSON_E_NOMEM. */
int csn_transport_new(const char *endpoint, const struct csn_tls *tls,
                      struct csn_transport **transport, struct csn_error *err);
/* Closes the kept connections. Nobody may be inside csn_http_do() or csn_stream_open(); streams
 * that are open live on. NULL is allowed. */
void csn_transport_free(struct csn_transport *transport);
const char *csn_transport_endpoint(const struct csn_transport *transport);
/* Seconds to add to what an engine may take, for the way to it: 0 but by ssh. */
int csn_transport_patience(const struct csn_transport *transport);

struct csn_http_request {
  const char *method;       /* "GET", "HEAD", "POST", "PUT", "DELETE" */
  const char *path;         /* begins with '/', escaped, with its query */
  const void *body;         /* borrowed for the call */
  size_t body_size;
  const char *content_type; /* of the body; NULL: none */
  const char *const *headers; /* further ones, "Name: value", NULL-ended; NULL: none */
  size_t max_body;          /* of the answer; a longer one is an error. 0: CSN_HTTP_BODY_MAX */

  /* Instead of gathering it: the body of a 2xx answer as it comes. A negative return ends the
   * request, which then returns that code with the error that the callback left; CSN_HTTP_ENOUGH
   * ends it with success. NULL: the body is gathered in response.body. */
  int (*on_body)(void *ctx, const void *bytes, size_t n, struct csn_error *err);
  void *ctx;

  /* Instead of `body`: the body as it is made, in chunks. Copies at most `room` bytes into buffer
   * and returns how many, 0 at its end; a negative return ends the request as one of on_body does.
   * It should not block for long. NULL: `body`. */
  int64_t (*give_body)(void *ctx, void *buffer, size_t room, struct csn_error *err);
  void *give_ctx;
};
#define CSN_HTTP_ENOUGH 1
#define CSN_HTTP_BODY_MAX ((size_t)16 << 20)

struct csn_http_response {
  int status;
  struct csn_http_head head; /* csn_http_head_get(&r.head, "Content-Type") */
  struct csn_buffer body;    /* of an answer other than 2xx at most 64 KiB, then cut */
};

/* 0 when there is an answer, whatever its status. Otherwise CAISSON_E_CANCELLED, _DEADLINE, _NOMEM
 * or CAISSON_E_ENGINE with reason engine.unreachable (retryable), engine.permission, engine.tls or
 * engine.protocol; the connection is then closed and *response is empty.
 * GET and HEAD go over a kept connection, and are sent again on a fresh one when that turns out to
 * be dead before any byte of an answer. Other methods are sent once, on a fresh connection, so that
 * they never happen twice; it is kept for the next GET. */
int csn_http_do(struct csn_transport *transport, const struct csn_http_request *request,
                const struct csn_control *control, struct csn_http_response *response,
                struct csn_error *err);

void csn_http_response_free(struct csn_http_response *response);
#define CSN_CLEANUP_HTTP_RESPONSE __attribute__((cleanup(csn_http_response_free)))

#endif
