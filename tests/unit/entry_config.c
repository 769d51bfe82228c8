/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: what is not given has its default, and every mistake is refused by its path. */
#include <stdlib.h>
#include <string.h>

#include "entry/config.h"
#include "tap.h"
#include "tools/manifest.h"
#include "util/alloc.h"

static cJSON *manifest;

static int read_n(const char *json, size_t n, struct csn_config *out, struct csn_error *err) {
  memset(err, 0, sizeof *err);
  return csn_config_read(csn_manifest_config_schema(manifest), json, n, out, err);
}

static int read_config(const char *json, struct csn_config *out, struct csn_error *err) {
  return read_n(json, strlen(json), out, err);
}

/* ---- what is not given ---------------------------------------------------------------------- */

static void test_defaults(const char *json, const char *what) {
  struct csn_config c;
  struct csn_error err;
  is_int(read_config(json, &c, &err), 0, "%s is a whole configuration", what);
  is_str(c.instance, "default", "instance");
  ok(!c.engine.endpoint && !c.engine.context && !c.engine.tls, "engine: whatever is found");
  is_int(c.lazy, 0, "engine.lazy");
  is_str(c.sandbox.image, "python:3.12-slim", "sandbox.image");
  is_str(c.sandbox.user, "auto", "sandbox.user");
  is_int(c.sandbox.uid_first, 30000, "sandbox.uid_range: the first");
  is_int(c.sandbox.uid_last, 59999, "sandbox.uid_range: the last");
  is_str(c.sandbox.hostname, "sandbox", "sandbox.hostname");
  is_str(c.sandbox.runtime, NULL, "sandbox.runtime");
  is_str(c.sandbox.workdir, "/workspace", "sandbox.workdir");
  is_int(c.sandbox.pull, CSN_PULL_MISSING, "sandbox.pull");
  is_str(c.sandbox.platform, NULL, "sandbox.platform");
  ok(!c.sandbox.build, "sandbox.build");
  is_int(c.sandbox.memory, 1 << 30, "sandbox.memory");
  ok(c.sandbox.cpus > 0.999 && c.sandbox.cpus < 1.001, "sandbox.cpus");
  is_int(c.sandbox.pids, 256, "sandbox.pids");
  is_int(c.sandbox.nofile, 4096, "sandbox.nofile");
  is_int(c.sandbox.workspace_size, 512 << 20, "sandbox.workspace.size");
  is_int(c.sandbox.tmp_size, 128 << 20, "sandbox.tmp.size");
  is_int(c.sandbox.shm_size, 16 << 20, "sandbox.shm.size");
  is_int(c.sandbox.idle_ttl_ms, 900000, "sandbox.idle_ttl_s");
  is_int(c.sandbox.max_lifetime_ms, 86400000, "sandbox.max_lifetime_s");
  is_int(c.tools.output_limit, 50000, "tools.output_limit");
  is_int(c.tools.shell_timeout_ms, 120000, "tools.shell_timeout_ms");
  ok(c.audits && !c.audits_arguments, "there is an audit, without arguments");
  is_int(c.tools.max_timeout_ms, 600000, "tools.max_timeout_ms");
  is_int(c.tools.spill_max, 32 << 20, "tools.spill_max");
  is_int(c.sandbox.refuses_unseen, 0, "attestation.unseen");
  csn_config_free(&c);
}

static void test_attestation(void) {
  struct csn_config c;
  struct csn_error err;
  is_int(read_config("{\"config_version\": 1, \"attestation\": {\"unseen\": \"refuse\"}}", &c, &err),
         0, "attestation.unseen can be set");
  is_int(c.sandbox.refuses_unseen, 1, "and is");
  csn_config_free(&c);
  is_int(read_config("{\"config_version\": 1, \"attestation\": {\"unseen\": \"no\"}}", &c, &err),
         CAISSON_E_CONFIG, "to one of its words");
  is_int(read_config("{\"config_version\": 1, \"attestation\": false}", &c, &err), CAISSON_E_CONFIG,
         "and attestation cannot be switched off");
}

