/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/http.h"

#include <string.h>

#include "transport/failure.h"
#include "transport/handle.h"
#include "transport/pool.h"
#include "util/alloc.h"

#define REFUSAL_MAX ((size_t)64 << 10)

/* What the callbacks of one request share. */
struct exchange {
  const struct csn_http_request *request;
  struct csn_http_response *response;
  struct csn_handle *handle;
  int enough; /* the caller's on_body wants no more */
};

void csn_http_response_free(struct csn_http_response *response) {
  csn_http_head_free(&response->head);
  csn_buffer_free(&response->body);
  response->status = 0;
}

static void response_init(struct csn_http_response *response) {
  memset(response, 0, sizeof *response);
  csn_http_head_init(&response->head);
}

static int is_success(int status) {
  return status >= 200 && status < 300;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* One line at a time. Lines behind the head are trailers, unless the head was an interim one. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx) {
  struct exchange *x = ctx;
  struct csn_http_head *head = &x->response->head;
  size_t used;
  n *= size;
  if (head->complete && head->status >= 200) return n;
  if (head->complete) {
    csn_http_head_free(head);
    csn_http_head_init(head);
  }
  if (csn_http_head_feed(head, line, n, &used, &x->handle->failure) < 0) return 0;
  x->response->status = head->status;
  return n;
}

static size_t keep_refusal(struct exchange *x, const char *bytes, size_t n) {
  struct csn_buffer *body = &x->response->body;
  body->max = REFUSAL_MAX;
  size_t room = body->max - body->size;
  if (csn_buffer_add(body, bytes, n < room ? n : room) == 0) return n;
  csn_fail_nomem(&x->handle->failure);
  return 0;
}

static size_t hand_over(struct exchange *x, const char *bytes, size_t n) {
  int rc = x->request->on_body(x->request->ctx, bytes, n, &x->handle->failure);
  if (rc == 0) return n;
  if (rc < 0) x->handle->failure.code = rc;
  x->enough = rc > 0;
  return 0;
}

/* Returning less than n ends the transfer. */
static size_t on_body(char *bytes, size_t size, size_t n, void *ctx) {
  struct exchange *x = ctx;
  n *= size;
  if (n == 0) return 0;
  if (!is_success(x->response->status)) return keep_refusal(x, bytes, n);
  if (x->request->on_body) return hand_over(x, bytes, n);
  struct csn_buffer *body = &x->response->body;
  body->max = x->request->max_body ? x->request->max_body : CSN_HTTP_BODY_MAX;
  int rc = csn_buffer_add(body, bytes, n);
  if (rc == 0) return n;
  if (rc == CAISSON_E_LIMIT)
    csn_fail(&x->handle->failure, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
             "the engine's answer is longer than the %zu bytes that it may have", body->max);
  else
    csn_fail_nomem(&x->handle->failure);
  return 0;
}

/* ---- the request ----------------------------------------------------------------------------- */

static size_t on_send(char *buffer, size_t size, size_t n, void *ctx) {
  struct exchange *x = ctx;
  int64_t given = x->request->give_body(x->request->give_ctx, buffer, size * n,
                                        &x->handle->failure);
  if (given >= 0) return (size_t)given;
  x->handle->failure.code = (int)given;
  return CURL_READFUNC_ABORT;
}

static void free_list(struct curl_slist **list) {
  curl_slist_free_all(*list);
}

static int add_header(struct curl_slist **list, const char *line) {
  struct curl_slist *longer = line ? curl_slist_append(*list, line) : NULL;
  if (!longer) return CAISSON_E_NOMEM;
  *list = longer;
  return 0;
}

/* "Expect" would cost a round trip for each body of more than 1 MiB. */
static int make_headers(const struct csn_http_request *request, struct curl_slist **list) {
  int rc = add_header(list, "Expect:");
  for (const char *const *h = request->headers; !rc && h && *h; h++) rc = add_header(list, *h);
  if (!rc && request->give_body) rc = add_header(list, "Transfer-Encoding: chunked");
  if (rc || !request->content_type) return rc ? rc : add_header(list, "Content-Type:");
  char *type CSN_CLEANUP_FREE = csn_asprintf("Content-Type: %s", request->content_type);
  return add_header(list, type);
}

static int is(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

/* What libcurl would send twice by itself, when a kept connection turns out to be dead, must be
 * harmless twice; all else goes over a connection of which that cannot be so. On a unix socket a
 * fresh one costs some 50 us. */
static int may_repeat(const struct csn_http_request *request) {
  return is(request->method, "GET") || is(request->method, "HEAD");
}

static void set_body(struct exchange *x) {
  const struct csn_http_request *request = x->request;
  CURL *e = x->handle->easy;
  if (request->give_body) {
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(e, CURLOPT_READDATA, x);
    return;
  }
  curl_easy_setopt(e, CURLOPT_POSTFIELDS, request->body_size ? request->body : "");
  curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
}

static int set_request(struct exchange *x, struct curl_slist *headers) {
  const struct csn_http_request *request = x->request;
  CURL *e = x->handle->easy;
  CURLcode code = CURLE_OK;
  if (is(request->method, "HEAD")) {
    curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
  } else if (!is(request->method, "GET")) {
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    set_body(x);
    code = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, request->method); /* it copies that */
  }
  curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, may_repeat(request) ? 0L : 1L);
  curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
  curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
  return code == CURLE_OK ? 0 : CAISSON_E_NOMEM;
}

static int exchange_run(struct exchange *x, const struct csn_control *control,
                        struct csn_error *err) {
  struct curl_slist *headers __attribute__((cleanup(free_list))) = NULL;
  int rc = csn_handle_prepare(x->handle, x->request->path, err);
  if (rc) return rc;
  if (make_headers(x->request, &headers) || set_request(x, headers)) return csn_fail_nomem(err);
  rc = csn_handle_run(x->handle, control, 0, err);
  if (rc || x->response->head.complete) return rc;
  /* libcurl takes the end of a connection for the end of a head. */
  return csn_handle_failure(x->handle, CURLE_PARTIAL_FILE, 0, control, err);
}

int csn_http_do(struct csn_transport *transport, const struct csn_http_request *request,
                const struct csn_control *control, struct csn_http_response *response,
                struct csn_error *err) {
  struct exchange x = {.request = request, .response = response};
  response_init(response);
  int rc = csn_pool_take(transport, &x.handle, err);
  if (rc) return rc;
  rc = exchange_run(&x, control, err);
  if (rc == 0) {
    csn_pool_give(transport, x.handle);
    return 0;
  }
  csn_handle_free(x.handle);
  if (!x.enough) {
    csn_http_response_free(response);
    return rc;
  }
  if (err) csn_error_clear(err);
  return 0;
}
