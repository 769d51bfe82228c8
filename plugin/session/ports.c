/* SPDX-License-Identifier: Apache-2.0 */
#include "session/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buffer.h"
#include "util/cidr.h"
#include "util/json.h"

#define LOOPBACK "127.0.0.1"

/* ---- reading --------------------------------------------------------------------------------- */

/* n digits, 1 to 65535; 0 where they are not that. */
static uint16_t read_number(const char *text, size_t n) {
  unsigned long number = 0;
  if (n < 1 || n > 5 || strspn(text, "0123456789") < n || *text == '0') return 0;
  for (size_t i = 0; i < n; i++) number = number * 10 + (unsigned long)(text[i] - '0');
  return number <= UINT16_MAX ? (uint16_t)number : 0;
}

static const char *protocol_of(const char *name) {
  if (strcmp(name, "tcp") == 0) return "tcp";
  return strcmp(name, "udp") == 0 ? "udp" : NULL;
}

/* "", "9000" or "9000-9010". */
static const char *read_host(const char *text, size_t n, struct csn_port *out) {
  static const char wrong[] = "has no port or range of ports from 1 to 65535 on the host";
  if (n == 0) return NULL;
  const char *dash = memchr(text, '-', n);
  size_t head = dash ? (size_t)(dash - text) : n;
  out->first = out->last = read_number(text, head);
  if (dash) out->last = read_number(dash + 1, n - head - 1);
  return out->first && out->last && out->first <= out->last ? NULL : wrong;
}

/* An IPv6 address may stand in brackets. */
static const char *read_address(const char *text, size_t n, struct csn_port *out) {
  struct csn_cidr address;
  int bracketed = n > 1 && text[0] == '[' && text[n - 1] == ']';
  if (bracketed) text++, n -= 2;
  if (n >= sizeof out->address) return "has no address to publish on";
  memcpy(out->address, text, n);
  out->address[n] = '\0';
  if (strchr(out->address, '/') || csn_cidr_parse(out->address, &address))
    return "has no address to publish on";
  return NULL;
}

static const char *read_text(const char *text, struct csn_port *out) {
  const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
  if (slash && !(out->protocol = protocol_of(slash + 1))) return "is neither /tcp nor /udp";
  const char *colon = memrchr(text, ':', (size_t)(end - text));
  const char *port = colon ? colon + 1 : text;
  out->container = read_number(port, (size_t)(end - port));
  if (!out->container) return "has no port from 1 to 65535 of the sandbox at its end";
  if (!colon) return NULL;
  const char *before = memrchr(text, ':', (size_t)(colon - text));
  if (memchr(text, ']', (size_t)(colon - text)) == colon - 1) before = colon;
  const char *host = before ? before + 1 : text;
  if (before && before != colon) {
    const char *wrong = read_address(text, (size_t)(before - text), out);
    return wrong ? wrong : read_host(host, (size_t)(colon - host), out);
  }
  if (before) return "has an address and no port on the host: write [ADDRESS]::PORT";
  return read_host(host, (size_t)(colon - host), out);
}

static const char *read_object(const cJSON *item, struct csn_port *out) {
  const cJSON *host = csn_json_get(item, "host");
  const char *address = csn_json_string(item, "address", LOOPBACK);
  int64_t container = csn_json_int(item, "container", 0);
  out->protocol = protocol_of(csn_json_string(item, "protocol", "tcp"));
  if (!out->protocol) return "is neither tcp nor udp";
  if (container < 1 || container > UINT16_MAX) return "has no container port from 1 to 65535";
  out->container = (uint16_t)container;
  const char *wrong = read_address(address, strlen(address), out);
  if (wrong || !host) return wrong;
  if (cJSON_IsString(host)) return read_host(host->valuestring, strlen(host->valuestring), out);
  int64_t port = csn_json_int(item, "host", -1);
  if (port < 0 || port > UINT16_MAX) return "has no host port from 0 to 65535";
  out->first = out->last = (uint16_t)port;
  return NULL;
}

