/* SPDX-License-Identifier: Apache-2.0 */
/* What the parsers of an answer's head and body take, and what they refuse, however it is cut. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "transport/http_body.h"
#include "transport/http_head.h"

/* Feeds it in pieces of `piece` bytes. Returns what the last feed did. */
static int feed(struct csn_http_head *head, const char *text, size_t n, size_t piece,
                size_t *taken, struct csn_error *err) {
  int rc = 0;
  *taken = 0;
  while (rc == 0 && *taken < n) {
    size_t used, now = piece < n - *taken ? piece : n - *taken;
    /* Of exactly that size, so that a byte too far is seen. */
    char *copy = malloc(now);
    memcpy(copy, text + *taken, now);
    rc = csn_http_head_feed(head, copy, now, &used, err);
    free(copy);
    *taken += used;
    if (rc == 0 && used != now) BAIL_OUT("it stopped without an end");
  }
  return rc;
}

static void test_good_head(void) {
  static const char text[] =
      "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
      "connection:Upgrade\r\nX-Empty:\r\nX-Blank: \t \r\nX-Two:  a b\t \r\nX-Two: second\r\n"
      "X-High: \xc3\xa9\r\n\r\nrest";
  size_t head_size = sizeof text - 1 - 4;
  for (size_t piece = 1; piece <= sizeof text; piece += piece < 8 ? 1 : 29) {
    struct csn_http_head head;
    struct csn_error err = {0};
    size_t taken;
    csn_http_head_init(&head);
    is_int(feed(&head, text, sizeof text - 1, piece, &taken, &err), 1, "complete, %zu at a time",
           piece);
    is_int(taken, head_size, "and not a byte more is taken");
    is_int(head.status, 101, "status");
    is_str(csn_http_head_get(&head, "content-TYPE"), "application/vnd.docker.raw-stream",
           "a header in another case");
    is_str(csn_http_head_get(&head, "Connection"), "Upgrade", "one without a blank");
    is_str(csn_http_head_get(&head, "X-Empty"), "", "an empty one");
    is_str(csn_http_head_get(&head, "X-Blank"), "", "a blank one");
    is_str(csn_http_head_get(&head, "X-Two"), "a b", "the first of two, trimmed");
    is_str(csn_http_head_get(&head, "X-High"), "\xc3\xa9", "bytes beyond ASCII");
    ok(!csn_http_head_get(&head, "X-None"), "one that is not there");
    csn_http_head_free(&head);
  }
}

static void test_bad_heads(void) {
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"\r\n", "an empty line first"},
      {"HTTP/2 200\r\n", "HTTP/2"},
      {"HTTP/1.1  200 OK\r\n", "two blanks"},
      {"HTTP/1.x 200 OK\r\n", "no version"},
      {"HTTP/1.1 20 OK\r\n", "two digits"},
      {"HTTP/1.1 2000 OK\r\n", "four digits"},
      {"HTTP/1.1 099 OK\r\n", "a status below 100"},
      {"HTTP/1.1 600 OK\r\n", "a status above 599"},
      {"HTTP/1.1 200 OK\n", "LF alone behind the status"},
      {"HTTP/1.1 200 O\rK\r\n", "CR alone"},
      {"HTTP/1.1 200 O\001K\r\n", "a control character"},
      {"HTTP/1.1 200 OK\r\nA: b\n", "LF alone behind a header"},
      {"HTTP/1.1 200 OK\r\nA : b\r\n", "a blank before the colon"},
      {"HTTP/1.1 200 OK\r\n: b\r\n", "no name"},
      {"HTTP/1.1 200 OK\r\nA\r\n", "no colon"},
      {"HTTP/1.1 200 OK\r\n folded\r\n", "folding"},
      {"HTTP/1.1 200 OK\r\nA: b\x7f\r\n", "DEL in a value"},
      {"HTTP/1.1 200 OK\r\nA\xc3: b\r\n", "a name beyond ASCII"},
      {"{\"message\":\"no HTTP\"}\r\n", "no HTTP at all"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_http_head head;
    struct csn_error err = {0};
    size_t taken;
    csn_http_head_init(&head);
    is_int(feed(&head, cases[i].text, strlen(cases[i].text), 3, &taken, &err), CAISSON_E_ENGINE,
           "%s is refused", cases[i].why);
    is_str(err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "with its reason");
    csn_http_head_free(&head);
  }
  struct csn_http_head head;
  size_t used;
  csn_http_head_init(&head);
  is_int(csn_http_head_feed(&head, "HTTP/1.1 200 O\0K\r\n", 18, &used, NULL), CAISSON_E_ENGINE,
         "NUL is refused");
  csn_http_head_free(&head);
}

