/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/endpoint.h"

#include <string.h>
#include <sys/un.h>

#include "util/alloc.h"

#define PLAIN_PORT "2375"
#define TLS_PORT "2376"
#define SOCKET_PATH_MAX (sizeof ((struct sockaddr_un *)NULL)->sun_path - 1)

static int refuse(struct csn_error *err, const char *text, const char *why) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "the engine's endpoint \"%.200s\" %s; give unix:///path/to/docker.sock, "
                  "tcp://host:port, https://host:port or ssh://user@host",
                  text, why);
}

static int has_control(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return 1;
  return 0;
}

/* ---- one kind each --------------------------------------------------------------------------- */

static int parse_unix(const char *path, struct csn_endpoint *out, struct csn_error *err) {
  if (path[0] != '/') return refuse(err, out->text, "has no absolute path behind unix://");
  if (strlen(path) > SOCKET_PATH_MAX)
    return refuse(err, out->text, "is longer than the path of a socket can be");
  out->socket_path = csn_strdup(path);
  out->host = csn_strdup("docker");
  return out->socket_path && out->host ? 0 : csn_fail_nomem(err);
}

/* "name", "1.2.3.4" or "[::1]": how long it is, 0 if it is none of these. */
static size_t span_host(const char *text) {
  static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (text[0] != '[') return strspn(text, name);
  size_t n = strspn(text + 1, "0123456789abcdefABCDEF:.");
  return n > 0 && text[1 + n] == ']' ? n + 2 : 0;
}

static int parse_tcp(const char *address, struct csn_endpoint *out, struct csn_error *err) {
  size_t n = strlen(address);
  if (n > 0 && address[n - 1] == '/') n--;
  size_t host = span_host(address);
  if (host == 0 || host > 255 || host > n) return refuse(err, out->text, "has no host");
  if (host == n) {
    const char *port = out->has_tls ? TLS_PORT : PLAIN_PORT;
    out->host = csn_asprintf("%.*s:%s", (int)host, address, port);
  } else if (address[host] == ':' && csn_ssh_is_port(address + host + 1, n - host - 1)) {
    out->host = csn_strndup(address, n);
  } else {
    return refuse(err, out->text, "has no valid port");
  }
  return out->host ? 0 : csn_fail_nomem(err);
}

static int parse_https(const char *address, struct csn_endpoint *out, struct csn_error *err) {
  out->has_tls = 1;
  return parse_tcp(address, out, err);
}

/* libcurl looks up no name for a unix socket, and connects to the address that a tunnel has. */
static int parse_ssh(const char *address, struct csn_endpoint *out, struct csn_error *err) {
  const char *why = NULL;
  int rc = csn_ssh_parse(address, &out->ssh, &why);
  if (rc == CAISSON_E_CONFIG) return refuse(err, out->text, why);
  if (rc) return csn_fail_nomem(err);
  out->socket_path = csn_strdup("/ssh");
  out->host = csn_strdup("docker");
  return out->socket_path && out->host ? 0 : csn_fail_nomem(err);
}

static const struct {
  const char *scheme;
  int takes_tls;
  int (*parse)(const char *rest, struct csn_endpoint *out, struct csn_error *err);
} kinds[] = {
    {"unix://", 0, parse_unix},  {"tcp://", 1, parse_tcp}, {"http://", 0, parse_tcp},
    {"https://", 1, parse_https}, {"ssh://", 0, parse_ssh},
};

/* ---- all ------------------------------------------------------------------------------------- */

static int take_tls(const struct csn_tls *tls, int takes_tls, struct csn_endpoint *out,
                    struct csn_error *err) {
  if (!tls) return 0;
  if (!takes_tls)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "%s is for an engine at tcp://host:port or https://host:port, not at "
                    "\"%.200s\"; leave one of the two out",
                    tls->origin, out->text);
  int rc = csn_tls_check(tls, err);
  out->has_tls = 1;
  return rc ? rc : csn_tls_copy(tls, &out->tls, err);
}

static int parse(const char *text, const struct csn_tls *tls, struct csn_endpoint *out,
                 struct csn_error *err) {
  out->text = csn_strdup(text);
  if (!out->text) return csn_fail_nomem(err);
  if (has_control(text)) return refuse(err, "", "has control characters");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    size_t n = strlen(kinds[i].scheme);
    if (strncmp(text, kinds[i].scheme, n) != 0) continue;
    int rc = take_tls(tls, kinds[i].takes_tls, out, err);
    if (rc == 0) rc = kinds[i].parse(text + n, out, err);
    if (rc) return rc;
    out->base_url = csn_asprintf("%s://%s", out->has_tls ? "https" : "http", out->host);
    return out->base_url ? 0 : csn_fail_nomem(err);
  }
  return refuse(err, text, "is of no kind that is known");
}

int csn_endpoint_parse(const char *text, const struct csn_tls *tls, struct csn_endpoint *out,
                       struct csn_error *err) {
  memset(out, 0, sizeof *out);
  int rc = parse(text, tls, out, err);
  if (rc) csn_endpoint_free(out);
  return rc;
}

void csn_endpoint_free(struct csn_endpoint *endpoint) {
  csn_free(endpoint->text);
  csn_free(endpoint->socket_path);
  csn_free(endpoint->host);
  csn_free(endpoint->base_url);
  csn_tls_free(&endpoint->tls);
  csn_ssh_free(&endpoint->ssh);
  memset(endpoint, 0, sizeof *endpoint);
}

int csn_endpoint_is_exposed(const struct csn_endpoint *endpoint) {
  static const char *const here[] = {"localhost:", "127.", "[::1]:"};
  if (endpoint->socket_path || endpoint->has_tls) return 0;
  for (size_t i = 0; i < sizeof here / sizeof *here; i++)
    if (strncmp(endpoint->host, here[i], strlen(here[i])) == 0) return 0;
  return 1;
}