const char *csn_port_read(const cJSON *item, struct csn_port *out) {
  memset(out, 0, sizeof *out);
  out->protocol = "tcp";
  snprintf(out->address, sizeof out->address, "%s", LOOPBACK);
  if (cJSON_IsString(item)) return read_text(item->valuestring, out);
  return cJSON_IsObject(item) ? read_object(item, out) : "is neither a text nor an object";
}

/* ---- checking -------------------------------------------------------------------------------- */

static int is_given_before(const cJSON *ports, const cJSON *until, const struct csn_port *port) {
  for (const cJSON *one = ports->child; one != until; one = one->next) {
    struct csn_port other;
    if (!csn_port_read(one, &other) && other.container == port->container &&
        other.protocol == port->protocol)
      return 1;
  }
  return 0;
}

int csn_ports_check(const cJSON *ports, const cJSON *network, const char *path, int code,
                    const char *reason, struct csn_error *err) {
  const cJSON *item;
  int at = 0;
  cJSON_ArrayForEach(item, ports) {
    struct csn_port port;
    const char *wrong = csn_port_read(item, &port);
    if (!wrong && is_given_before(ports, item, &port)) wrong = "is given twice";
    if (wrong)
      return csn_fail(err, code, reason, "%sports[%d]: \"%.60s\" %s", path, at,
                      cJSON_IsString(item) ? item->valuestring : "{...}", wrong);
    at++;
  }
  if (at == 0 || cJSON_IsObject(network)) {
    if (at == 0 || !csn_json_bool(network, "internal", 0)) return 0;
    return csn_fail(err, code, reason,
                    "%sports: an internal network publishes no ports; leave out "
                    "%snetwork.internal, or the ports",
                    path, path);
  }
  return csn_fail(err, code, reason,
                  "%sports: with %snetwork \"none\" nothing can be published; name a network, such "
                  "as {\"name\": \"sandboxes\"}",
                  path, path);
}

/* ---- the create body ------------------------------------------------------------------------- */

static void print_host(const struct csn_port *port, unsigned skip, char text[16]) {
  unsigned first = port->first + skip % (1U + port->last - port->first);
  if (port->first == 0)
    text[0] = '\0';
  else if (first == port->last)
    snprintf(text, 16, "%u", first);
  else
    snprintf(text, 16, "%u-%u", first, (unsigned)port->last);
}

int csn_ports_are_fixed(const cJSON *ports) {
  const cJSON *item;
  struct csn_port port;
  cJSON_ArrayForEach(item, ports)
    if (!csn_port_read(item, &port) && port.first && port.first == port.last) return 1;
  return 0;
}

void csn_ports_add(struct csn_body *b, cJSON *body, cJSON *host, const cJSON *ports,
                   unsigned skip) {
  if (!ports || !ports->child) return;
  cJSON *exposed = csn_body_object(b, body, "ExposedPorts");
  cJSON *bindings = csn_body_object(b, host, "PortBindings");
  const cJSON *item;
  cJSON_ArrayForEach(item, ports) {
    struct csn_port port;
    char name[16], where[16];
    if (csn_port_read(item, &port)) continue; /* checked before */
    snprintf(name, sizeof name, "%u/%s", (unsigned)port.container, port.protocol);
    print_host(&port, skip, where);
    csn_body_object(b, exposed, name);
    cJSON *binding = csn_body_entry(b, csn_body_array(b, bindings, name));
    csn_body_text(b, binding, "HostIp", port.address);
    csn_body_text(b, binding, "HostPort", where);
  }
}