/* A status line and n headers of a given length, without the end. */
static int feed_many(size_t n, size_t length) {
  struct csn_http_head head;
  size_t used;
  csn_http_head_init(&head);
  int rc = csn_http_head_feed(&head, "HTTP/1.1 200 OK\r\n", 17, &used, NULL);
  char *line = malloc(length);
  memset(line, 'a', length);
  line[1] = ':';
  line[length - 2] = '\r';
  line[length - 1] = '\n';
  for (size_t i = 0; rc == 0 && i < n; i++)
    rc = csn_http_head_feed(&head, line, length, &used, NULL);
  if (rc == 0) rc = csn_http_head_feed(&head, "\r\n", 2, &used, NULL);
  free(line);
  csn_http_head_free(&head);
  return rc;
}

static void test_caps(void) {
  is_int(feed_many(CSN_HTTP_HEAD_COUNT_MAX, 10), 1, "as many headers as there may be");
  is_int(feed_many(CSN_HTTP_HEAD_COUNT_MAX + 1, 10), CAISSON_E_ENGINE, "one more");
  is_int(feed_many(1, CSN_HTTP_HEAD_LINE_MAX), 1, "as long a line as there may be");
  is_int(feed_many(1, CSN_HTTP_HEAD_LINE_MAX + 1), CAISSON_E_ENGINE, "one byte more");
  is_int(feed_many(3, CSN_HTTP_HEAD_LINE_MAX), 1, "three of these");
  is_int(feed_many(4, CSN_HTTP_HEAD_LINE_MAX), CAISSON_E_ENGINE, "four are too long a head");
  struct csn_http_head head;
  size_t used;
  char blob[CSN_HTTP_HEAD_LINE_MAX + 1];
  memset(blob, 'x', sizeof blob);
  csn_http_head_init(&head);
  is_int(csn_http_head_feed(&head, blob, sizeof blob, &used, NULL), CAISSON_E_ENGINE,
         "a line without an end is refused before it is kept");
  ok(head.text.capacity == 0, "and nothing is reserved for it");
  csn_http_head_free(&head);
}

struct body_case {
  const char *headers, *body, *want;
  int rc;  /* of the last feed */
  int end; /* of the end of the connection behind it */
};

/* The body in pieces; *rc of the last feed, the end's as the return value. */
static int feed_body(const struct body_case *c, size_t piece, size_t room, int *rc,
                     struct csn_buffer *out) {
  char text[1024];
  struct csn_http_head head;
  struct csn_http_body body;
  size_t taken;
  *out = (struct csn_buffer)CSN_BUFFER(room);
  csn_http_head_init(&head);
  snprintf(text, sizeof text, "HTTP/1.1 %s\r\n", c->headers);
  if (feed(&head, text, strlen(text), sizeof text, &taken, NULL) != 1)
    BAIL_OUT("bad test: %s", text);
  *rc = csn_http_body_init(&body, &head, out, NULL);
  size_t n = strlen(c->body);
  for (size_t at = 0; *rc == 0 && at < n; at += piece) {
    size_t now = piece < n - at ? piece : n - at;
    char *copy = malloc(now);
    memcpy(copy, c->body + at, now);
    *rc = csn_http_body_feed(&body, copy, now, NULL);
    free(copy);
  }
  int end = *rc < 0 ? *rc : csn_http_body_end(&body, NULL);
  csn_http_head_free(&head);
  return end;
}

