/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints are understood, how text is escaped in URLs, and what failures to connect say. */
#include <errno.h>
#include <string.h>

#include "tap.h"
#include "transport/endpoint.h"
#include "transport/failure.h"
#include "transport/url.h"

static void test_good(void) {
  static const struct {
    const char *text, *socket_path, *base_url;
  } cases[] = {
      {"unix:///var/run/docker.sock", "/var/run/docker.sock", "http://docker"},
      {"unix:///a b", "/a b", "http://docker"},
      {"tcp://10.0.0.1:2376", NULL, "http://10.0.0.1:2376"},
      {"tcp://engine.example", NULL, "http://engine.example:2375"},
      {"http://localhost:80/", NULL, "http://localhost:80"},
      {"tcp://[::1]:2375", NULL, "http://[::1]:2375"},
      {"tcp://[fe80::1]", NULL, "http://[fe80::1]:2375"},
      {"tcp://h:65535", NULL, "http://h:65535"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_endpoint e;
    struct csn_error err = {0};
    is_int(csn_endpoint_parse(cases[i].text, &e, &err), 0, "%s is understood", cases[i].text);
    is_str(e.socket_path, cases[i].socket_path, "its socket");
    is_str(e.base_url, cases[i].base_url, "its URL");
    is_str(e.text, cases[i].text, "its text");
    csn_endpoint_free(&e);
  }
}

#define FORTY "0123456789012345678901234567890123456789"

static void test_bad(void) {
  static const char *const cases[] = {
      "",
      "/var/run/docker.sock",
      "unix://",
      "unix://relative",
      "unix:///" FORTY FORTY FORTY,
      "ssh://user@host",
      "https://host",
      "tcp://",
      "tcp:///",
      "tcp://:2375",
      "tcp://host:",
      "tcp://host:0",
      "tcp://host:65536",
      "tcp://host:123456",
      "tcp://host:12x",
      "tcp://host:2375/path",
      "tcp://user@host",
      "tcp://ho st",
      "tcp://[::1",
      "tcp://[]",
      "tcp://host\r\nX: y",
      "unix:///a\nb",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_endpoint e;
    struct csn_error err = {0};
    is_int(csn_endpoint_parse(cases[i], &e, &err), CAISSON_E_CONFIG, "\"%s\" is refused", cases[i]);
    is_str(err.reason, CAISSON_REASON_CONFIG, "with its reason");
    ok(strstr(err.message, "unix:///path") && !strchr(err.message, '\n'),
       "and what to give, on one line");
    ok(!e.text && !e.base_url, "and nothing is left");
  }
}

static void test_escape(void) {
  static const struct {
    const char *text, *escaped;
  } cases[] = {
      {"", ""},
      {"caisson-a_b.c~1", "caisson-a_b.c~1"},
      {"a/b?c=d&e#f g", "a%2Fb%3Fc%3Dd%26e%23f%20g"},
      {"{\"label\":[\"x\"]}", "%7B%22label%22%3A%5B%22x%22%5D%7D"},
      {"\r\n\x7f%+", "%0D%0A%7F%25%2B"},
      {"\xc3\xa9\xff", "%C3%A9%FF"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_buffer b CSN_CLEANUP_BUFFER = CSN_BUFFER(100);
    is_int(csn_url_add_escaped(&b, cases[i].text), 0, "escape");
    is_str(csn_buffer_text(&b), cases[i].escaped, "as it should be");
  }
  struct csn_buffer small CSN_CLEANUP_BUFFER = CSN_BUFFER(4);
  is_int(csn_url_add_escaped(&small, "ab/c"), CAISSON_E_LIMIT, "a buffer's maximum holds");
}

static void test_failures(void) {
  static const struct {
    int sys_errno;
    const char *reason, *words;
    uint32_t flags;
  } cases[] = {
      {ENOENT, CAISSON_REASON_ENGINE_UNREACHABLE, "no such socket", CAISSON_ERROR_RETRYABLE},
      {ECONNREFUSED, CAISSON_REASON_ENGINE_UNREACHABLE, "start the engine",
       CAISSON_ERROR_RETRYABLE},
      {EACCES, CAISSON_REASON_ENGINE_PERMISSION, "usermod -aG docker", 0},
      {EMFILE, CAISSON_REASON_ENGINE_UNREACHABLE, "ulimit -n", CAISSON_ERROR_RETRYABLE},
      {EHOSTUNREACH, CAISSON_REASON_ENGINE_UNREACHABLE, "No route to host",
       CAISSON_ERROR_RETRYABLE},
      {0, CAISSON_REASON_ENGINE_UNREACHABLE, "no connection", CAISSON_ERROR_RETRYABLE},
  };
  struct csn_endpoint e;
  is_int(csn_endpoint_parse("unix:///x/docker.sock", &e, NULL), 0, "an endpoint");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_error err = {0};
    is_int(csn_failure_connect(&e, cases[i].sys_errno, &err), CAISSON_E_ENGINE, "errno %d",
           cases[i].sys_errno);
    is_str(err.reason, cases[i].reason, "its reason");
    is_int(err.flags, cases[i].flags, "whether to retry");
    is_int(err.sys_errno, cases[i].sys_errno, "its errno");
    ok(strstr(err.message, cases[i].words) && strstr(err.message, "unix:///x/docker.sock"),
       "says what to do, and where: %s", err.message);
  }
  struct csn_error err = {0};
  is_int(csn_failure_transfer(&e, CURLE_OK, 0, "", &err), 0, "no failure");
  is_int(csn_failure_transfer(&e, CURLE_OUT_OF_MEMORY, 0, "", &err), CAISSON_E_NOMEM, "no memory");
  is_int(csn_failure_transfer(&e, CURLE_WEIRD_SERVER_REPLY, 0, "odd", &err), CAISSON_E_ENGINE,
         "no HTTP");
  is_str(err.reason, CAISSON_REASON_ENGINE_PROTOCOL, "its reason");
  is_int(csn_failure_connect(&e, ENOENT, NULL), CAISSON_E_ENGINE, "without an error to fill");
  csn_endpoint_free(&e);
}

int main(void) {
  test_good();
  test_bad();
  test_escape();
  test_failures();
  return done_testing();
}