static int is_loopback(const char *address) {
  return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

char *csn_ports_plan(const cJSON *ports) {
  CSN_CLEANUP_BUFFER struct csn_buffer text = CSN_BUFFER((size_t)4096);
  const cJSON *item;
  cJSON_ArrayForEach(item, ports) {
    struct csn_port port;
    if (csn_port_read(item, &port)) continue;
    if (csn_buffer_addf(&text, "%s%s/%u/%s", text.size ? "," : "", port.protocol,
                        (unsigned)port.container, is_loopback(port.address) ? "gateway" : "any"))
      return NULL;
  }
  return csn_strdup(csn_buffer_text(&text));
}

/* ---- what became of them --------------------------------------------------------------------- */

/* An address that stands for all is one that nobody can connect to. */
static const char *reachable(const char *address) {
  if (!*address || strcmp(address, "0.0.0.0") == 0) return LOOPBACK;
  return strcmp(address, "::") == 0 ? "::1" : address;
}

static int add_mapped(cJSON *mapped, const char *name, const char *address, int64_t port,
                      const char *host) {
  if (port < 1 || port > UINT16_MAX || csn_json_get(mapped, name)) return 0;
  char url[320];
  const char *where = host ? host : reachable(address);
  const char *open = strchr(where, ':') ? "[" : "", *close = *open ? "]" : "";
  const char *scheme = strstr(name, "/udp") ? "udp" : "http";
  snprintf(url, sizeof url, "%s://%s%s%s:%d", scheme, open, where, close, (int)port);
  cJSON *one = csn_json_add_object(mapped, name);
  return csn_json_add_string(one, "host", where) | csn_json_add_int(one, "port", port) |
         csn_json_add_string(one, "url", url);
}

/* {"8080/tcp": [{"HostIp", "HostPort"}]}; null where nothing is published. */
static int add_inspected(cJSON *mapped, const cJSON *ports, const char *host) {
  const cJSON *one;
  int bad = 0;
  cJSON_ArrayForEach(one, ports) {
    const cJSON *first = cJSON_GetArrayItem(one, 0);
    if (!cJSON_IsObject(first)) continue;
    bad |= add_mapped(mapped, one->string, csn_json_string(first, "HostIp", ""),
                      strtol(csn_json_string(first, "HostPort", ""), NULL, 10), host);
  }
  return bad;
}

/* [{"IP", "PrivatePort", "PublicPort", "Type"}] */
static int add_listed(cJSON *mapped, const cJSON *ports, const char *host) {
  const cJSON *one;
  int bad = 0;
  cJSON_ArrayForEach(one, ports) {
    char name[32];
    snprintf(name, sizeof name, "%d/%.8s", (int)csn_json_int(one, "PrivatePort", 0),
             csn_json_string(one, "Type", "tcp"));
    bad |= add_mapped(mapped, name, csn_json_string(one, "IP", ""),
                      csn_json_int(one, "PublicPort", 0), host);
  }
  return bad;
}

cJSON *csn_ports_mapped(const cJSON *container, const char *host) {
  const cJSON *inspected = csn_json_get(csn_json_get(container, "NetworkSettings"), "Ports");
  cJSON *mapped = cJSON_CreateObject();
  if (mapped && (add_inspected(mapped, inspected, host) ||
                 add_listed(mapped, csn_json_get(container, "Ports"), host))) {
    cJSON_Delete(mapped);
    return NULL;
  }
  return mapped;
}

/* ---- a port that is taken -------------------------------------------------------------------- */

static int says_taken(const char *words) {
  return strstr(words, "port is already allocated") || strstr(words, "address already in use") ||
         strstr(words, "all ports are allocated");
}

/* Is "ADDRESS:PORT" of one of these in the engine's words? */
static int is_named(const struct csn_port *port, const char *words) {
  char text[80];
  for (unsigned at = port->first; at <= port->last; at++) {
    snprintf(text, sizeof text, ":%u", at);
    const char *found = strstr(words, text);
    if (found && strspn(found + 1, "0123456789") == strlen(text) - 1) return 1;
  }
  return 0;
}

enum csn_ports_failure csn_ports_explain(const cJSON *ports, unsigned skipped,
                                         struct csn_error *err) {
  const cJSON *item;
  if (!says_taken(err->message)) return CSN_PORTS_FINE;
  cJSON_ArrayForEach(item, ports) {
    struct csn_port port;
    char where[16];
    if (csn_port_read(item, &port) || !port.first || !is_named(&port, err->message)) continue;
    if (skipped < (unsigned)port.last - port.first) return CSN_PORTS_TRY_NEXT;
    print_host(&port, 0, where);
    csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_PORT_TAKEN,
             "port %s of %s on the engine's host, where the sandbox's %u/%s is to be published, is "
             "taken; free it, or configure another, a range, or none for the engine's pick",
             where, port.address, (unsigned)port.container, port.protocol);
    return CSN_PORTS_TAKEN;
  }
  return CSN_PORTS_FINE;
}
