/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stream.h"

#include <poll.h>
#include <string.h>

#include "transport/failure.h"
#include "transport/handle.h"
#include "transport/http_body.h"
#include "transport/pool.h"
#include "util/alloc.h"
#include "util/ascii.h"

#define HEAD_READ 16384
#define REFUSAL_MAX ((size_t)64 << 10)
/* The most that one curl_easy_recv() gives. */
#define RECEIVE_MAX ((long)512 << 10)
/* What fits into one record of TLS. */
#define RECORD_MAX ((size_t)16 << 10)

struct csn_stream {
  struct csn_handle *handle;
  int fd;
  struct csn_buffer pending; /* came in one read with the head, or was read ahead */

  /* TLS takes whole records from the socket, so after a read there may be more that no poll shows;
   * and a record that it could not send it wants offered again at the same address. */
  int is_tls;
  int may_hold;
  char *record;
  size_t owed; /* of record */
};

/* ---- bytes ----------------------------------------------------------------------------------- */

int csn_stream_fd(const struct csn_stream *stream) {
  return stream->fd;
}

/* Reads a little ahead, to know. */
static size_t look(struct csn_stream *stream) {
  size_t n = 0;
  if (csn_buffer_reserve(&stream->pending, HEAD_READ)) return 1; /* the read itself will tell */
  CURLcode code = curl_easy_recv(stream->handle->easy, stream->pending.data, HEAD_READ, &n);
  if (code == CURLE_AGAIN) stream->may_hold = 0;
  if (code == CURLE_AGAIN) csn_buffer_free(&stream->pending);
  if (code != CURLE_OK || n == 0) return code != CURLE_AGAIN;
  stream->pending.size = n;
  stream->pending.data[n] = '\0';
  return n;
}

size_t csn_stream_pending(struct csn_stream *stream) {
  if (stream->pending.size == 0 && stream->may_hold) return look(stream);
  return stream->pending.size;
}

void csn_stream_free(struct csn_stream *stream) {
  if (!stream) return;
  csn_handle_free(stream->handle);
  csn_buffer_free(&stream->pending);
  csn_free(stream->record);
  csn_free(stream);
}

static ssize_t lost(CURLcode code, struct csn_error *err) {
  if (code == CURLE_AGAIN) return CSN_STREAM_AGAIN;
  if (code == CURLE_OUT_OF_MEMORY) return csn_fail_nomem(err);
  int rc = csn_fail(err, CAISSON_E_LOST, CAISSON_REASON_ENGINE_UNREACHABLE,
                    "the connection to the container broke: %s", curl_easy_strerror(code));
  if (err) err->flags = CAISSON_ERROR_RETRYABLE;
  return rc;
}

/* As much as there is, up to the capacity: only then is it known that TLS holds nothing back. */
static ssize_t read_records(struct csn_stream *stream, char *buffer, size_t capacity,
                            struct csn_error *err) {
  size_t total = 0, n = 0;
  CURLcode code = CURLE_OK;
  while (code == CURLE_OK && total < capacity) {
    code = curl_easy_recv(stream->handle->easy, buffer + total, capacity - total, &n);
    if (code == CURLE_OK && n == 0) break;
    if (code == CURLE_OK) total += n;
  }
  /* An end, or a failure, behind bytes is told by the next read. */
  stream->may_hold = code != CURLE_AGAIN;
  return total > 0 || code == CURLE_OK ? (ssize_t)total : lost(code, err);
}

ssize_t csn_stream_read(struct csn_stream *stream, void *buffer, size_t capacity,
                        struct csn_error *err) {
  size_t n = stream->pending.size;
  if (n > 0) {
    n = n < capacity ? n : capacity;
    memcpy(buffer, stream->pending.data, n);
    csn_buffer_consume(&stream->pending, n);
    if (stream->pending.size == 0) csn_buffer_free(&stream->pending);
    return (ssize_t)n;
  }
  if (stream->is_tls) return read_records(stream, buffer, capacity, err);
  CURLcode code = curl_easy_recv(stream->handle->easy, buffer, capacity, &n);
  return code == CURLE_OK ? (ssize_t)n : lost(code, err);
}

