/* SPDX-License-Identifier: Apache-2.0 */
/* What is pure, without memory: each of these is done again and again, and each time one more of its
 * allocations, cJSON's too, is the one that fails. It must say so or do without, and never crash;
 * that nothing leaks is the sanitizer's to say. */
#include <stdlib.h>
#include <string.h>

#include "engine/build_bases.h"
#include "engine/docker_auth.h"
#include "engine/ignore_rules.h"
#include "engine/image_failure.h"
#include "engine/image_name.h"
#include "engine/path_stat.h"
#include "engine/refusal.h"
#include "engine/tar.h"
#include "guest/files/ignore.h"
#include "guest/files/pattern.h"
#include "guest/files/search.h"
#include "session/names.h"
#include "session/network_plan.h"
#include "session/policy.h"
#include "session/policy_mounts.h"
#include "session/ports.h"
#include "tap.h"
#include "tools/catalog.h"
#include "tools/environment.h"
#include "tools/manifest.h"
#include "tools/result.h"
#include "tools_definition.h"
#include "transport/endpoint.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/json.h"
#include "util/schema_defaults.h"

#define MOST 100000 /* the first forty one by one, then in growing steps */

static const struct csn_tool_settings limits = {50000, 120000, 600000, 33554432,
                                                {8, 32, 8388608, 3600000, 86400000}};

static cJSON *manifest, *network, *ports, *gateways, *dns, *env, *options, *mapped, *registries;
static struct csn_sandbox_settings settings;

/* ---- what is done ---------------------------------------------------------------------------- */

static int parse_json(struct csn_error *err) {
  static const char text[] = "{\"a\":[1,\"x\",{\"b\":null}],\"c\":{\"d\":true}}";
  cJSON *tree CSN_CLEANUP_JSON = NULL;
  return csn_json_parse(text, sizeof text - 1, 1000, "it", CAISSON_E_CONFIG, "x", &tree, err);
}

static int build_json(struct csn_error *err) {
  cJSON *o CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *list = csn_json_add_array(o, "list"), *below = csn_json_add_object(o, "object");
  int bad = csn_json_append_string(list, "x") | csn_json_add_string(below, "s", "t") |
            csn_json_add_int(below, "i", -7) | csn_json_add_uint(below, "u", UINT64_MAX) |
            csn_json_add_number(below, "n", 0.5) | csn_json_add_bool(o, "b", 1);
  char *text CSN_CLEANUP_FREE = bad ? NULL : csn_json_print(o);
  return text ? 0 : csn_fail_nomem(err);
}

static int fill_defaults(struct csn_error *err) {
  cJSON *value CSN_CLEANUP_JSON = cJSON_CreateObject();
  if (!value) return csn_fail_nomem(err);
  return csn_schema_fill_defaults(csn_manifest_config_schema(manifest), value, err);
}

static int encode_base64(struct csn_error *err) {
  size_t n;
  char *text CSN_CLEANUP_FREE = csn_base64("bytes", 5);
  char *back CSN_CLEANUP_FREE = NULL;
  return text && csn_base64_decode(text, &back, &n) == 0 ? 0 : csn_fail_nomem(err);
}

static int name_image(struct csn_error *err) {
  struct csn_image_name name;
  int rc = csn_image_name_parse("127.0.0.1:5000/a/b:tag", &name, err);
  csn_image_name_free(&name);
  return rc;
}

static int find_bases(struct csn_error *err) {
  static const char text[] = "FROM --platform=x a.example/b AS one\nFROM one\nFROM scratch\n"
                             "FROM b.example/c AS two\nFROM a.example/z\n";
  cJSON *out CSN_CLEANUP_JSON = NULL;
  return csn_build_bases(text, sizeof text - 1, &out, err);
}

static int find_credentials(struct csn_error *err) {
  cJSON *document = NULL;
  int rc = csn_docker_auth_inline(registries, "plain.example", &document, err);
  char *text = rc || !document ? NULL : csn_docker_auth_encode(document);
  csn_docker_auth_delete(document);
  if (!rc && !text) rc = csn_fail_nomem(err);
  csn_docker_auth_wipe(text);
  cJSON *kept = rc ? NULL : csn_docker_auth_of_helper(csn_json_get(registries, "answer"), "r");
  rc = rc || kept ? rc : csn_fail_nomem(err);
  csn_docker_auth_delete(kept);
  return rc;
}