/* The defaults that the schema tells people are those that hold. */
static void test_documented(void) {
  static const char *const sizes[] = {"memory", "workspace", "tmp", "shm"};
  const cJSON *sandbox = cJSON_GetObjectItem(
      cJSON_GetObjectItem(
          cJSON_GetObjectItem(csn_manifest_config_schema(manifest), "properties"), "sandbox"),
      "properties");
  struct csn_config c;
  struct csn_error err;
  is_int(read_config("", &c, &err), 0, "the defaults once more");
  const uint64_t got[] = {c.sandbox.memory, c.sandbox.workspace_size, c.sandbox.tmp_size,
                          c.sandbox.shm_size};
  for (size_t i = 0; i < 4; i++) {
    const cJSON *s = cJSON_GetObjectItem(sandbox, sizes[i]);
    const cJSON *inner = cJSON_GetObjectItem(cJSON_GetObjectItem(s, "properties"), "size");
    is_int(csn_policy_bytes(cJSON_GetObjectItem(inner ? inner : s, "default")), got[i],
           "the manifest tells sandbox.%s as it is", sizes[i]);
  }
  is_int(cJSON_GetObjectItem(cJSON_GetObjectItem(sandbox, "idle_ttl_s"), "default")->valuedouble,
         c.sandbox.idle_ttl_ms / 1000, "and sandbox.idle_ttl_s");
  is_int(cJSON_GetObjectItem(cJSON_GetObjectItem(sandbox, "pids"), "default")->valuedouble,
         c.sandbox.pids, "and sandbox.pids");
  csn_config_free(&c);
}

static void test_audit(void) {
  struct csn_config c;
  struct csn_error err;
  is_int(read_config("{\"config_version\":1,\"audit\":{\"enabled\":false}}", &c, &err), 0,
         "an audit");
  ok(!c.audits && !c.audits_arguments, "that is off");
  csn_config_free(&c);
  is_int(read_config("{\"config_version\":1,\"audit\":{\"arguments\":true}}", &c, &err), 0,
         "another");
  ok(c.audits && c.audits_arguments, "that is on, with arguments");
  csn_config_free(&c);
  is_int(read_config("{\"config_version\":1,\"audit\":{\"argument\":true}}", &c, &err),
         CAISSON_E_CONFIG, "and one with an unknown key");
  ok(strstr(err.message, "audit") != NULL, "which is named");
}

static int read_engine(const char *members, struct csn_config *c, struct csn_error *err) {
  char json[512];
  snprintf(json, sizeof json, "{\"config_version\":1,\"engine\":{%s}}", members);
  return read_config(json, c, err);
}

static void test_engine(void) {
  static const struct {
    const char *members, *words;
  } wrong[] = {
      {"\"endpoint\":\"unix:///x\",\"context\":\"y\"", "engine.context: "},
      {"\"tls\":{}", "engine.tls: is for the engine at engine.endpoint"},
      {"\"endpoint\":\"tcp://h\",\"tls\":{\"ca\":\"relative.pem\"}", "engine.tls.ca"},
      {"\"endpoint\":\"tcp://h\",\"tls\":{\"verify\":0}", "engine.tls.verify"},
      {"\"endpoint\":\"tcp://h\",\"tls\":{\"password\":\"x\"}", "password"},
  };
  struct csn_config c;
  struct csn_error err;
  is_int(read_engine("\"endpoint\":\"unix:///x\"", &c, &err), 0, "an endpoint");
  is_str(c.engine.endpoint, "unix:///x", "is what is wanted");
  ok(!c.engine.tls, "without TLS");
  csn_config_free(&c);
  is_int(read_engine("\"context\":\"y\"", &c, &err), 0, "a context");
  is_str(c.engine.context, "y", "likewise");
  csn_config_free(&c);
  is_int(read_engine("\"endpoint\":\"tcp://h\",\"tls\":{}", &c, &err), 0, "TLS");
  ok(c.engine.tls && !c.engine.tls->ca && !c.engine.tls->insecure, "as it is by default");
  csn_config_free(&c);
  is_int(read_engine("\"endpoint\":\"tcp://h\",\"tls\":{\"ca\":\"/a\",\"cert\":\"/c\","
                     "\"key\":\"/k\",\"verify\":false}",
                     &c, &err),
         0, "and with all of it");
  is_str(c.engine.tls->ca, "/a", "its CA");
  is_str(c.engine.tls->cert, "/c", "its certificate");
  is_str(c.engine.tls->key, "/k", "its key");
  is_int(c.engine.tls->insecure, 1, "unverified");
  csn_config_free(&c);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    is_int(read_engine(wrong[i].members, &c, &err), CAISSON_E_CONFIG, "%s", wrong[i].members);
    ok(strstr(err.message, wrong[i].words), "is refused: %s", err.message);
  }
}

