/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a sandbox is made of and found by: settings of mounts, networks and ports, the labels on
 * a container, and what an engine says of its ports. The first byte says which; the rest is JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/names.h"
#include "session/network_plan.h"
#include "session/policy.h"
#include "session/policy_mounts.h"
#include "session/ports.h"
#include "tools/manifest.h"
#include "util/alloc.h"
#include "util/json.h"
#include "util/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct csn_sandbox_settings defaults = {
    .image = "i", .user = "auto", .uid_first = 30000, .uid_last = 59999, .hostname = "h",
    .workdir = "/workspace", .memory = 1 << 30, .cpus = 1, .pids = 256, .nofile = 4096,
    .workspace_size = 512 << 20, .tmp_size = 128 << 20, .shm_size = 16 << 20,
    .idle_ttl_ms = 900000, .max_lifetime_ms = 86400000, .name_template = CSN_NAME_TEMPLATE};

static void check_network(const cJSON *json) {
  struct csn_error err = {0};
  cJSON *plan = NULL;
  if (csn_network_check(json, NULL, "", CAISSON_E_CONFIG, "x", &err) == 0 &&
      csn_network_plan(json, csn_json_get(json, "ports"), NULL, csn_json_get(json, "gateways"), &plan,
                       &err) == 0 && plan) {
    char *samples = csn_network_samples(plan), *by = NULL;
    if (!samples) abort();
    csn_network_denies(plan, "10.0.0.1", &by, &err);
    csn_free(by);
    csn_free(samples);
  }
  cJSON_Delete(plan);
}

/* A plan is read from a container's label: anybody may have written it. */
static void check_plan(const cJSON *json) {
  char *by = NULL, *samples = csn_network_samples(json);
  int rc = csn_network_denies(json, csn_json_string(json, "try", "10.0.0.1"), &by, NULL);
  if ((rc > 0) != (by != NULL)) abort();
  csn_free(by);
  csn_free(samples);
}

static void check_ports(const cJSON *json) {
  struct csn_error err = {0};
  struct csn_body b = {0};
  cJSON *body = cJSON_CreateObject(), *network = cJSON_CreateObject();
  cJSON *mapped = csn_ports_mapped(json, "host");
  const cJSON *ports = csn_json_get(json, "ports");
  if (!mapped) abort();
  if (csn_ports_check(ports, network, "", CAISSON_E_CONFIG, "x", &err) == 0) {
    csn_ports_add(&b, body, body, ports, 3);
    if (b.failed) abort();
    csn_fail(&err, CAISSON_E_ENGINE, "x", "%s", csn_json_string(json, "words", ""));
    csn_ports_explain(ports, 1, &err);
    csn_ports_are_fixed(ports);
  }
  cJSON_Delete(mapped);
  cJSON_Delete(network);
  cJSON_Delete(body);
}

/* As the plugin has it: only what the schema lets through is laid over the settings. */
static void check_options(const cJSON *json) {
  static const struct csn_policy_facts facts = {.instance = "i", .key = "k", .version = "1",
                                                .created = "c", .guest_path = "/g", .uid = 1, .gid = 1};
  static cJSON *manifest;
  struct csn_error err = {0};
  if (!manifest && csn_manifest_parse(&manifest, &err)) abort();
  if (csn_schema_check(csn_manifest_options_schema(manifest), json, "o", CAISSON_E_ARGUMENTS, "x", &err))
    return;
  struct csn_mount_list list = {0};
  cJSON *shape = csn_policy_shape(json), *body = NULL;
  struct csn_sandbox_settings s = defaults;
  s.bind_roots = csn_json_get(csn_json_get(json, "x-roots"), "roots");
  if (!cJSON_IsArray(s.bind_roots) || !cJSON_IsString(s.bind_roots->child)) s.bind_roots = NULL;
  if (s.bind_roots && s.bind_roots->child->next) s.bind_roots = NULL;
  const struct csn_sandbox_settings e = csn_policy_effective(&s, shape);
  struct csn_policy_facts all = facts;
  all.mounts = &list;
  if (csn_mounts_read(&e, "i", "k", &list, &err) == 0 &&
      csn_policy_body(&s, shape, &all, &body, &err) == 0 && !body)
    abort();
  char *spec = csn_policy_spec(&s, shape);
  if (!spec || csn_policy_compare(spec, &s, shape) != CSN_SPEC_SAME) abort();
  csn_free(spec);
  csn_mounts_free(&list);
  cJSON_Delete(body);
  cJSON_Delete(shape);
}

static void check_label(const char *text) {
  cJSON *service = NULL, *options = NULL;
  if (csn_policy_options_of(text, &options)) abort();
  csn_policy_compare(text, &defaults, options);
  csn_policy_service_of(text, &service);
  cJSON_Delete(options);
  cJSON_Delete(service);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const checks[])(const cJSON *json) = {check_network, check_plan, check_ports,
                                                      check_options};
  if (size < 1 || size > 8192) return 0;
  char *text = csn_strndup((const char *)data + 1, size - 1);
  cJSON *json = NULL;
  if (data[0] % 5 == 4)
    check_label(text);
  else if (csn_json_parse(text, strlen(text), SIZE_MAX, "it", -1, "x", &json, NULL) == 0)
    checks[data[0] % 5](json);
  cJSON_Delete(json);
  csn_free(text);
  return 0;
}
