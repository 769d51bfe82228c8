/* SPDX-License-Identifier: Apache-2.0 */
/* A host that uses libcurl itself: the very one that the plugin uses, initialized and cleaned up at any
 * time; and another build of it, with another TLS library, in the same process. */
#include "integration/coexist_support.h"

#include <curl/curl.h>
#include <dlfcn.h>

/* Debian's other build: libcurl3-gnutls. */
#define OTHER "libcurl-gnutls.so.4"

static atomic_int stops;

/* ---- the host's own requests ----------------------------------------------------------------- */

/* As they are found: in the library that this program is linked with, or in another. */
struct curl {
  CURLcode (*global_init)(long flags);
  void (*global_cleanup)(void);
  CURL *(*easy_init)(void);
  CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
  CURLcode (*easy_perform)(CURL *handle);
  void (*easy_cleanup)(CURL *handle);
  char *(*version)(void);
  const char *url;    /* over TLS, where it is not for the socket */
  const char *socket; /* NULL: none */
  int asked, answered;
};

static const struct curl linked = {.global_init = curl_global_init,
                                   .global_cleanup = curl_global_cleanup,
                                   .easy_init = curl_easy_init,
                                   .easy_setopt = curl_easy_setopt,
                                   .easy_perform = curl_easy_perform,
                                   .easy_cleanup = curl_easy_cleanup,
                                   .version = curl_version};

static size_t take_ok(char *bytes, size_t size, size_t n, void *ctx) {
  if (size * n == 2 && memcmp(bytes, "OK", 2) == 0) *(int *)ctx = 1;
  return size * n;
}

/* The engine's own _ping, past the plugin. */
static void ping(struct curl *curl) {
  int is_ok = 0;
  CURL *e = curl->easy_init();
  curl->easy_setopt(e, CURLOPT_URL, curl->url);
  if (curl->socket) curl->easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, curl->socket);
  curl->easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
  curl->easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
  curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl->easy_setopt(e, CURLOPT_WRITEFUNCTION, take_ok);
  curl->easy_setopt(e, CURLOPT_WRITEDATA, &is_ok);
  curl->asked++;
  curl->answered += curl->easy_perform(e) == CURLE_OK && is_ok;
  curl->easy_cleanup(e);
}

/* A host that takes each request for its last: libcurl counts, so that only its own use ends. */
static void *ping_on(void *arg) {
  struct curl *curl = arg;
  while (!atomic_load(&stops)) {
    if (curl->global_init(CURL_GLOBAL_ALL) != CURLE_OK) break;
    ping(curl);
    curl->global_cleanup();
  }
  return NULL;
}

/* ---- the plugin's calls meanwhile ------------------------------------------------------------ */

static int count_right(struct box *box, int calls) {
  int right = 0;
  for (int i = 0; i < calls; i++) {
    CALL c = shell(box, "s", "echo out; exit 3");
    right += c->status == CAISSON_OK && c->result.exit_code == 3 &&
             strcmp(call_string(c, "stdout"), "out\n") == 0;
    if (c->status != CAISSON_OK) diag("%s", call_describe(c));
  }
  return right;
}

static void test_together(const char *what, struct curl *curl, const char *settings) {
  pthread_t thread;
  atomic_store(&stops, 0);
  curl->asked = curl->answered = 0;
  pthread_create(&thread, NULL, ping_on, curl);
  int rounds = has_tls() ? 4 : 1; /* all is slow where that is */
  for (int round = 0; round < rounds; round++) {
    struct box *box = box_open(settings);
    is_int(count_right(box, 10), 10, "%s: all of the plugin's calls, round %d", what, round);
    box_close(box);
  }
  atomic_store(&stops, 1);
  pthread_join(thread, NULL);
  ok(curl->asked > 0 && curl->answered == curl->asked, "%s: %d of the host's %d requests", what,
     curl->answered, curl->asked);
}

/* Memory that libcurl takes for its host's use, if it ever is initialized anew. */
static atomic_int taken;

static void *count_malloc(size_t n) {
  atomic_fetch_add(&taken, 1);
  return malloc(n);
}

static void *count_calloc(size_t n, size_t size) {
  atomic_fetch_add(&taken, 1);
  return calloc(n, size);
}

/* A host that has not initialized libcurl, since curl_easy_init() did, and cleans it up: the plugin's
 * connections are still there, so it must not have been. */
static void test_cleanup(const char *settings, struct curl *curl) {
  struct box *box = box_open(settings);
  CALL running = call_start(call_new_shell(box, "s", "echo ready; sleep 0.5; echo more; exit 4"));
  ok(call_wait_output(running, "ready", 30000), "a call that runs");
  ping(curl);
  curl_global_cleanup();
  exited(call_join(running), 4, "the host cleans up: the call goes on");
  is_int(count_right(box, 3), 3, "and so do others");
  box_close(box);
}

static void test_count(void) {
  is_int(curl_global_init_mem(CURL_GLOBAL_ALL, count_malloc, free, realloc, strdup, count_calloc),
         CURLE_OK, "whoever initializes it anew");
  CURL *e = curl_easy_init();
  is_int(atomic_load(&taken), 0, "finds that it never ceased to be");
  curl_easy_cleanup(e);
  curl_global_cleanup();
}

static void test_other(const struct front *front, const char *url) {
  void *so = dlopen(OTHER, RTLD_NOW | RTLD_GLOBAL);
  if (!so) BAIL_OUT("%s (tests/setup/packages check)", dlerror());
#define FIND(name) .name = (__typeof__(linked.name))(uintptr_t)dlsym(so, "curl_" #name)
  struct curl other = {FIND(global_init), FIND(global_cleanup), FIND(easy_init),
                       FIND(easy_setopt), FIND(easy_perform),   FIND(easy_cleanup),
                       FIND(version),     .url = url};
#undef FIND
  ok(strcmp(other.version(), curl_version()) != 0, "another build of libcurl, for all: %s",
     other.version());
  test_together("another build", &other, NULL);
  if (has_tls()) test_together("another build, both over TLS", &other, front->settings);
  other.url = "http://engine/_ping";
  other.socket = engine_socket();
  test_together("another build, by the socket", &other, NULL);
}

int main(void) {
  char url[64];
  free(host_instance_name(NULL)); /* the janitor is a fork, which is to be one of this thread alone */
  struct front front = front_start();
  snprintf(url, sizeof url, "https://127.0.0.1:%s/_ping", front.port);
  struct curl same = linked;
  same.url = "http://engine/_ping";
  same.socket = engine_socket();
  /* First of all, so that the library is cleaned up altogether before the plugin ever uses it. */
  is_int(curl_global_init(CURL_GLOBAL_ALL), CURLE_OK, "the host uses libcurl: %s", curl_version());
  ping(&same);
  is_int(same.answered, 1, "with an answer");
  curl_global_cleanup();
  test_together("the same library", &same, NULL);
  same.url = url;
  same.socket = NULL;
  if (has_tls()) test_together("the same, both over TLS", &same, front.settings);
  test_cleanup(has_tls() ? front.settings : NULL, &same);
  test_count();
  test_other(&front, url);
  front_stop(&front);
  return done_testing();
}