/* ---- what is given -------------------------------------------------------------------------- */

static void test_given(void) {
  struct csn_config c;
  struct csn_error err;
  int rc = read_config(
      "{\"config_version\":1,\"x-mine\":{\"anything\":[1]},\"instance\":\"A_b.9\","
      "\"engine\":{\"lazy\":true,\"x-note\":\"y\"},"
      "\"sandbox\":{\"image\":\"i\",\"user\":\"1000:1001\",\"uid_range\":[1000,1000],"
      "\"hostname\":\"h-1\",\"runtime\":\"runsc\",\"workdir\":\"/tmp\",\"memory\":\"2g\","
      "\"cpus\":0.25,\"pids\":16,\"nofile\":64,\"workspace\":{\"size\":1048576},"
      "\"tmp\":{\"size\":\"1m\"},\"shm\":{\"size\":65536},\"env\":{\"A\":\"1\"},"
      "\"idle_ttl_s\":1,\"max_lifetime_s\":31536000},"
      "\"tools\":{\"output_limit\":1000,\"shell_timeout_ms\":100,\"max_timeout_ms\":100,"
      "\"spill_max\":0},\"tool_names\":{\"shell\":\"bash\"}}",
      &c, &err);
  if (!ok(rc == 0, "everything given")) BAIL_OUT("%s", err.message);
  is_str(c.instance, "A_b.9", "instance");
  is_int(c.lazy, 1, "engine.lazy");
  is_str(c.sandbox.image, "i", "sandbox.image");
  is_str(c.sandbox.user, "1000:1001", "sandbox.user");
  ok(c.sandbox.uid_first == 1000 && c.sandbox.uid_last == 1000, "sandbox.uid_range of one");
  is_str(c.sandbox.hostname, "h-1", "sandbox.hostname");
  is_str(c.sandbox.runtime, "runsc", "sandbox.runtime");
  is_str(c.sandbox.workdir, "/tmp", "sandbox.workdir");
  is_int(c.sandbox.memory, 2ll << 30, "sandbox.memory");
  ok(c.sandbox.cpus > 0.249 && c.sandbox.cpus < 0.251, "sandbox.cpus");
  ok(c.sandbox.pids == 16 && c.sandbox.nofile == 64, "sandbox.pids and .nofile");
  ok(c.sandbox.workspace_size == 1 << 20 && c.sandbox.tmp_size == 1 << 20 &&
         c.sandbox.shm_size == 65536, "sizes as numbers and as text");
  is_str(cJSON_GetStringValue(cJSON_GetObjectItem(c.sandbox.env, "A")), "1", "sandbox.env");
  ok(c.sandbox.idle_ttl_ms == 1000 && c.sandbox.max_lifetime_ms == 31536000000, "times");
  ok(c.tools.output_limit == 1000 && c.tools.shell_timeout_ms == 100 &&
         c.tools.max_timeout_ms == 100 && c.tools.spill_max == 0, "tools");
  csn_config_free(&c);
}

/* ---- mistakes ------------------------------------------------------------------------------- */

#define V "{\"config_version\":1,"
#define SANDBOX(member) V "\"sandbox\":{" member "}}"

