/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: how they are written, what the engine is asked for, and what its answers say. */
#include "session/ports.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/json.h"

static cJSON *parse(const char *text) {
  cJSON *json = cJSON_Parse(text);
  if (!json) BAIL_OUT("no JSON: %s", text);
  return json;
}

static void test_reading(void) {
  static const struct { const char *json, *want; } rows[] = {
      {"\"8080\"", "127.0.0.1 0-0 8080/tcp"},
      {"\"8080/tcp\"", "127.0.0.1 0-0 8080/tcp"},
      {"\"53/udp\"", "127.0.0.1 0-0 53/udp"},
      {"\"9000:8080\"", "127.0.0.1 9000-9000 8080/tcp"},
      {"\"20000-20010:8080/udp\"", "127.0.0.1 20000-20010 8080/udp"},
      {"\"0.0.0.0:9000:8080\"", "0.0.0.0 9000-9000 8080/tcp"},
      {"\"192.0.2.1::8080\"", "192.0.2.1 0-0 8080/tcp"},
      {"\"[::1]:9000:8080/tcp\"", "::1 9000-9000 8080/tcp"},
      {"\"[::1]::8080\"", "::1 0-0 8080/tcp"},
      {"{\"container\":8080}", "127.0.0.1 0-0 8080/tcp"},
      {"{\"container\":8080,\"host\":0}", "127.0.0.1 0-0 8080/tcp"},
      {"{\"container\":53,\"protocol\":\"udp\",\"address\":\"0.0.0.0\",\"host\":5353}",
       "0.0.0.0 5353-5353 53/udp"},
      {"{\"container\":8080,\"host\":\"20000-20010\"}", "127.0.0.1 20000-20010 8080/tcp"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cJSON *item = parse(rows[i].json);
    struct csn_port port;
    const char *wrong = csn_port_read(item, &port);
    char text[128];
    snprintf(text, sizeof text, "%s %u-%u %u/%s", port.address, (unsigned)port.first,
             (unsigned)port.last, (unsigned)port.container, port.protocol ? port.protocol : "?");
    is_str(wrong ? wrong : text, rows[i].want, "%s", rows[i].json);
    cJSON_Delete(item);
  }
  static const char *const bad[] = {
      "\"\"",          "\"0\"",           "\"65536\"",      "\"http\"",          "\"8080/sctp\"",
      "\"8080/\"",     "\"a:8080\"",      "\"0:8080\"",     "\"9-8:8080\"",      "\"9-:8080\"",
      "\"-9:8080\"",   "\"9000:\"",       "\"host:1:2\"",   "\"[::1]:8080\"",    "\"1.2.3:1:2\"",
      "\"08:8080\"",   "\" 8080\"",       "\"1.2.3.4/8:1:2\"", "17",             "{\"container\":0}",
      "{\"container\":70000}", "{\"container\":80,\"address\":\"localhost\"}",
      "{\"container\":80,\"host\":\"x\"}", "{\"container\":80,\"host\":65536}",
      "{\"container\":80,\"protocol\":\"sctp\"}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cJSON *item = parse(bad[i]);
    struct csn_port port;
    ok(csn_port_read(item, &port) != NULL, "%s is no port", bad[i]);
    cJSON_Delete(item);
  }
}

static void test_checking(void) {
  static const struct { const char *ports, *network, *words; } rows[] = {
      {"[]", "\"none\"", NULL},
      {"[\"80\",\"80/udp\"]", "{\"name\":\"n\"}", NULL},
      {"[\"80\"]", "\"none\"", "sandbox.ports: with sandbox.network \"none\""},
      {"[\"80\"]", "{\"name\":\"n\",\"internal\":true}", "internal"},
      {"[\"80\",\"x\"]", "{\"name\":\"n\"}", "sandbox.ports[1]: \"x\""},
      {"[\"80\",\"1:80/tcp\"]", "{\"name\":\"n\"}", "sandbox.ports[1]: \"1:80/tcp\" is given twice"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cJSON *ports = parse(rows[i].ports), *network = parse(rows[i].network);
    struct csn_error err = {0};
    int rc = csn_ports_check(ports, network, "sandbox.", CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                             &err);
    if (rows[i].words)
      ok(rc == CAISSON_E_CONFIG && strstr(err.message, rows[i].words), "%s with %s: %s",
         rows[i].ports, rows[i].network, err.message);
    else
      is_int(rc, 0, "%s with %s", rows[i].ports, rows[i].network);
    cJSON_Delete(ports);
    cJSON_Delete(network);
  }
}

static void is_json(const cJSON *got, const char *want, const char *name) {
  char *text = csn_json_print(got);
  is_str(text, want, "%s", name);
  csn_free(text);
}

static void test_body(void) {
  cJSON *ports = parse("[\"8080\",\"0.0.0.0:9000:53/udp\",\"20000-20010:81\"]");
  cJSON *body = cJSON_CreateObject(), *host = cJSON_CreateObject();
  struct csn_body b = {0};
  csn_ports_add(&b, body, host, ports, 0);
  is_json(body, "{\"ExposedPorts\":{\"8080/tcp\":{},\"53/udp\":{},\"81/tcp\":{}}}", "exposed");
  is_json(host,
          "{\"PortBindings\":{\"8080/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}],"
          "\"53/udp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"9000\"}],"
          "\"81/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"20000-20010\"}]}}",
          "and bound");
  cJSON_Delete(body);
  cJSON_Delete(host);
  body = cJSON_CreateObject();
  host = cJSON_CreateObject();
  csn_ports_add(&b, body, host, ports, 3);
  is_json(csn_json_get(csn_json_get(host, "PortBindings"), "81/tcp"),
          "[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"20003-20010\"}]",
          "a range from behind its beginning");
  char *plan = csn_ports_plan(ports);
  is_str(plan, "tcp/8080/gateway,udp/53/any,tcp/81/gateway", "for whom they answer");
  csn_free(plan);
  cJSON_Delete(ports);
  cJSON_Delete(body);
  cJSON_Delete(host);
}

static void test_mapped(void) {
  cJSON *inspected = parse(
      "{\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"4000\"}],"
      "\"53/udp\":[{\"HostIp\":\"::1\",\"HostPort\":\"4001\"}],\"81/tcp\":null,"
      "\"82/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"x\"}],\"83/tcp\":[7]}}}");
  cJSON *got = csn_ports_mapped(inspected, NULL);
  is_json(got,
          "{\"80/tcp\":{\"host\":\"127.0.0.1\",\"port\":4000,\"url\":\"http://127.0.0.1:4000\"},"
          "\"53/udp\":{\"host\":\"::1\",\"port\":4001,\"url\":\"udp://[::1]:4001\"}}",
          "of an inspect");
  cJSON_Delete(got);
  got = csn_ports_mapped(inspected, "docker.example");
  is_str(csn_json_string(csn_json_get(got, "80/tcp"), "url", ""), "http://docker.example:4000",
         "under another name");
  cJSON_Delete(got);
  cJSON_Delete(inspected);
  cJSON *listed = parse("{\"Ports\":[{\"IP\":\"127.0.0.1\",\"PrivatePort\":80,\"PublicPort\":4000,"
                        "\"Type\":\"tcp\"},{\"PrivatePort\":81,\"Type\":\"tcp\"}]}");
  got = csn_ports_mapped(listed, NULL);
  is_json(got,
          "{\"80/tcp\":{\"host\":\"127.0.0.1\",\"port\":4000,\"url\":\"http://127.0.0.1:4000\"}}",
          "of a list");
  cJSON_Delete(got);
  cJSON_Delete(listed);
}

static int explain(const char *words, unsigned skipped, struct csn_error *err) {
  cJSON *ports = parse("[\"8080\",\"9000:81\",\"20000-20010:82\"]");
  csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED, "%s", words);
  int rc = (int)csn_ports_explain(ports, skipped, err);
  cJSON_Delete(ports);
  return rc;
}

static void test_taken(void) {
  struct csn_error err = {0};
  is_int(explain("Bind for 127.0.0.1:9000 failed: port is already allocated", 0, &err),
         CSN_PORTS_TAKEN, "taken");
  is_str(err.reason, CAISSON_REASON_PORT_TAKEN, "is port.taken");
  ok(strstr(err.message, "port 9000 of 127.0.0.1") && strstr(err.message, "81/tcp"), "named: %s",
     err.message);
  is_int(explain("listen tcp4 127.0.0.1:20000: bind: address already in use", 9, &err),
         CSN_PORTS_TRY_NEXT, "in a range that has more");
  is_int(explain("listen tcp4 127.0.0.1:20010: bind: address already in use", 10, &err),
         CSN_PORTS_TAKEN, "in one that has not");
  ok(strstr(err.message, "20000-20010"), "the range is named");
  is_int(explain("Bind for 127.0.0.1:90001 failed: port is already allocated", 0, &err),
         CSN_PORTS_FINE, "not one that only begins so");
  is_int(explain("no such image", 0, &err), CSN_PORTS_FINE, "another error");
}

/* What only one sandbox can have. */
static void test_fixed(void) {
  static const struct {
    const char *ports;
    int fixed;
  } cases[] = {{"[]", 0},
               {"[\"8080\"]", 0},
               {"[\"9000-9010:8080\"]", 0},
               {"[{\"container\":80,\"host\":0}]", 0},
               {"[\"8080\",\"9000:8081\"]", 1},
               {"[{\"container\":80,\"host\":9000}]", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *ports = cJSON_Parse(cases[i].ports);
    is_int(csn_ports_are_fixed(ports), cases[i].fixed, "%s", cases[i].ports);
    cJSON_Delete(ports);
  }
  is_int(csn_ports_are_fixed(NULL), 0, "no ports");
}

/* What cannot come of a configuration that was checked, and what engines say all the same. */
static void test_strange(void) {
  static const char *const bad[] = {
      "\"123456\"", "\"[::1:1:2\"", "\"::1]:1:2\"", "\"[]:1:2\"", "\"1.2.3.4:9000-:80\"",
      "\"0123456789012345678901234567890123456789012345678901234567890:1:2\"",
      "{\"container\":80,\"address\":\"1.1.1.1/32\"}", "{\"container\":80,\"host\":-1}", "null"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cJSON *item = parse(bad[i]);
    struct csn_port port;
    ok(csn_port_read(item, &port) != NULL, "%s is no port", bad[i]);
    cJSON_Delete(item);
  }
  cJSON *ports = parse("[{},\"8080\",\"8081/udp\",\"[::1]::82\",\"0.0.0.0::83\"]");
  cJSON *network = parse("{\"name\":\"n\"}"), *body = parse("{}");
  struct csn_error err = {0};
  struct csn_body b = {0};
  is_int(csn_ports_check(ports, network, "", CAISSON_E_CONFIG, "x", &err), CAISSON_E_CONFIG, "refused");
  ok(strstr(err.message, "ports[0]: \"{...}\""), "an object by its place: %s", err.message);
  is_int(csn_ports_check(NULL, NULL, "", CAISSON_E_CONFIG, "x", &err), 0, "no ports need no network");
  csn_ports_add(&b, body, body, ports, 0);
  is_int(cJSON_GetArraySize(csn_json_get(body, "PortBindings")), 4, "what is no port is left out");
  csn_ports_add(&b, body, body, NULL, 0);
  is_int(b.failed, 0, "and no ports are none");
  char *plan = csn_ports_plan(ports);
  is_str(plan, "tcp/8080/gateway,udp/8081/gateway,tcp/82/gateway,tcp/83/any", "so it is in the plan");
  csn_free(plan);
  is_int(csn_ports_are_fixed(ports), 0, "none of them is fixed");
  csn_fail(&err, CAISSON_E_ENGINE, "x", "all ports are allocated");
  is_int((int)csn_ports_explain(ports, 0, &err), CSN_PORTS_FINE, "words about none of these");
  cJSON *said = parse("{\"NetworkSettings\":{\"Ports\":{\"1/tcp\":[{\"HostPort\":\"0\"}],\"2/tcp\":[7],"
                      "\"3/tcp\":[{\"HostPort\":\"70000\"}],\"4/tcp\":[{\"HostIp\":\"\",\"HostPort\":"
                      "\"4\"}],\"5/tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"5\"}]}},\"Ports\":["
                      "{\"PrivatePort\":4,\"PublicPort\":9},{\"IP\":\"10.0.0.1\",\"PrivatePort\":6,"
                      "\"PublicPort\":6,\"Type\":\"udp\"}]}");
  cJSON *mapped = csn_ports_mapped(said, NULL);
  is_json(mapped, "{\"4/tcp\":{\"host\":\"127.0.0.1\",\"port\":4,\"url\":\"http://127.0.0.1:4\"},"
                  "\"5/tcp\":{\"host\":\"::1\",\"port\":5,\"url\":\"http://[::1]:5\"},"
                  "\"6/udp\":{\"host\":\"10.0.0.1\",\"port\":6,\"url\":\"udp://10.0.0.1:6\"}}",
          "only what can be connected to, each once");
  cJSON_Delete(mapped);
  cJSON_Delete(said);
  cJSON_Delete(body);
  cJSON_Delete(network);
  cJSON_Delete(ports);
}

int main(void) {
  test_reading();
  test_checking();
  test_body();
  test_mapped();
  test_taken();
  test_fixed();
  test_strange();
  return done_testing();
}
