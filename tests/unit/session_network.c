/* SPDX-License-Identifier: Apache-2.0 */
/* Network settings: which are refused, what they come to as a plan, and what a plan denies. */
#include "session/network_plan.h"

#include <string.h>

#include "tap.h"
#include "util/alloc.h"
#include "util/json.h"

static cJSON *parse(const char *text) {
  cJSON *json = cJSON_Parse(text);
  if (!json) BAIL_OUT("no JSON: %s", text);
  return json;
}

static void test_checking(void) {
  static const struct { const char *network, *dns, *words; } rows[] = {
      {"\"none\"", "[]", NULL},
      {"{\"name\":\"n\"}", "[\"1.1.1.1\"]", NULL},
      {"{\"name\":\"n\",\"deny\":[]}", "[\"10.0.0.1\"]", NULL},
      {"{\"name\":\"n\",\"deny\":[\"10.0.0.0/8\",\"fc00::/7\",\"host\"],\"allow\":[\"resolver\"]}",
       "[]", NULL},
      {"{\"name\":\"host\"}", "[]", "sandbox.network.name: \"host\""},
      {"{\"name\":\"bridge\"}", "[]", "shared"},
      {"{\"name\":\"n\",\"deny\":[\"10.0.0.0/8\",\"10.0.0.1/8\"]}", "[]",
       "sandbox.network.deny[1]: \"10.0.0.1/8\""},
      {"{\"name\":\"n\",\"deny\":[\"resolver\"]}", "[]", "or write \"host\""},
      {"{\"name\":\"n\",\"allow\":[\"host\"]}", "[]", "sandbox.network.allow[0]"},
      {"{\"name\":\"n\",\"deny\":[\"127.0.0.0/8\"]}", "[]", "loopback"},
      {"{\"name\":\"n\",\"deny\":[\"0.0.0.0\"]}", "[]", "loopback"},
      {"{\"name\":\"n\",\"deny\":[\"0.0.0.0/0\",\"::/0\"]}", "[]", NULL},
      {"{\"name\":\"n\",\"deny\":[\"ff02::/16\"]}", "[]", "multicast"},
      {"{\"name\":\"n\"}", "[\"1.1.1.1\",\"10.0.0.53\"]",
       "sandbox.dns: the resolver 10.0.0.53 lies in 10.0.0.0/8"},
      {"{\"name\":\"n\",\"allow\":[\"10.0.0.53\"]}", "[\"10.0.0.53\"]", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cJSON *network = parse(rows[i].network), *dns = parse(rows[i].dns);
    struct csn_error err = {0};
    int rc = csn_network_check(network, dns, "sandbox.", CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                               &err);
    if (rows[i].words)
      ok(rc == CAISSON_E_CONFIG && strstr(err.message, rows[i].words), "%s: %s", rows[i].network,
         err.message);
    else
      is_int(rc, 0, "%s with %s", rows[i].network, rows[i].dns);
    cJSON_Delete(network);
    cJSON_Delete(dns);
  }
}

static cJSON *plan_of(const char *network, const char *gateways) {
  cJSON *settings = parse(network), *found = parse(gateways), *ports = parse("[\"8080\"]");
  cJSON *plan = NULL;
  struct csn_error err;
  if (csn_network_plan(settings, ports, NULL, found, &plan, &err)) BAIL_OUT("%s", err.message);
  cJSON_Delete(settings);
  cJSON_Delete(found);
  cJSON_Delete(ports);
  return plan;
}

static void test_plans(void) {
  cJSON *plan = plan_of("{\"name\":\"n\",\"deny\":[\"10.0.0.0/8\",\"host\",\"fc00::/7\"],"
                        "\"allow\":[\"10.1.0.0/16\",\"resolver\"]}",
                        "[{\"Gateway\":\"172.18.0.1\"},{\"Gateway\":\"fd01::1/64\"},{}]");
  is_str(csn_json_string(plan, "deny", ""), "10.0.0.0/8,fc00::/7,172.18.0.1,fd01::1",
         "ranges, and the gateways as addresses of the host");
  is_str(csn_json_string(plan, "allow", ""), "10.1.0.0/16", "exemptions");
  is_int(csn_json_bool(plan, "host", 0), 1, "the host");
  is_int(csn_json_bool(plan, "resolver", 0), 1, "the resolver");
  is_str(csn_json_string(plan, "ports", ""), "tcp/8080/gateway", "ports");
  char *samples = csn_network_samples(plan);
  is_str(samples, "10.0.0.1,fc00::1,172.18.0.1,fd01::1", "addresses to try");
  csn_free(samples);
  cJSON_Delete(plan);
  plan = plan_of("{\"name\":\"n\",\"deny\":[\"10.0.0.0/8\"],\"allow\":[\"10.0.0.0/16\"]}",
                 "[{\"Gateway\":\"172.18.0.1\"}]");
  is_str(csn_json_string(plan, "deny", ""), "10.0.0.0/8", "without the host no gateway");
  samples = csn_network_samples(plan);
  is_str(samples, "", "an address that is exempt is not tried");
  csn_free(samples);
  cJSON_Delete(plan);
  plan = plan_of("{\"name\":\"n\",\"deny\":[]}", "[]");
  ok(!plan, "nothing denied, no plan");
  plan = plan_of("\"none\"", "[]");
  ok(!plan, "no network, no plan");
}

static void test_denied(void) {
  static const struct { const char *address, *by; } rows[] = {
      {"10.0.0.1", "10.0.0.0/8"},  {"172.31.255.1", "172.16.0.0/12"}, {"192.168.1.1", "192.168.0.0/16"},
      {"169.254.169.254", "169.254.0.0/16"}, {"100.100.100.200", "100.64.0.0/10"},
      {"224.0.0.251", "224.0.0.0/4"}, {"255.255.255.255", "240.0.0.0/4"}, {"0.0.0.1", "0.0.0.0/8"},
      {"fd00:ec2::254", "fc00::/7"}, {"fe80::1", "fe80::/10"}, {"::ffff:10.0.0.1", "10.0.0.0/8"},
      {"64:ff9b::a00:1", "64:ff9b::/96"}, {"172.18.0.1", "172.18.0.1"},
      {"1.1.1.1", NULL}, {"172.32.0.1", NULL}, {"2606:4700::1111", NULL}, {"192.168.7.7", NULL},
      {"nothing", NULL},
  };
  cJSON *plan = plan_of("{\"name\":\"n\",\"allow\":[\"192.168.7.0/24\"]}",
                        "[{\"Gateway\":\"172.18.0.1\"}]");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *by = NULL;
    struct csn_error err;
    int denied = csn_network_denies(plan, rows[i].address, &by, &err);
    is_int(denied, rows[i].by != NULL, "%s", rows[i].address);
    is_str(by, rows[i].by, "by the longest range");
    csn_free(by);
  }
  cJSON_Delete(plan);
}

int main(void) {
  test_checking();
  test_plans();
  test_denied();
  return done_testing();
}