static const struct {
  const char *json, *path, *words;
} mistakes[] = {
    {"{", "the configuration", ""},
    {"[]", "", "object"},
    {"{\"config_version\":1}x", "the configuration", ""},
    {"{\"config_version\":1,\"config_version\":1}", "the configuration", "config_version"},
    {"{\"instance\":\"a\"}", "config_version", "required"},
    {"{\"config_version\":2}", "config_version", "must be 1"},
    {"{\"config_version\":1,\"sandbox\":{\"pull\":\"maybe\"}}", "sandbox.pull", "always"},
    {"{\"config_version\":1,\"sandbox\":{\"platform\":\"linux\"}}", "sandbox.platform", "linux/arm64"},
    {"{\"config_version\":1,\"sandbox\":{\"platform\":\"linux//x\"}}", "sandbox.platform", "linux"},
    {"{\"config_version\":1,\"sandbox\":{\"platform\":\"a/b/c/d\"}}", "sandbox.platform", "linux"},
    {"{\"config_version\":1,\"sandbox\":{\"build\":{}}}", "sandbox.build", "context"},
    {"{\"config_version\":1,\"sandbox\":{\"build\":{\"context\":\"x\"}}}", "sandbox.build.context",
     "absolute"},
    {"{\"config_version\":1,\"sandbox\":{\"build\":{\"context\":\"/x\",\"dockerfile\":\"a/../b\"}}}",
     "sandbox.build.dockerfile", "inside"},
    {"{\"config_version\":1,\"sandbox\":{\"build\":{\"context\":\"/x\",\"dockerfile\":\"/b\"}}}",
     "sandbox.build.dockerfile", "inside"},
    {"{\"config_version\":\"1\"}", "config_version", "must be 1"},
    {V "\"instanze\":\"a\"}", "instanze", "did you mean \"instance\""},
    {V "\"instance\":\"\"}", "instance: ", "1 to 32"},
    {V "\"instance\":\"a-b\"}", "instance: ", "letters"},
    {V "\"instance\":\"a/b\"}", "instance: ", "letters"},
    {V "\"instance\":\"0123456789012345678901234567890123\"}", "instance: ", "1 to 32"},
    {V "\"instance\":7}", "instance: ", ""},
    {V "\"engine\":\"unix:///x\"}", "engine: ", "object"},
    {V "\"engine\":{\"endpoint\":\"\"}}", "engine.endpoint: ", ""},
    {V "\"engine\":{\"lazy\":1}}", "engine.lazy: ", "true or false"},
    {V "\"engine\":{\"endpiont\":\"x\"}}", "engine: ", "did you mean \"endpoint\""},
    {SANDBOX("\"memory\":\"lots\""), "sandbox.memory: ", "512m"},
    {SANDBOX("\"memory\":\"1m\""), "sandbox.memory: ", "16777216"},
    {SANDBOX("\"memory\":0"), "sandbox.memory: ", ""},
    {SANDBOX("\"memory\":\"600m\""), "sandbox.memory: ", "sandbox.workspace.size"},
    {SANDBOX("\"memory\":null"), "sandbox.memory: ", ""},
    {SANDBOX("\"memmory\":\"1g\""), "sandbox: ", "did you mean \"memory\""},
    {SANDBOX("\"cpus\":0"), "sandbox.cpus: ", "0.01"},
    {SANDBOX("\"cpus\":\"1\""), "sandbox.cpus: ", "without quotes"},
    {SANDBOX("\"pids\":15"), "sandbox.pids: ", "16"},
    {SANDBOX("\"pids\":16.5"), "sandbox.pids: ", "integer"},
    {SANDBOX("\"nofile\":63"), "sandbox.nofile: ", "64"},
    {SANDBOX("\"workspace\":{\"size\":\"1k\"}"), "sandbox.workspace.size: ", ""},
    {SANDBOX("\"workspace\":\"1g\""), "sandbox.workspace: ", "object"},
    {SANDBOX("\"tmp\":{\"size\":\"2000g\"}"), "sandbox.memory: ", "sandbox.tmp.size"},
    {SANDBOX("\"shm\":{\"size\":1}"), "sandbox.shm.size: ", ""},
    {SANDBOX("\"user\":\"root\""), "sandbox.user: ", "0"},
    {SANDBOX("\"user\":\"a b\""), "sandbox.user: ", "auto"},
    {SANDBOX("\"user\":\"owner-of-workspace\""), "sandbox.user: ", "bind"},
    {SANDBOX("\"cap_add\":[\"SYS_ADMIN\"]"), "sandbox.cap_add[0]: ", "CHOWN"},
    {SANDBOX("\"cap_add\":[\"NET_ADMIN\"]"), "sandbox.cap_add[0]: ", "CHOWN"},
    {SANDBOX("\"labels\":{\"caisson.uid\":\"1\"}"), "sandbox.labels: ", "caisson.uid"},
    {SANDBOX("\"extra_hosts\":{\"a b\":\"10.0.0.1\"}"), "sandbox.extra_hosts: ", "name"},
    {SANDBOX("\"dns\":[\"dns.example\"]"), "sandbox.dns[0]: ", "address"},
    {SANDBOX("\"seccomp\":\"unconfined\""), "sandbox.seccomp: ", "strict"},
    {SANDBOX("\"apparmor\":\"a b\""), "sandbox.apparmor: ", "name"},
    {SANDBOX("\"name_template\":\"box\""), "sandbox.name_template: ", "key"},
    {SANDBOX("\"name_template\":\"{key}-{uid}\""), "sandbox.name_template: ", "brace"},
    {SANDBOX("\"name_template\":\"/{key}\""), "sandbox.name_template: ", "letters"},
    {SANDBOX("\"bind_roots\":[\"/\"]"), "sandbox.bind_roots: ", "never"},
    {SANDBOX("\"bind_roots\":[\"/etc/x\"]"), "sandbox.bind_roots: ", "never"},
    {SANDBOX("\"bind_roots\":[\"/var\"]"), "sandbox.bind_roots: ", "never"},
    {SANDBOX("\"bind_roots\":[\"/srv/../etc\"]"), "sandbox.bind_roots: ", "absolute"},
    {SANDBOX("\"workspace\":{\"type\":\"bind\"}"), "sandbox.workspace.path: ", "required"},
    {SANDBOX("\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/{session}\"}"),
     "sandbox.workspace.path: ", "bind_roots"},
    {SANDBOX("\"workspace\":{\"quota\":\"1g\"}"), "sandbox.workspace.quota: ", "tmpfs"},
    {SANDBOX("\"workspace\":{\"type\":\"volume\",\"name\":\"fixed\"}"),
     "sandbox.workspace.name: ", "key"},
    {SANDBOX("\"workspace\":{\"type\":\"volume\",\"dirs\":{\"../x\":\"0750\"}}"),
     "sandbox.workspace.dirs: ", "below"},
    {SANDBOX("\"workspace\":{\"type\":\"volume\",\"dirs\":{\"x\":\"4755\"}}"),
     "sandbox.workspace.dirs.x: ", "octal"},
    {SANDBOX("\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/proc/x\"}]"),
     "sandbox.mounts[0].target: ", "/proc"},
    {SANDBOX("\"mounts\":[{\"type\":\"volume\",\"source\":\"caisson-guest\",\"target\":\"/g\"}]"),
     "sandbox.mounts[0].source: ", "helper"},
    {SANDBOX("\"tmpfs\":{\"/big\":{\"size\":\"1g\"}}"), "sandbox.memory: ", "tmpfs"},
    {SANDBOX("\"user\":\"0:0\""), "sandbox.user: ", ""},
    {SANDBOX("\"user\":\"1000:0\""), "sandbox.user: ", ""},
    {SANDBOX("\"user\":\"1000\""), "sandbox.user: ", ""},
    {SANDBOX("\"user\":\"4294967295:1\""), "sandbox.user: ", ""},
    {SANDBOX("\"user\":\"1000:1000:1\""), "sandbox.user: ", ""},
    {SANDBOX("\"uid_range\":[2000,1999]"), "sandbox.uid_range: ", "first"},
    {SANDBOX("\"network\":\"host\""), "sandbox.network: ", "none"},
    {SANDBOX("\"network\":{}"), "sandbox.network: ", "name"},
    {SANDBOX("\"network\":{\"name\":\"bridge\"}"), "sandbox.network.name: ", "shared"},
    {SANDBOX("\"network\":{\"name\":\"n\",\"deny\":[\"10.0.0.0/40\"]}"),
     "sandbox.network.deny[0]: ", "10.0.0.0/40"},
    {SANDBOX("\"ports\":[\"8080\"]"), "sandbox.ports: ", "network"},
    {SANDBOX("\"network\":{\"name\":\"n\"},\"ports\":[\"x\"]"), "sandbox.ports[0]: ", "x"},
    {SANDBOX("\"uid_range\":[999,2000]"), "sandbox.uid_range[0]: ", "1000"},
    {SANDBOX("\"uid_range\":[1000]"), "sandbox.uid_range: ", "2"},
    {SANDBOX("\"uid_range\":[1000,\"x\"]"), "sandbox.uid_range[1]: ", "integer"},
    {SANDBOX("\"hostname\":\"a_b\""), "sandbox.hostname: ", ""},
    {SANDBOX("\"hostname\":\"-a\""), "sandbox.hostname: ", ""},
    {SANDBOX("\"workdir\":\"work\""), "sandbox.workdir: ", "absolute"},
    {SANDBOX("\"env\":{\"A\":1}"), "sandbox.env.A: ", "string"},
    {SANDBOX("\"env\":{\"1A\":\"x\"}"), "sandbox.env", ""},
    {SANDBOX("\"env\":{\"A=B\":\"x\"}"), "sandbox.env", ""},
    {SANDBOX("\"idle_ttl_s\":0"), "sandbox.idle_ttl_s: ", "1"},
    {SANDBOX("\"max_lifetime_s\":-5"), "sandbox.max_lifetime_s: ", "1"},
    {V "\"tools\":{\"enabled\":[\"shel\"]}}", "tools.enabled[0]: ", "\"shell\""},
    {V "\"tools\":{\"output_limit\":10}}", "tools.output_limit: ", "1000"},
    {V "\"tools\":{\"shell_timeout_ms\":2000,\"max_timeout_ms\":1000}}",
     "tools.shell_timeout_ms: ", "max_timeout_ms"},
    {V "\"tool_names\":{\"shell\":\"my.shell\"}}", "tool_names.shell: ", ""},
    {V "\"tool_names\":{\"shell\":\"\"}}", "tool_names.shell: ", ""},
    {V "\"tool_names\":{\"bash\":\"x\"}}", "tool_names: ", "shell"},
};

