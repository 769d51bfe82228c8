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
      {"https://engine.example", NULL, "https://engine.example:2376"},
      {"https://10.0.0.1:2377/", NULL, "https://10.0.0.1:2377"},
      {"ssh://host", "/ssh", "http://docker"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_endpoint e;
    struct csn_error err = {0};
    is_int(csn_endpoint_parse(cases[i].text, NULL, &e, &err), 0, "%s is understood", cases[i].text);
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
      "https://",
      "ssh://",
      "ssh://user@",
      "ssh://@host",
      "ssh://-oProxyCommand=id",
      "ssh://-host",
      "ssh://user@-oProxyCommand=id",
      "ssh://-l@host",
      "ssh://user:secret@host",
      "ssh://host:0",
      "ssh://host:22x",
      "ssh://ho st",
      "ssh://host;id",
      "ssh://$(id)",
      "ssh://[::1",
      "ssh://[-o]",
      "ssh://host/$(id)",
      "ssh://host/a b",
      "ssh://host/a;id",
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
    is_int(csn_endpoint_parse(cases[i], NULL, &e, &err), CAISSON_E_CONFIG, "\"%s\" is refused", cases[i]);
    is_str(err.reason, CAISSON_REASON_CONFIG, "with its reason");
    ok(strstr(err.message, "unix:///path") && !strchr(err.message, '\n'),
       "and what to give, on one line");
    ok(!e.text && !e.base_url, "and nothing is left");
  }
}

/* ---- by ssh --------------------------------------------------------------------------------- */