static void test_bodies(void) {
#define BAD CAISSON_E_ENGINE
#define CHUNKED "200 OK\r\nTransfer-Encoding: chunked\r\n"
  static const struct body_case cases[] = {
      {"409 C\r\nContent-Length: 5\r\n", "hello", "hello", 1, 0},
      {"409 C\r\nContent-Length: 5\r\n", "helloXYZ", "hello", 1, 0},
      {"409 C\r\nContent-Length: 5\r\n", "hel", "hel", 0, BAD},
      {"409 C\r\nContent-Length: 0\r\n", "", "", 0, 0},
      {"500 E\r\n", "until the end", "until the end", 0, 0},
      {"500 E\r\n", "", "", 0, 0},
      {"204 N\r\n", "", "", 0, 0},
      {CHUNKED, "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", "hello world", 1, 0},
      {CHUNKED, "00a\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\nmore", "0123456789", 1, 0},
      {CHUNKED, "5\r\nhello\r\n", "hello", 0, BAD},
      {CHUNKED, "0\r\n", "", 0, BAD},
      {CHUNKED, "5\r\nhelloX", "hello", BAD, BAD},
      {CHUNKED, "5\r\nhello\rX", "hello", BAD, BAD},
      {CHUNKED, "x\r\n", "", BAD, BAD},
      {CHUNKED, "\r\n", "", BAD, BAD},
      {CHUNKED, "-1\r\n", "", BAD, BAD},
      {CHUNKED, "fffffffffffffff\r\nabc", "abc", 0, BAD},
      {CHUNKED, "ffffffffffffffff\r\n", "", BAD, BAD},
      {"200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", "hello", "", BAD, BAD},
      {"200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "hello", "", BAD, BAD},
      {"200 OK\r\nTransfer-Encoding: gzip\r\n", "x", "", BAD, BAD},
      {"200 OK\r\nContent-Length: -5\r\n", "x", "", BAD, BAD},
      {"200 OK\r\nContent-Length: 0x5\r\n", "x", "", BAD, BAD},
      {"200 OK\r\nContent-Length:\r\n", "x", "", BAD, BAD},
      {"200 OK\r\nContent-Length: 9999999999999999999\r\n", "x", "", BAD, BAD},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t piece = 1; piece < 40; piece = piece * 2 + 1) {
      struct csn_buffer out CSN_CLEANUP_BUFFER = {0};
      int rc, end = feed_body(&cases[i], piece, 1000, &rc, &out);
      is_int(rc, cases[i].rc, "body %zu, %zu at a time", i, piece);
      is_int(end, cases[i].end, "and at its end");
      is_str(csn_buffer_text(&out), cases[i].want, "what it holds");
    }
  struct csn_buffer out CSN_CLEANUP_BUFFER = {0};
  int rc;
  is_int(feed_body(&cases[7], 3, 4, &rc, &out), 0, "a body that is longer than the room");
  is_str(csn_buffer_text(&out), "hell", "is cut, and read to its end all the same");
}

static void test_endless_lines(void) {
  char junk[5000];
  memset(junk, 'a', sizeof junk);
  for (int trailers = 0; trailers < 2; trailers++) {
    struct csn_http_head head;
    struct csn_http_body body;
    struct csn_buffer out CSN_CLEANUP_BUFFER = CSN_BUFFER(100);
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    size_t taken;
    csn_http_head_init(&head);
    feed(&head, text, sizeof text - 1, 100, &taken, NULL);
    is_int(csn_http_body_init(&body, &head, &out, NULL), 0, "a chunked body");
    const char *begin = trailers ? "0\r\n" : "5;";
    is_int(csn_http_body_feed(&body, begin, strlen(begin), NULL), 0, "begins well");
    is_int(csn_http_body_feed(&body, junk, sizeof junk, NULL), CAISSON_E_ENGINE,
           "and endless %s are refused", trailers ? "trailers" : "extensions");
    csn_http_head_free(&head);
  }
}

int main(void) {
  test_good_head();
  test_bad_heads();
  test_caps();
  test_bodies();
  test_endless_lines();
  return done_testing();
}