static int read_ignore_rules(struct csn_error *err) {
  static const char text[] = "# c\n*.o\n!keep.o\n/build/**\n[a-c]?\n";
  struct csn_ignore_rules *rules = NULL;
  int rc = csn_ignore_rules_parse(text, sizeof text - 1, &rules, err);
  if (!rc && !csn_ignore_rules_match(rules, "x.o")) rc = CAISSON_E_INTERNAL;
  csn_ignore_rules_free(rules);
  return rc;
}

/* These two fail in any case: for want of memory in other words. */
static int say_refusal(struct csn_error *err) {
  int rc = csn_refusal(500, "{\"message\":\"it  broke\"}", 23, err);
  return rc == CAISSON_E_ENGINE ? 0 : rc;
}

static int say_image_failure(struct csn_error *err) {
  int rc = csn_image_failure("r.example/i:1", "r.example", "toomanyrequests: slow down", err);
  return rc == CAISSON_E_ENGINE ? 0 : rc;
}

static int read_path_stat(struct csn_error *err) {
  struct csn_path_stat stat;
  char *value CSN_CLEANUP_FREE = csn_base64("{\"size\":1,\"mode\":420}", 21);
  return value ? csn_path_stat_parse(value, &stat, err) : csn_fail_nomem(err);
}

static int make_tar(struct csn_error *err) {
  static const struct csn_tar_dir dirs[] = {{"a", 0755}, {"a/b", 0700}};
  struct csn_buffer tar CSN_CLEANUP_BUFFER = CSN_BUFFER((size_t)1 << 20);
  struct csn_buffer file CSN_CLEANUP_BUFFER = CSN_BUFFER((size_t)1 << 20);
  struct csn_buffer more CSN_CLEANUP_BUFFER = CSN_BUFFER((size_t)1 << 20);
  int rc = csn_tar_file("t", "f", "content", 7, 0644, &tar, err);
  if (rc == 0) rc = csn_tar_read_file(tar.data, tar.size, &file, err);
  return rc ? rc : csn_tar_dirs(dirs, 2, 1, 2, &more, err);
}

static int parse_endpoints(struct csn_error *err) {
  static const char *const texts[] = {"unix:///run/docker.sock", "tcp://h.example:2375",
                                      "http://[::1]:80", "ssh://u@h.example:22/run/docker.sock"};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof *texts; i++) {
    struct csn_endpoint endpoint;
    rc = csn_endpoint_parse(texts[i], NULL, &endpoint, err);
    csn_endpoint_free(&endpoint);
  }
  return rc;
}

static int plan_network(struct csn_error *err) {
  cJSON *plan CSN_CLEANUP_JSON = NULL;
  int rc = csn_network_check(network, dns, "", CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, err);
  if (rc == 0) rc = csn_network_plan(network, ports, dns, gateways, &plan, err);
  if (rc) return rc;
  char *samples CSN_CLEANUP_FREE = csn_network_samples(plan);
  if (!samples) return csn_fail_nomem(err);
  char *by CSN_CLEANUP_FREE = NULL;
  rc = csn_network_denies(plan, "10.2.0.1", &by, err);
  return rc > 0 ? 0 : rc ? rc : CAISSON_E_INTERNAL;
}

static int map_ports(struct csn_error *err) {
  cJSON *found CSN_CLEANUP_JSON = csn_ports_mapped(mapped, NULL);
  if (!found) return csn_fail_nomem(err);
  struct csn_body b = {0};
  cJSON *body CSN_CLEANUP_JSON = cJSON_CreateObject();
  cJSON *host CSN_CLEANUP_JSON = cJSON_CreateObject();
  csn_ports_add(&b, body, host, ports, 1);
  char *plan CSN_CLEANUP_FREE = csn_ports_plan(ports);
  return b.failed || !plan ? csn_fail_nomem(err) : 0;
}

static int make_policy(struct csn_error *err) {
  static const struct csn_policy_facts facts = {
      .instance = "i", .key = "k", .version = "1", .created = "2001-02-03T04:05:06Z",
      .guest_path = "/.caisson/guest-0", .uid = 30123, .gid = 30124};
  cJSON *shape CSN_CLEANUP_JSON = csn_policy_shape(options), *body CSN_CLEANUP_JSON = NULL;
  struct csn_mount_list list = {0};
  if (!shape) return csn_fail_nomem(err);
  const struct csn_sandbox_settings e = csn_policy_effective(&settings, shape);
  struct csn_policy_facts all = facts;
  all.mounts = &list;
  int rc = csn_mounts_read(&e, "i", "k", &list, err);
  if (rc == 0) rc = csn_policy_body(&settings, shape, &all, &body, err);
  csn_mounts_free(&list);
  return rc;
}

