/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/endpoint.h"

#include <string.h>
#include <sys/un.h>

#include "util/alloc.h"

#define DEFAULT_PORT "2375"
#define SOCKET_PATH_MAX (sizeof ((struct sockaddr_un *)NULL)->sun_path - 1)

static int refuse(struct csn_error *err, const char *text, const char *why) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "the engine's endpoint \"%.200s\" %s; give unix:///path/to/docker.sock or "
                  "tcp://host:port",
                  text, why);
}

static const char *behind(const char *text, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static int has_control(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return 1;
  return 0;
}

static int parse_unix(const char *path, struct csn_endpoint *out, struct csn_error *err) {
  if (path[0] != '/') return refuse(err, out->text, "has no absolute path behind unix://");
  if (strlen(path) > SOCKET_PATH_MAX)
    return refuse(err, out->text, "is longer than the path of a socket can be");
  out->socket_path = csn_strdup(path);
  out->host = csn_strdup("docker");
  return 0;
}

static int is_port(const char *text, size_t n) {
  unsigned port = 0;
  if (n == 0 || n > 5 || strspn(text, "0123456789") < n) return 0;
  for (size_t i = 0; i < n; i++) port = port * 10 + (unsigned)(text[i] - '0');
  return port > 0 && port <= 65535;
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
    out->host = csn_asprintf("%.*s:" DEFAULT_PORT, (int)host, address);
    return 0;
  }
  if (address[host] != ':' || !is_port(address + host + 1, n - host - 1))
    return refuse(err, out->text, "has no valid port");
  out->host = csn_strndup(address, n);
  return 0;
}

static int parse(const char *text, struct csn_endpoint *out, struct csn_error *err) {
  const char *rest;
  out->text = csn_strdup(text);
  if (!out->text) return csn_fail_nomem(err);
  if (has_control(text)) return refuse(err, "", "has control characters");
  int rc;
  if ((rest = behind(text, "unix://")) != NULL)
    rc = parse_unix(rest, out, err);
  else if ((rest = behind(text, "tcp://")) != NULL || (rest = behind(text, "http://")) != NULL)
    rc = parse_tcp(rest, out, err);
  else
    rc = refuse(err, text, "is of no kind that is known");
  if (rc) return rc;
  if (out->host) out->base_url = csn_asprintf("http://%s", out->host);
  return out->base_url && (out->socket_path || !behind(text, "unix://")) ? 0 : csn_fail_nomem(err);
}

int csn_endpoint_parse(const char *text, struct csn_endpoint *out, struct csn_error *err) {
  memset(out, 0, sizeof *out);
  int rc = parse(text, out, err);
  if (rc) csn_endpoint_free(out);
  return rc;
}

void csn_endpoint_free(struct csn_endpoint *endpoint) {
  csn_free(endpoint->text);
  csn_free(endpoint->socket_path);
  csn_free(endpoint->host);
  csn_free(endpoint->base_url);
  memset(endpoint, 0, sizeof *endpoint);
}
