/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/http_head.h"

#include <string.h>

#include "util/ascii.h"

static int bad(struct csn_error *err, const char *why) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "the answer is not HTTP/1: %s", why);
}

void csn_http_head_init(struct csn_http_head *head) {
  memset(head, 0, sizeof *head);
  head->text.max = CSN_HTTP_HEAD_SIZE_MAX;
}

void csn_http_head_free(struct csn_http_head *head) {
  csn_buffer_free(&head->text);
  csn_http_head_init(head);
}

static int is_token(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int is_blank(char c) {
  return c == ' ' || c == '\t';
}

static int has_control(const char *line, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)line[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return 1;
  }
  return 0;
}

/* "HTTP/1.1 200 OK"; the words are optional. */
static int take_status_line(struct csn_http_head *head, const char *line, size_t n,
                            struct csn_error *err) {
  if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' ||
      !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
      (n > 12 && line[12] != ' '))
    return bad(err, "no status line");
  int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (status < 100 || status > 599) return bad(err, "a status outside 100-599");
  head->minor = line[7] - '0';
  head->status = status;
  return 0;
}

/* Puts NULs behind the name and the value, in place. */
static int take_header(struct csn_http_head *head, char *line, size_t n, struct csn_error *err) {
  if (head->count == CSN_HTTP_HEAD_COUNT_MAX) return bad(err, "too many headers");
  size_t name = 0;
  while (name < n && is_token((unsigned char)line[name])) name++;
  if (name == 0 || name == n || line[name] != ':') return bad(err, "a malformed header");
  size_t begin = name + 1, end = n;
  while (begin < end && is_blank(line[begin])) begin++;
  while (end > begin && is_blank(line[end - 1])) end--;
  line[name] = '\0';
  line[end] = '\0';
  head->headers[head->count].name = (uint32_t)head->line;
  head->headers[head->count].value = (uint32_t)(head->line + begin);
  head->count++;
  return 0;
}

static int take_line(struct csn_http_head *head, struct csn_error *err) {
  char *line = head->text.data + head->line;
  size_t n = head->text.size - head->line;
  if (n < 2 || line[n - 2] != '\r') return bad(err, "a line that does not end in CR LF");
  n -= 2;
  if (has_control(line, n)) return bad(err, "a control character in its head");
  int rc = 0;
  if (head->status == 0)
    rc = take_status_line(head, line, n, err);
  else if (n == 0)
    head->complete = 1;
  else
    rc = take_header(head, line, n, err);
  head->line = head->text.size;
  return rc;
}

int csn_http_head_feed(struct csn_http_head *head, const void *bytes, size_t n, size_t *used,
                       struct csn_error *err) {
  const char *in = bytes;
  *used = 0;
  while (*used < n && !head->complete) {
    const char *begin = in + *used;
    const char *end = memchr(begin, '\n', n - *used);
    size_t take = end ? (size_t)(end - begin) + 1 : n - *used;
    if (take > CSN_HTTP_HEAD_LINE_MAX - (head->text.size - head->line))
      return bad(err, "too long a line in its head");
    int rc = csn_buffer_add(&head->text, begin, take);
    if (rc == CAISSON_E_LIMIT) return bad(err, "too long a head");
    if (rc) return csn_fail_nomem(err);
    *used += take;
    if (end && (rc = take_line(head, err)) != 0) return rc;
  }
  return head->complete;
}

const char *csn_http_head_get(const struct csn_http_head *head, const char *name) {
  for (size_t i = 0; i < head->count; i++)
    if (csn_ascii_equal(head->text.data + head->headers[i].name, name))
      return head->text.data + head->headers[i].value;
  return NULL;
}