static int label_policy(struct csn_error *err) {
  cJSON *shape CSN_CLEANUP_JSON = csn_policy_shape(options);
  char *spec CSN_CLEANUP_FREE = shape ? csn_policy_spec(&settings, shape) : NULL;
  if (!spec) return csn_fail_nomem(err);
  /* Without memory nothing is known to be the same. */
  if (csn_policy_compare(spec, &settings, shape) != CSN_SPEC_SAME) return csn_fail_nomem(err);
  cJSON *again CSN_CLEANUP_JSON = NULL, *service CSN_CLEANUP_JSON = NULL;
  if (csn_policy_options_of(spec, &again) || csn_policy_service_of(spec, &service))
    return csn_fail_nomem(err);
  return 0;
}

static int make_catalog(struct csn_error *err) {
  struct csn_catalog *catalog = NULL;
  cJSON *arguments CSN_CLEANUP_JSON = NULL;
  struct csn_catalog_entry entry;
  int rc = csn_catalog_new(manifest, "i", NULL, &limits, &catalog, err);
  if (rc == 0) rc = csn_catalog_find_tool(catalog, "shell", &entry, err);
  if (rc == 0) rc = csn_catalog_read_arguments(&entry, "{\"command\":\"id\"}", 16, &arguments, err);
  csn_catalog_free(catalog);
  return rc;
}

static int set_environment(struct csn_error *err) {
  struct csn_environment e = {0};
  int rc = csn_environment_set_defaults(&e, NULL, err);
  if (rc == 0) rc = csn_environment_set_all(&e, env, err);
  csn_environment_free(&e);
  return rc;
}

static int make_results(struct csn_error *err) {
  struct csn_error failure;
  struct csn_tool_result result = {.outcome = 0};
  csn_fail(&failure, CAISSON_E_ENGINE, "x.y", "words \xff");
  int rc = csn_result_from_error(&failure, 0, &result);
  cJSON_Delete(result.json);
  result.json = NULL;
  cJSON *document = rc ? NULL : cJSON_CreateObject();
  if (rc == 0) rc = csn_result_from_document("words", document, &result, err);
  cJSON_Delete(result.json);
  return rc == CAISSON_E_NOMEM ? csn_fail_nomem(err) : rc;
}

/* In the helper there is no struct csn_error: these give nothing, or a sentence. */
static int expand_globs(struct csn_error *err) {
  struct csn_globs globs;
  char why[128] = "";
  if (csn_globs_parse("{a,b{c,d}}/**/*.{h,c}", true, &globs, why) < 0)
    return *why ? csn_fail_nomem(err) : CAISSON_E_INTERNAL;
  csn_globs_free(&globs);
  return 0;
}

static int read_gitignore(struct csn_error *err) {
  static const char text[] = "*.o\n!keep.o\n/build/\n**/x\n";
  struct csn_ignore *ignore = csn_ignore_parse(text, sizeof text - 1, 1, NULL);
  if (!ignore) return csn_fail_nomem(err);
  csn_ignore_free(ignore);
  return 0;
}

static int compile_search(struct csn_error *err) {
  struct csn_search_flaw flaw;
  struct csn_search *search = csn_search_begin("alpha|be+ta", 0, &flaw);
  if (!search) return csn_fail_nomem(err);
  csn_search_end(search);
  return 0;
}

/* ---- again and again ------------------------------------------------------------------------- */

static const struct {
  const char *name;
  int (*run)(struct csn_error *err);
  long least; /* how many are failed at least */
} cases[] = {
    {"parse JSON", parse_json, 10},
    {"build JSON", build_json, 15},
    {"fill in defaults", fill_defaults, 40},
    {"base64", encode_base64, 2},
    {"an image's name", name_image, 3},
    {"the bases of a Dockerfile", find_bases, 10},
    {"credentials", find_credentials, 20},
    {".dockerignore", read_ignore_rules, 3},
    {"a refusal", say_refusal, 1},
    {"why an image could not be had", say_image_failure, 2},
    {"the state of a path", read_path_stat, 3},
    {"tars", make_tar, 1},
    {"endpoints", parse_endpoints, 12},
    {"a plan of routes", plan_network, 40},
    {"ports", map_ports, 20},
    {"a create body", make_policy, 60},
    {"a label", label_policy, 60},
    {"a catalog", make_catalog, 60},
    {"an environment", set_environment, 10},
    {"results", make_results, 10},
    {"globs", expand_globs, 5},
    {".gitignore", read_gitignore, 2},
    {"an expression", compile_search, 1},
};

