/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/handle.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/failure.h"
#include "transport/wakeup.h"
#include "util/alloc.h"

/* For an engine to say why it let us go. */
#define WHY_NS (2 * CSN_SECOND)

/* Once in a process and never undone: the host or another plugin may use libcurl too, and its
 * cleanup is not safe while any thread does. libcurl counts, so others' init and cleanup do no
 * harm. We register nothing with atexit(); what the TLS library behind libcurl does is its own
 * affair. */
static pthread_mutex_t curl_lock = PTHREAD_MUTEX_INITIALIZER;
static int curl_inits; /* that worked, of the two */

/* Twice: one is for the host that never initializes libcurl, since curl_easy_init() would do it, and
 * cleans it up in the end. That would else be ours, under our connections. What did not work, for want of
 * memory say, is tried again by the next. */
static CURLcode init_curl(void) {
  CURLcode code = CURLE_OK;
  pthread_mutex_lock(&curl_lock);
  while (curl_inits < 2 && (code = curl_global_init(CURL_GLOBAL_DEFAULT)) == CURLE_OK) curl_inits++;
  pthread_mutex_unlock(&curl_lock);
  return code;
}

int csn_handle_new(const struct csn_endpoint *endpoint, struct csn_handle **handle,
                   struct csn_error *err) {
  errno = 0;
  CURLcode ready = init_curl();
  if (ready == CURLE_OUT_OF_MEMORY || (ready != CURLE_OK && errno == ENOMEM))
    return csn_fail_nomem(err);
  if (ready != CURLE_OK)
    return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL, "libcurl cannot start: %s",
                    curl_easy_strerror(ready));
  struct csn_handle *h = csn_calloc(1, sizeof *h);
  if (!h) return csn_fail_nomem(err);
  h->endpoint = endpoint;
  h->said = endpoint->ssh.host ? csn_calloc(1, CSN_TUNNEL_WORDS) : NULL;
  h->multi = curl_multi_init();
  h->easy = curl_easy_init();
  if (!h->multi || !h->easy || (endpoint->ssh.host && !h->said)) {
    csn_handle_free(h);
    return csn_fail_nomem(err);
  }
  curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L);
  csn_wakeup_close_on_exec(h->multi);
  *handle = h;
  return 0;
}

void csn_handle_free(struct csn_handle *handle) {
  if (!handle) return;
  if (handle->multi && handle->easy) curl_multi_remove_handle(handle->multi, handle->easy);
  curl_easy_cleanup(handle->easy);
  curl_multi_cleanup(handle->multi);
  csn_free(handle->said);
  csn_free(handle);
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* Sockets are ours, because libcurl's are inherited by whatever the host executes. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address) {
  struct csn_handle *h = ctx;
  if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
  if (fd < 0) {
    csn_failure_connect(h->endpoint, errno, &h->failure);
    return CURL_SOCKET_BAD;
  }
  return fd;
}

/* ---- by ssh: the connection is a child process ----------------------------------------------- */

static curl_socket_t open_tunnel(void *ctx, curlsocktype purpose, struct curl_sockaddr *address) {
  struct csn_handle *h = ctx;
  if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
  struct sockaddr_un where;
  h->said[0] = '\0';
  if (csn_tunnel_new(&h->tunnels, &where, &h->failure)) return CURL_SOCKET_BAD;
  /* What is behind this pointer has room for any address. */
  char *to = (char *)&address->addr;
  memcpy(to, &where, sizeof where);
  address->addrlen = sizeof where;
  return h->tunnels->fd;
}

static int close_tunnel(void *ctx, curl_socket_t fd) {
  struct csn_handle *h = ctx;
  return csn_tunnel_close(&h->tunnels, fd, h->said) ? 0 : close(fd);
}

static void set_tunnel(struct csn_handle *h) {
  curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, open_tunnel);
  curl_easy_setopt(h->easy, CURLOPT_CLOSESOCKETFUNCTION, close_tunnel);
  curl_easy_setopt(h->easy, CURLOPT_CLOSESOCKETDATA, h);
}

/* ---- preparing ------------------------------------------------------------------------------- */

/* What older versions of libcurl spell otherwise or do not have. */
static void set_by_version(CURL *e, int has_tls) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, has_tls ? "https" : "http");
#else
  curl_easy_setopt(e, CURLOPT_PROTOCOLS, has_tls ? (long)CURLPROTO_HTTPS : (long)CURLPROTO_HTTP);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  /* Else a cancel while a host name is looked up would wait for the resolver's own timeout. */
  curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* What libcurl copies: one that it silently went without could make it use a proxy. */
static int set_texts(const struct csn_handle *h, const char *url) {
  const struct {
    CURLoption option;
    const char *text;
  } texts[] = {
      {CURLOPT_URL, url},
      {CURLOPT_UNIX_SOCKET_PATH, h->endpoint->socket_path},
      /* An engine is never behind the proxies that the host's environment may name. */
      {CURLOPT_PROXY, ""},
      {CURLOPT_NOPROXY, "*"},
      {CURLOPT_USERAGENT, "caisson"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i].text && curl_easy_setopt(h->easy, texts[i].option, texts[i].text) != CURLE_OK)
      return CAISSON_E_NOMEM;
  return 0;
}

int csn_handle_prepare(struct csn_handle *h, const char *path, struct csn_error *err) {
  char *url CSN_CLEANUP_FREE = csn_asprintf("%s%s", h->endpoint->base_url, path);
  if (!url) return csn_fail_nomem(err);
  CURL *e = h->easy;
  curl_easy_reset(e);
  csn_error_clear(&h->failure);
  h->words[0] = '\0';
  if (set_texts(h, url)) return csn_fail_nomem(err);
  curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
  set_by_version(e, h->endpoint->has_tls);
  if (h->endpoint->has_tls && csn_tls_prepare(&h->endpoint->tls, e)) return csn_fail_nomem(err);
  curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->words);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, h);
  if (h->endpoint->ssh.host) set_tunnel(h);
  return 0;
}