static ssize_t write_record(struct csn_stream *stream, const void *bytes, size_t n,
                            struct csn_error *err) {
  size_t sent = 0;
  if (stream->owed == 0) {
    stream->owed = n < RECORD_MAX ? n : RECORD_MAX;
    memcpy(stream->record, bytes, stream->owed);
  }
  CURLcode code = curl_easy_send(stream->handle->easy, stream->record, stream->owed, &sent);
  if (code == CURLE_AGAIN || (code == CURLE_OK && sent == 0)) return CSN_STREAM_AGAIN;
  stream->owed = 0;
  return code == CURLE_OK ? (ssize_t)sent : lost(code, err);
}

ssize_t csn_stream_write(struct csn_stream *stream, const void *bytes, size_t n,
                         struct csn_error *err) {
  size_t sent = 0;
  if (n == 0) return 0;
  if (stream->is_tls) return write_record(stream, bytes, n, err);
  CURLcode code = curl_easy_send(stream->handle->easy, bytes, n, &sent);
  if (code == CURLE_OK) return sent ? (ssize_t)sent : CSN_STREAM_AGAIN;
  return lost(code, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int wait_for(struct csn_stream *stream, short events, const struct csn_control *control,
                    struct csn_error *err) {
  struct pollfd p = {.fd = stream->fd, .events = events};
  int rc = csn_control_poll(control, &p, 1, CSN_NEVER, err);
  return rc < 0 ? rc : 0;
}

/* While it is being opened, a broken connection is an engine that cannot be reached. */
static int broken(struct csn_stream *stream, const struct csn_control *control,
                  struct csn_error *err) {
  return csn_handle_failure(stream->handle, CURLE_GOT_NOTHING, 0, control, err);
}

static int write_all(struct csn_stream *stream, const char *bytes, size_t n,
                     const struct csn_control *control, struct csn_error *err) {
  while (n > 0) {
    ssize_t wrote = csn_stream_write(stream, bytes, n, err);
    if (wrote == CAISSON_E_LOST) return broken(stream, control, err);
    if (wrote < 0 && wrote != CSN_STREAM_AGAIN) return (int)wrote;
    int rc = wrote < 0 ? wait_for(stream, POLLOUT, control, err) : 0;
    if (rc) return rc;
    if (wrote > 0) {
      bytes += wrote;
      n -= (size_t)wrote;
    }
  }
  return 0;
}

/* Waits for some bytes; 0 at the end of the connection. */
static ssize_t read_some(struct csn_stream *stream, char *buffer, size_t capacity,
                         const struct csn_control *control, struct csn_error *err) {
  for (;;) {
    ssize_t n = csn_stream_read(stream, buffer, capacity, err);
    if (n == CAISSON_E_LOST) return broken(stream, control, err);
    if (n != CSN_STREAM_AGAIN) return n;
    int rc = wait_for(stream, POLLIN, control, err);
    if (rc) return rc;
  }
}

static int send_request(struct csn_stream *stream, const struct csn_http_request *request,
                        const struct csn_control *control, struct csn_error *err) {
  struct csn_buffer text CSN_CLEANUP_BUFFER = CSN_BUFFER((size_t)1 << 20);
  int rc = csn_buffer_addf(&text,
                           "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: caisson\r\n"
                           "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %zu\r\n",
                           request->method, request->path, stream->handle->endpoint->host,
                           request->body_size);
  if (rc == 0 && request->content_type)
    rc = csn_buffer_addf(&text, "Content-Type: %s\r\n", request->content_type);
  if (rc == 0) rc = csn_buffer_addz(&text, "\r\n");
  if (rc == 0) rc = csn_buffer_add(&text, request->body, request->body_size);
  if (rc == CAISSON_E_LIMIT)
    return csn_fail(err, rc, CAISSON_REASON_INTERNAL, "too long a request for a stream");
  if (rc) return csn_fail_nomem(err);
  return write_all(stream, text.data, text.size, control, err);
}

/* Reads up to the end of the final head; what came behind it stays pending. */
static int read_head(struct csn_stream *stream, struct csn_http_head *head,
                     const struct csn_control *control, struct csn_error *err) {
  char bytes[HEAD_READ];
  while (!head->complete) {
    ssize_t n = read_some(stream, bytes, sizeof bytes, control, err);
    if (n == 0) return broken(stream, control, err);
    if (n < 0) return (int)n;
    size_t used = 0, total = 0;
    int rc = 0;
    while (total < (size_t)n && !head->complete) {
      rc = csn_http_head_feed(head, bytes + total, (size_t)n - total, &used, err);
      if (rc < 0) return rc;
      total += used;
      if (head->complete && head->status < 200 && head->status != 101) csn_http_head_free(head);
    }
    if (total < (size_t)n && csn_buffer_add(&stream->pending, bytes + total, (size_t)n - total))
      return csn_fail_nomem(err);
  }
  return 0;
}

/* Engines that ignore the Upgrade header answer 200 and hijack all the same. */
static int is_hijacked(const struct csn_http_head *head) {
  static const char raw[] = "application/vnd.docker.raw-stream";
  static const char multiplexed[] = "application/vnd.docker.multiplexed-stream";
  const char *type = csn_http_head_get(head, "Content-Type");
  if (head->status == 101) return 1;
  return head->status == 200 && type && !csn_http_head_get(head, "Content-Length") &&
         !csn_http_head_get(head, "Transfer-Encoding") &&
         (csn_ascii_equal(type, raw) || csn_ascii_equal(type, multiplexed));
}

static int read_refusal(struct csn_stream *stream, struct csn_http_response *refusal,
                        const struct csn_control *control, struct csn_error *err) {
  struct csn_http_body body;
  char bytes[HEAD_READ];
  refusal->status = refusal->head.status;
  refusal->body.max = REFUSAL_MAX;
  int rc = csn_http_body_init(&body, &refusal->head, &refusal->body, err);
  if (rc == 0) rc = csn_http_body_feed(&body, "", 0, err);
  while (rc == 0 && refusal->body.size < REFUSAL_MAX) {
    ssize_t n = read_some(stream, bytes, sizeof bytes, control, err);
    if (n < 0) return (int)n;
    if (n == 0) return csn_http_body_end(&body, err);
    rc = csn_http_body_feed(&body, bytes, (size_t)n, err);
  }
  return rc < 0 ? rc : 0;
}

static int stream_connect(const struct csn_endpoint *endpoint, const struct csn_control *control,
                          struct csn_stream **out, struct csn_error *err) {
  struct csn_stream *stream CSN_CLEANUP_STREAM = csn_calloc(1, sizeof *stream);
  if (!stream) return csn_fail_nomem(err);
  stream->pending.max = HEAD_READ;
  stream->is_tls = endpoint->has_tls;
  stream->record = endpoint->has_tls ? csn_alloc(RECORD_MAX) : NULL;
  if (stream->is_tls && !stream->record) return csn_fail_nomem(err);
  int rc = csn_handle_new(endpoint, &stream->handle, err);
  if (rc == 0) rc = csn_handle_prepare(stream->handle, "/", err);
  if (rc) return rc;
  curl_easy_setopt(stream->handle->easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(stream->handle->easy, CURLOPT_BUFFERSIZE, RECEIVE_MAX);
  rc = csn_handle_run(stream->handle, control, 1, err);
  if (rc) return rc;
  curl_socket_t fd = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(stream->handle->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd < 0)
    return csn_failure_connect(endpoint, 0, err);
  stream->fd = fd;
  *out = CSN_STEAL(stream);
  return 0;
}

int csn_stream_open(struct csn_transport *transport, const struct csn_http_request *request,
                    const struct csn_control *control, struct csn_stream **stream,
                    struct csn_http_response *refusal, struct csn_error *err) {
  struct csn_stream *s CSN_CLEANUP_STREAM = NULL;
  *stream = NULL;
  memset(refusal, 0, sizeof *refusal);
  csn_http_head_init(&refusal->head);
  int rc = stream_connect(csn_pool_endpoint(transport), control, &s, err);
  if (rc == 0) rc = send_request(s, request, control, err);
  if (rc == 0) rc = read_head(s, &refusal->head, control, err);
  if (rc) return rc;
  if (!is_hijacked(&refusal->head)) return read_refusal(s, refusal, control, err);
  s->handle->endpoint = NULL;
  *stream = CSN_STEAL(s);
  return 0;
}