static void test_mistakes(void) {
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    struct csn_config c;
    struct csn_error err;
    int rc = read_config(mistakes[i].json, &c, &err);
    if (!ok(rc == CAISSON_E_CONFIG && strcmp(err.reason, CAISSON_REASON_CONFIG) == 0 &&
                strstr(err.message, mistakes[i].path) && strstr(err.message, mistakes[i].words) &&
                !c.document,
            "refused: %s", mistakes[i].json))
      diag("%d %s: %s", rc, err.reason, err.message);
    if (rc == 0) csn_config_free(&c);
  }
}

static void test_bytes(void) {
  struct csn_config c;
  struct csn_error err;
  is_int(read_n("{}\0", 3, &c, &err), CAISSON_E_CONFIG, "a NUL is refused");
  is_int(read_config("{\"x-\xff\":1}", &c, &err), CAISSON_E_CONFIG, "broken UTF-8 is refused");
  size_t n = ((size_t)1 << 20) + 1;
  char *long_one = malloc(n);
  memset(long_one, ' ', n);
  memcpy(long_one, "{}", 2);
  is_int(read_n(long_one, n, &c, &err), CAISSON_E_CONFIG, "more than 1 MiB is refused");
  ok(strlen(err.message) < sizeof err.message - 1 && *err.message, "in a sentence");
  is_int(read_n(long_one, n - 1, &c, &err), 0, "1 MiB is not");
  csn_config_free(&c);
  free(long_one);
}

int main(void) {
  struct csn_error err;
  if (csn_manifest_parse(&manifest, &err) != 0) BAIL_OUT("%s", err.message);
  test_defaults("", "nothing");
  test_defaults("{}", "{}");
  test_defaults("{\"config_version\":1}", "{\"config_version\":1}");
  test_attestation();
  test_documented();
  test_audit();
  test_engine();
  test_given();
  test_mistakes();
  test_bytes();
  cJSON_Delete(manifest);
  return done_testing();
}
