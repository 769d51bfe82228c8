/* SPDX-License-Identifier: Apache-2.0 */
/* chat_http.c: libcurl, and what went wrong in words. Knows nothing of what the bytes mean. The key
 * is in one header and nowhere else: an endpoint that repeats it in an error is not quoted. */
#include "chat_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "chat_bytes.h"
#include "chat_fault.h"
#include "interrupt.h"
#include "ui.h"
#include "version.h"

#define POLL_MS 100 /* how long Ctrl-C may wait */
#define BODY_MAX ((size_t)64 * 1024 * 1024)
#define ERROR_BODY_MAX ((size_t)64 * 1024)

struct csn_chat_http {
  CURL *easy;
  CURLM *multi;
  struct curl_slist *headers;
  char *url, *key;
  uint64_t silent_ms;
  char error[CURL_ERROR_SIZE];
};

/* One request under way. */
struct exchange {
  struct csn_chat_http *http;
  csn_http_take *take;
  void *ctx;
  char *why;
  struct csn_bytes other; /* the body of an answer that is no stream: the first of it */
  uint64_t heard_ms;      /* when something came or went last */
  curl_off_t moved;
  int took; /* what take() returned last */
};

static uint64_t now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what came ------------------------------------------------------------------------------- */

static long status_of(const struct csn_chat_http *http) {
  long status = 0;
  (void)curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static const char *type_of(const struct csn_chat_http *http) {
  char *type = NULL;
  (void)curl_easy_getinfo(http->easy, CURLINFO_CONTENT_TYPE, &type);
  return type;
}

static bool is_stream(const struct csn_chat_http *http) {
  static const char stream[] = "text/event-stream";
  const char *type = type_of(http);
  return status_of(http) == 200 && (!type || strncasecmp(type, stream, sizeof stream - 1) == 0);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx) {
  struct exchange *x = ctx;
  n *= size;
  x->heard_ms = now_ms();
  if (is_stream(x->http)) {
    if (x->took == 0)
      x->took = x->take(x->ctx, bytes, n, x->why);
  } else {
    size_t room = ERROR_BODY_MAX - x->other.n;
    (void)csn_bytes_add(&x->other, ERROR_BODY_MAX, bytes, n < room ? n : room);
    if (n >= room)
      return 0; /* enough of that */
  }
  return x->took < 0 ? 0 : n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx) {
  struct exchange *x = ctx;
  (void)bytes;
  x->heard_ms = now_ms();
  return size * n;
}

static int on_move(void *ctx, curl_off_t to_come, curl_off_t came, curl_off_t to_go,
                   curl_off_t went) {
  struct exchange *x = ctx;
  (void)to_come;
  (void)to_go;
  if (came + went != x->moved)
    x->heard_ms = now_ms();
  x->moved = came + went;
  return 0;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

static bool has_key(const struct csn_chat_http *http, const char *text) {
  return http->key && strstr(text, http->key);
}

static int refuse_status(struct exchange *x, long status) {
  curl_off_t wait = 0;
  (void)curl_easy_getinfo(x->http->easy, CURLINFO_RETRY_AFTER, &wait);
  return csn_chat_fault(&(struct csn_chat_fault){.url = x->http->url,
                                                 .key = x->http->key,
                                                 .type = type_of(x->http),
                                                 .status = status,
                                                 .wait_s = (long)wait,
                                                 .body = csn_bytes_text(&x->other),
                                                 .body_size = x->other.n},
                        x->why);
}

static int judge(struct exchange *x, CURLcode code) {
  long status = status_of(x->http);
  if (x->took != 0)
    return x->took < 0 ? -1 : 0;
  if (status != 0 && !is_stream(x->http))
    return refuse_status(x, status);
  if (code != CURLE_OK)
    return csn_why(x->why, "%s: %s", x->http->url,
                   *x->http->error ? x->http->error : curl_easy_strerror(code));
  return 0;
}

/* ---- a request ------------------------------------------------------------------------------- */

/* The end of the transfer, if it is over. */
static bool is_over(struct csn_chat_http *http, CURLcode *code) {
  int left = 0;
  const CURLMsg *message;
  while ((message = curl_multi_info_read(http->multi, &left)))
    if (message->msg == CURLMSG_DONE) {
      *code = message->data.result;
      return true;
    }
  return false;
}

static enum csn_http_end transfer(struct exchange *x) {
  struct csn_chat_http *http = x->http;
  CURLcode code = CURLE_OK;
  int running = 0;
  for (;;) {
    CURLMcode failed = curl_multi_perform(http->multi, &running);
    if (failed) {
      (void)csn_why(x->why, "%s: %s", http->url, curl_multi_strerror(failed));
      return CSN_HTTP_FAILED;
    }
    if (is_over(http, &code) || x->took != 0)
      return judge(x, code) < 0 ? CSN_HTTP_FAILED : CSN_HTTP_WHOLE;
    if (csn_interrupt_pressed())
      return CSN_HTTP_INTERRUPTED;
    if (now_ms() - x->heard_ms > http->silent_ms) {
      (void)csn_why(x->why, "%s has said nothing for %.1f s", http->url,
                    (double)http->silent_ms / 1000);
      return CSN_HTTP_FAILED;
    }
    (void)curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
  }
}

enum csn_http_end csn_chat_http_post(struct csn_chat_http *http, const char *body,
                                     csn_http_take *take, void *ctx,
                                     char why[CSN_LOADER_MESSAGE]) {
  struct exchange x = {.http = http, .take = take, .ctx = ctx, .why = why, .heard_ms = now_ms()};
  size_t size = strlen(body);
  if (size > BODY_MAX) {
    (void)csn_why(why, "the conversation is longer than %zu MiB; begin a new one", BODY_MAX >> 20);
    return CSN_HTTP_FAILED;
  }
  *http->error = '\0';
  (void)curl_easy_setopt(http->easy, CURLOPT_POSTFIELDS, body);
  (void)curl_easy_setopt(http->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
  (void)curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, &x);
  (void)curl_easy_setopt(http->easy, CURLOPT_HEADERDATA, &x);
  (void)curl_easy_setopt(http->easy, CURLOPT_XFERINFODATA, &x);
  (void)curl_multi_add_handle(http->multi, http->easy);
  enum csn_http_end end = transfer(&x);
  if (end == CSN_HTTP_FAILED && has_key(http, why))
    (void)csn_why(why, "%s failed, in words that repeat the key", http->url);
  (void)curl_multi_remove_handle(http->multi, http->easy);
  csn_bytes_free(&x.other);
  return end;
}

/* ---- the endpoint ---------------------------------------------------------------------------- */

/* A key that is no header's value would be another header. */
static bool is_plain(const char *key) {
  for (const char *c = key; *c; c++)
    if (*c <= ' ' || *c == 0x7f)
      return false;
  return true;
}

static void add_header(struct csn_chat_http *http, const char *name, const char *value) {
  char *line = NULL;
  if (asprintf(&line, "%s%s", name, value) < 0)
    line = csn_must(NULL);
  http->headers = csn_must(curl_slist_append(http->headers, line));
  free(line);
}

static void set_up(struct csn_chat_http *http) {
  CURL *easy = http->easy;
  (void)curl_easy_setopt(easy, CURLOPT_URL, http->url);
  (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
  (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "caisson-host/" CSN_VERSION);
  (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, http->error);
  (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_move);
  (void)curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

struct csn_chat_http *csn_chat_http_open(const char *base_url, const char *key, uint64_t silent_ms,
                                         char why[CSN_LOADER_MESSAGE]) {
  size_t n = strlen(base_url);
  while (n > 0 && base_url[n - 1] == '/')
    n--;
  if (strncmp(base_url, "https://", 8) != 0 && strncmp(base_url, "http://", 7) != 0) {
    (void)csn_why(why, "--base-url %.200s: give one such as https://api.openai.com/v1", base_url);
    return NULL;
  }
  if (key && !is_plain(key)) {
    (void)csn_why(why, "OPENAI_API_KEY has blanks, line ends or other characters that no key has");
    return NULL;
  }
  struct csn_chat_http *http = csn_must(calloc(1, sizeof *http));
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
  http->easy = csn_must(curl_easy_init());
  http->multi = csn_must(curl_multi_init());
  http->silent_ms = silent_ms;
  http->key = key ? csn_must(strdup(key)) : NULL;
  if (asprintf(&http->url, "%.*s/chat/completions", (int)n, base_url) < 0)
    http->url = csn_must(NULL);
  add_header(http, "Content-Type: ", "application/json");
  add_header(http, "Accept: ", "text/event-stream");
  add_header(http, "Expect:", ""); /* a pause before each body, for nothing */
  if (key)
    add_header(http, "Authorization: Bearer ", key);
  set_up(http);
  return http;
}

void csn_chat_http_close(struct csn_chat_http *http) {
  curl_easy_cleanup(http->easy);
  (void)curl_multi_cleanup(http->multi);
  curl_slist_free_all(http->headers);
  free(http->url);
  free(http->key);
  free(http);
}
