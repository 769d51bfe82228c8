/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the parsers of an answer's head and body. The first byte of the input says in pieces of
 * which size the rest comes; however it is cut, the outcome must be the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/http_body.h"
#include "transport/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
  int head; /* of the last feed */
  int body;
  int end;
  size_t count;
  struct csn_buffer out;
};

static void check_head(const struct csn_http_head *head) {
  if (head->text.size > CSN_HTTP_HEAD_SIZE_MAX || head->count > CSN_HTTP_HEAD_COUNT_MAX) abort();
  for (size_t i = 0; i < head->count; i++) {
    const char *name = head->text.data + head->headers[i].name;
    if (!*name || !csn_http_head_get(head, name)) abort();
    if (head->headers[i].value + strlen(head->text.data + head->headers[i].value) >
        head->text.size)
      abort();
  }
}

static void feed_body(const struct csn_http_head *head, const uint8_t *data, size_t n, size_t piece,
                      struct outcome *o) {
  struct csn_http_body body;
  o->body = csn_http_body_init(&body, head, &o->out, NULL);
  for (size_t at = 0; o->body == 0 && at < n; at += piece)
    o->body = csn_http_body_feed(&body, data + at, piece < n - at ? piece : n - at, NULL);
  o->end = o->body < 0 ? o->body : csn_http_body_end(&body, NULL);
  if (o->out.size > o->out.max) abort();
}

static struct outcome parse(const uint8_t *data, size_t n, size_t piece) {
  struct outcome o = {.out = CSN_BUFFER(200)};
  struct csn_http_head head;
  size_t at = 0;
  csn_http_head_init(&head);
  while (o.head == 0 && at < n) {
    size_t used;
    o.head = csn_http_head_feed(&head, data + at, piece < n - at ? piece : n - at, &used, NULL);
    at += used;
  }
  o.count = head.count;
  if (o.head >= 0) check_head(&head);
  if (o.head == 1) feed_body(&head, data + at, n - at, piece, &o);
  csn_http_head_free(&head);
  return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct outcome whole = parse(data + 1, size - 1, size);
  struct outcome cut = parse(data + 1, size - 1, 1 + data[0] % 16U);
  if (whole.head != cut.head || whole.body != cut.body || whole.end != cut.end ||
      (whole.head >= 0 && whole.count != cut.count))
    abort();
  if (whole.body >= 0 && (whole.out.size != cut.out.size ||
                          (whole.out.size && memcmp(whole.out.data, cut.out.data, cut.out.size))))
    abort();
  csn_buffer_free(&whole.out);
  csn_buffer_free(&cut.out);
  return 0;
}