/* ---- running --------------------------------------------------------------------------------- */

static int poll_ms(const struct csn_control *c) {
  int64_t ns = c->deadline == CSN_NEVER ? CSN_SECOND : c->deadline - csn_clock_now();
  if (ns > CSN_SECOND) ns = CSN_SECOND;
  if (c->cancelled && ns > CSN_CONTROL_TICK) ns = CSN_CONTROL_TICK;
  return ns <= 0 ? 0 : (int)((ns + CSN_MS - 1) / CSN_MS);
}

/* libcurl's own poll, because only it knows what it waits for; with the control's descriptor. */
static int wait_some(struct csn_handle *h, struct csn_error *err) {
  int rc = csn_control_check(h->control, err);
  if (rc) return rc;
  struct curl_waitfd wake = {.fd = h->control->wake_fd, .events = CURL_WAIT_POLLIN};
  CURLMcode code = curl_multi_poll(h->multi, &wake, wake.fd >= 0, poll_ms(h->control), NULL);
  return code == CURLM_OK ? 0 : csn_failure_multi(code, err);
}

/* Runs it to its end once. */
static int perform(struct csn_handle *h, CURLcode *result, struct csn_error *err) {
  int running = 1, left;
  CURLMcode code = curl_multi_add_handle(h->multi, h->easy);
  while (code == CURLM_OK && (code = curl_multi_perform(h->multi, &running)) == CURLM_OK) {
    int rc = h->tunnels ? csn_tunnel_start(h->tunnels, &h->endpoint->ssh, err) : 0;
    if (rc == 0 && !running) break;
    if (rc == 0) rc = wait_some(h, err);
    if (rc) return rc;
  }
  if (code != CURLM_OK) return csn_failure_multi(code, err);
  const CURLMsg *message = curl_multi_info_read(h->multi, &left);
  if (!message || message->msg != CURLMSG_DONE)
    return csn_fail(err, CAISSON_E_INTERNAL, CAISSON_REASON_INTERNAL,
                    "libcurl ended a request without a result");
  *result = message->data.result;
  return 0;
}

/* ---- failures -------------------------------------------------------------------------------- */

/* Did the connection end before there was an answer? */
static int is_end(CURLcode code) {
  return code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE ||
         code == CURLE_GOT_NOTHING;
}

/* Under TLS 1.3 an engine that does not like our certificate says so when we take the connection for
 * made, and what we send then can make the kernel forget its words. Under 1.2 they come first. */
static int ask_why(struct csn_handle *h, const struct csn_control *control, struct csn_error *err) {
  struct csn_handle *again = NULL;
  struct csn_error ignored;
  const struct csn_control own = csn_control_within(control, WHY_NS);
  const long version = (long)CURL_SSLVERSION_TLSv1_2 | (long)CURL_SSLVERSION_MAX_TLSv1_2;
  CURLcode code = CURLE_OK;
  if (csn_handle_new(h->endpoint, &again, &ignored)) return 0;
  again->control = &own;
  int rc = csn_handle_prepare(again, "/", &ignored);
  curl_easy_setopt(again->easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(again->easy, CURLOPT_SSLVERSION, version);
  if (rc == 0) rc = perform(again, &code, &ignored);
  rc = rc == 0 && code != CURLE_OK
           ? csn_tls_refusal(&h->endpoint->tls, h->endpoint->text, again->words, err)
           : 0;
  csn_handle_free(again);
  return rc;
}

int csn_handle_failure(struct csn_handle *h, CURLcode code, int sys_errno,
                       const struct csn_control *control, struct csn_error *err) {
  int rc = h->endpoint->has_tls && is_end(code) ? ask_why(h, control, err) : 0;
  if (rc) return rc;
  if (!h->said || !is_end(code))
    return csn_failure_transfer(h->endpoint, code, sys_errno, h->words, err);
  if (h->tunnels) csn_tunnel_words(h->tunnels, h->said);
  return csn_failure_ssh(h->endpoint, h->said, err);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* connect() to a unix socket whose backlog is full says EAGAIN at once. libcurl takes that for a
 * connection under way and then finds neither a connection nor an error. */
static int is_backlog_full(const struct csn_handle *h, CURLcode code, long os_errno) {
  return code == CURLE_COULDNT_CONNECT && h->endpoint->socket_path && !h->failure.code &&
         (os_errno == 0 || os_errno == EAGAIN);
}

static int run(struct csn_handle *h, struct csn_error *err) {
  CURLcode code = CURLE_OK;
  long os_errno = 0;
  for (int64_t pause = CSN_MS;; pause = pause < 16 * CSN_MS ? pause * 2 : pause) {
    int rc = perform(h, &code, err);
    if (rc) return rc;
    curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &os_errno);
    if (!is_backlog_full(h, code, os_errno)) break;
    curl_multi_remove_handle(h->multi, h->easy);
    rc = csn_control_poll(h->control, NULL, 0, csn_clock_after(pause), err);
    if (rc < 0) return rc;
  }
  if (!h->failure.code) return csn_handle_failure(h, code, (int)os_errno, h->control, err);
  if (err) *err = h->failure;
  return h->failure.code;
}

int csn_handle_run(struct csn_handle *handle, const struct csn_control *control, int keep,
                   struct csn_error *err) {
  int rc = csn_control_check(control, err);
  if (rc) return rc;
  handle->control = control;
  rc = run(handle, err);
  handle->control = NULL;
  if (!keep) curl_multi_remove_handle(handle->multi, handle->easy);
  return rc;
}