static void test_ssh(void) {
  static const struct {
    const char *text, *words;
  } cases[] = {
      {"ssh://host",
       "ssh -T -o BatchMode=yes -o ConnectTimeout=30 -- host docker system dial-stdio"},
      {"ssh://me@host.example:2222/",
       "ssh -T -o BatchMode=yes -o ConnectTimeout=30 -l me -p 2222 -- host.example docker system "
       "dial-stdio"},
      {"ssh://[::1]:22",
       "ssh -T -o BatchMode=yes -o ConnectTimeout=30 -p 22 -- ::1 docker system dial-stdio"},
      {"ssh://h/run/user/1000/docker.sock",
       "ssh -T -o BatchMode=yes -o ConnectTimeout=30 -- h docker --host "
       "unix:///run/user/1000/docker.sock system dial-stdio"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_endpoint e;
    struct csn_error err = {0};
    struct csn_buffer line CSN_CLEANUP_BUFFER = CSN_BUFFER(1000);
    const char *argv[CSN_SSH_ARGUMENTS_MAX];
    char url[CSN_SSH_URL_MAX];
    is_int(csn_endpoint_parse(cases[i].text, NULL, &e, &err), 0, "%s is understood", cases[i].text);
    csn_ssh_arguments(&e.ssh, url, argv);
    for (size_t n = 0; argv[n]; n++) csn_buffer_addf(&line, "%s%s", n ? " " : "", argv[n]);
    is_str(csn_buffer_text(&line), cases[i].words, "and is this command");
    csn_endpoint_free(&e);
  }
}

static void test_exposed(void) {
  static const struct {
    const char *text;
    int exposed;
  } cases[] = {
      {"tcp://10.0.0.1", 1},     {"tcp://engine.example:80", 1}, {"tcp://[fe80::1]", 1},
      {"tcp://127.0.0.1", 0},    {"tcp://localhost:2375", 0},    {"tcp://[::1]:2375", 0},
      {"https://10.0.0.1", 0},   {"unix:///x", 0},               {"ssh://10.0.0.1", 0},
      {"tcp://localhost.example", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_endpoint e;
    is_int(csn_endpoint_parse(cases[i].text, NULL, &e, NULL), 0, "%s", cases[i].text);
    is_int(csn_endpoint_is_exposed(&e), cases[i].exposed, "goes unencrypted to others, or not");
    csn_endpoint_free(&e);
  }
}

/* ---- TLS: what is wrong with which file is tests/integration/engine_tls.py's ----------------- */

static void test_tls(void) {
  static char origin[] = "engine.tls", here[] = "/etc/passwd", nowhere[] = "/nowhere/x.pem";
  const struct csn_tls nothing = {.origin = origin};
  const struct {
    const char *text;
    struct csn_tls tls;
    const char *words;
  } cases[] = {
      {"unix:///x", nothing, "tcp://host:port"},
      {"http://h", nothing, "tcp://host:port"},
      {"ssh://h", nothing, "tcp://host:port"},
      {"tcp://h", {.origin = origin, .cert = here}, "needs its key"},
      {"tcp://h", {.origin = origin, .key = here}, "needs its key"},
      {"tcp://h", {.origin = origin, .ca = here, .insecure = 1}, "verify is false"},
      {"tcp://h", {.origin = origin, .ca = nowhere}, "/nowhere/x.pem cannot be read"},
      {"tcp://h", {.origin = origin, .ca = here}, "/etc/passwd holds no CA"},
  };
  struct csn_endpoint e;
  struct csn_error err = {0};
  is_int(csn_endpoint_parse("tcp://h", &nothing, &e, &err), 0, "TLS with whom this machine trusts");
  is_str(e.base_url, "https://h:2376", "on its own port");
  csn_endpoint_free(&e);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    is_int(csn_endpoint_parse(cases[i].text, &cases[i].tls, &e, &err), CAISSON_E_CONFIG,
           "%s: refused", cases[i].words);
    ok(strstr(err.message, cases[i].words) && strstr(err.message, origin), "in words: %s",
       err.message);
  }
}

static void test_tls_failures(void) {
  static char ca[] = "/x/ca.pem", cert[] = "/x/cert.pem", origin[] = "engine.tls";
  const struct csn_tls all = {.ca = ca, .cert = cert, .key = cert, .origin = origin};
  const struct csn_tls none = {.ca = ca, .origin = origin};
  const struct {
    CURLcode code;
    const struct csn_tls *tls;
    const char *said, *words;
  } cases[] = {
      {CURLE_PEER_FAILED_VERIFICATION, &all, "unable to get local issuer certificate", ca},
      {CURLE_PEER_FAILED_VERIFICATION, &all, "certificate has expired", "renew it there"},
      {CURLE_PEER_FAILED_VERIFICATION, &all, "certificate is not yet valid", "clocks"},
      {CURLE_PEER_FAILED_VERIFICATION, &all,
       "SSL: no alternative certificate subject name matches target host name 'h'", "host name"},
      {CURLE_RECV_ERROR, &none, "tlsv13 alert certificate required", "wants a client certificate"},
      {CURLE_RECV_ERROR, &all, "sslv3 alert bad certificate", cert},
      {CURLE_SSL_CERTPROBLEM, &all, "could not load PEM client certificate", "cannot be used"},
      {CURLE_SSL_CONNECT_ERROR, &all, "wrong version number", "2376"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_error err = {0};
    is_int(csn_tls_failure(cases[i].tls, "tcp://h", cases[i].code, cases[i].said, &err),
           CAISSON_E_ENGINE, "%s", cases[i].said);
    is_str(err.reason, CAISSON_REASON_ENGINE_TLS, "its reason");
    ok(strstr(err.message, cases[i].words) && strstr(err.message, "tcp://h"), "in words: %s",
       err.message);
  }
  is_int(csn_tls_failure(&all, "tcp://h", CURLE_GOT_NOTHING, "", NULL), 0, "what is not about TLS");
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
  is_int(csn_endpoint_parse("unix:///x/docker.sock", NULL, &e, NULL), 0, "an endpoint");
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
  test_ssh();
  test_exposed();
  test_tls();
  test_tls_failures();
  test_escape();
  test_failures();
  return done_testing();
}