static void run_case(size_t i) {
  long n = 1, wrong = 0, failed = -1;
  int rc = -1, fired = 1;
  for (; fired && n <= MOST; n += 1 + n / 40) {
    struct csn_error err = {0};
    csn_alloc_fail_after(n);
    rc = cases[i].run(&err);
    fired = csn_alloc_fail_after(0) == 0;
    failed++;
    wrong += rc != 0 && (rc != CAISSON_E_NOMEM || err.code != CAISSON_E_NOMEM);
  }
  is_int(wrong, 0, "%s: each want of memory is said, or done without", cases[i].name);
  ok(rc == 0 && failed >= cases[i].least, "with memory it is done, after %ld were failed", failed);
}

static cJSON *json(const char *text) {
  cJSON *value = cJSON_Parse(text);
  if (!value) BAIL_OUT("not JSON: %s", text);
  return value;
}

static void set_up(void) {
  struct csn_error err = {0};
  if (csn_manifest_parse(&manifest, &err)) BAIL_OUT("%s", err.message);
  network = json("{\"name\":\"n\",\"deny\":[\"host\",\"10.0.0.0/8\",\"fc00::/7\"],"
                 "\"allow\":[\"resolver\",\"10.1.0.0/16\"]}");
  ports = json("[\"8080\",\"127.0.0.1:9000-9010:90/udp\"]");
  gateways = json("[{\"Gateway\":\"172.18.0.1/16\"}]");
  dns = json("[\"1.1.1.1\"]");
  env = json("{\"A\":\"1\",\"B\":\"2\",\"C\":7}");
  options = json("{\"image\":\"i\",\"env\":{\"E\":\"f\"},\"labels\":{\"l\":\"m\"},\"dns\":[\"1.1.1.1\"],"
                 "\"service\":[\"run\",\"it\"]}");
  mapped = json("{\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"::\",\"HostPort\":\"8\"}],"
                "\"81/tcp\":null}},\"Ports\":[{\"IP\":\"0.0.0.0\",\"PrivatePort\":53,"
                "\"PublicPort\":5353,\"Type\":\"udp\"},{\"PrivatePort\":1}]}");
  registries = json("{\"auths\":{\"plain.example\":{\"auth\":\"YW5uOmE6Yg==\"}},"
                    "\"answer\":{\"Username\":\"u\",\"Secret\":\"s\"}}");
  settings = (struct csn_sandbox_settings){
      .image = "i", .user = "auto", .uid_first = 30000, .uid_last = 59999, .hostname = "h",
      .workdir = "/workspace", .memory = 1 << 30, .cpus = 1, .pids = 256, .nofile = 4096,
      .workspace_size = 512 << 20, .tmp_size = 128 << 20, .shm_size = 16 << 20,
      .idle_ttl_ms = 900000, .max_lifetime_ms = 86400000, .name_template = CSN_NAME_TEMPLATE,
      .has_writable_root = 1, .apparmor = "profile", .runtime = "runsc", .env = env,
      .platform = "linux/amd64"};
  settings.network = network;
  settings.ports = ports;
  settings.dns = dns;
  settings.labels = json("{\"a\":\"b\"}");
  settings.extra_hosts = json("{\"db\":\"10.0.0.1\"}");
  settings.cap_add = json("[\"CHOWN\"]");
  settings.tmpfs = json("{\"/cache\":{\"size\":\"8m\",\"exec\":true}}");
  settings.bind_roots = json("[\"/srv\"]");
  settings.mounts = json("[{\"type\":\"bind\",\"source\":\"/srv/a\",\"target\":\"/a\"},"
                         "{\"type\":\"volume\",\"source\":\"v-{session}\",\"target\":\"/v\"}]");
  settings.workspace = json("{\"type\":\"bind\",\"path\":\"/srv/{session}\",\"relabel\":\"shared\","
                            "\"dirs\":{\"x\":\"0750\"}}");
  settings.build = json("{\"context\":\"/srv\",\"args\":{\"A\":\"b\"}}");
}

static void tear_down(void) {
  const cJSON *const all[] = {
      manifest, network, ports, gateways, dns, env, options, mapped, registries, settings.labels,
      settings.extra_hosts, settings.cap_add, settings.tmpfs, settings.bind_roots, settings.mounts,
      settings.workspace, settings.build};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) cJSON_Delete((cJSON *)(uintptr_t)all[i]);
}

int main(void) {
  cJSON_Hooks hooks = {csn_alloc, csn_free};
  cJSON_InitHooks(&hooks);
  set_up();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(i);
  tear_down();
  return done_testing();
}
