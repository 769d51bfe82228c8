/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox is made of: the create body, member by member. */
#include "policy_fixture.h"

/* ---- sizes ---------------------------------------------------------------------------------- */

static void test_bytes(void) {
  static const struct {
    const char *value;
    unsigned long long bytes;
  } cases[] = {
      {"1", 1},           {"65536", 65536},         {"\"65536\"", 65536},   {"\"1k\"", 1024},
      {"\"1K\"", 1024},   {"\"512m\"", 512u << 20}, {"\"1MB\"", 1u << 20},  {"\"2g\"", 2ull << 30},
      {"\"1gib\"", 1u << 30}, {"\"7b\"", 7},        {"0", 0},               {"-1", 0},
      {"1e300", 0},       {"\"\"", 0},              {"\"m\"", 0},           {"\"-1m\"", 0},
      {"\" 1m\"", 0},     {"\"1 m\"", 0},           {"\"1.5g\"", 0},        {"\"0x10\"", 0},
      {"\"99999999999999999999\"", 0}, {"\"18446744073709551615g\"", 0}, {"true", 0}, {"null", 0},
      {"\"1KiB\"", 1024}, {"\"1t\"", 0}, {"\"9007199254740992\"", 0},
      {"[1]", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *value = json(cases[i].value);
    is_int((long long)csn_policy_bytes(value), (long long)cases[i].bytes, "%s", cases[i].value);
    cJSON_Delete(value);
  }
  is_int((long long)csn_policy_bytes(NULL), 0, "nothing");
}

/* ---- the body ------------------------------------------------------------------------------- */

static void test_body(void) {
  static const struct {
    const char *path, *value;
  } cases[] = {
      {"Image", "\"python:3.12-slim\""},
      {"User", "\"30123:30124\""},
      {"Hostname", "\"sandbox\""},
      {"WorkingDir", "\"/\""},
      {"Entrypoint", "[\"/.caisson/guest-0123456789abcdef\"]"},
      {"Cmd", "[\"init\",\"--key\",\"the key\",\"--idle-ms\",\"900000\",\"--lifetime-ms\","
              "\"86400000\"]"},
      {"Env", "[]"},
      {"OpenStdin", "true"},
      {"StdinOnce", "true"},
      {"AttachStdin", "true"},
      {"AttachStdout", "true"},
      {"AttachStderr", "true"},
      {"Tty", "false"},
      {"StopSignal", "\"SIGKILL\""},
      {"Healthcheck", "{\"Test\":[\"NONE\"]}"},
      {"Labels>caisson.instance", "\"inst\""},
      {"Labels>caisson.session", "\"the key\""},
      {"Labels>caisson.created", "\"2001-02-03T04:05:06Z\""},
      {"Labels>caisson.version", "\"9.8.7\""},
      {"Labels>caisson.uid", "\"30123\""},
      {"HostConfig>Privileged", "false"},
      {"HostConfig>CapDrop", "[\"ALL\"]"},
      {"HostConfig>CapAdd", NULL},
      {"HostConfig>SecurityOpt>0", "\"no-new-privileges\""},
      {"HostConfig>ReadonlyRootfs", "true"},
      {"HostConfig>NetworkMode", "\"none\""},
      {"HostConfig>IpcMode", "\"private\""},
      {"HostConfig>CgroupnsMode", "\"private\""},
      {"HostConfig>PidMode", NULL},
      {"HostConfig>UTSMode", NULL},
      {"HostConfig>UsernsMode", NULL},
      {"HostConfig>Runtime", NULL},
      {"HostConfig>Devices", NULL},
      {"HostConfig>Binds", NULL},
      {"HostConfig>Memory", "1073741824"},
      {"HostConfig>MemorySwap", "1073741824"},
      {"HostConfig>NanoCpus", "1000000000"},
      {"HostConfig>PidsLimit", "256"},
      {"HostConfig>ShmSize", "16777216"},
      {"HostConfig>OomScoreAdj", "500"},
      {"HostConfig>Ulimits", "[{\"Name\":\"nofile\",\"Soft\":4096,\"Hard\":4096},"
                             "{\"Name\":\"core\",\"Soft\":0,\"Hard\":0}]"},
      {"HostConfig>Tmpfs", "{\"/workspace\":\"rw,exec,nosuid,nodev,size=536870912,uid=30123,"
                           "gid=30124,mode=0755\",\"/tmp\":\"rw,exec,nosuid,nodev,size=134217728,"
                           "mode=1777\"}"},
      {"HostConfig>Mounts", "[{\"Type\":\"volume\",\"Source\":\"caisson-guest\",\"Target\":"
                            "\"/.caisson\",\"ReadOnly\":true,\"VolumeOptions\":{\"NoCopy\":true}}]"},
      {"HostConfig>AutoRemove", "true"},
      {"HostConfig>Init", "false"},
      {"HostConfig>LogConfig>Type", "\"none\""},
      {"HostConfig>RestartPolicy>Name", "\"no\""},
  };
  cJSON *body = body_of(&defaults, NULL, &facts);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is_json(at(body, cases[i].path), cases[i].value, cases[i].path);
  cJSON_Delete(body);
}

static void test_spare(void) {
  struct csn_policy_facts spare = facts;
  struct csn_error err;
  cJSON *plain = NULL, *ahead = NULL;
  spare.spare = 1;
  spare.key = "";
  is_int(make_body(&defaults, NULL, &facts, &plain, &err), 0, "a body");
  is_int(make_body(&defaults, NULL, &spare, &ahead, &err), 0, "one of one started ahead");
  is_json(at(ahead, "Cmd"), "[\"init\",\"--key\",\"\",\"--idle-ms\",\"900000\",\"--lifetime-ms\","
                            "\"86400000\",\"--pooled\",\"1\"]",
          "process 1 awaits its key");
  is_json(at(ahead, "Labels>caisson.pool"), "\"1\"", "a label says so");
  is_json(at(ahead, "Labels>caisson.session"), "\"\"", "it has no session");
  ok(cJSON_Compare(at(plain, "Labels>caisson.spec"), at(ahead, "Labels>caisson.spec"), 1) &&
         cJSON_Compare(at(plain, "HostConfig"), at(ahead, "HostConfig"), 1),
     "and is made of the same");
  cJSON_Delete(plain);
  cJSON_Delete(ahead);
}

/* ---- seccomp ---------------------------------------------------------------------------------- */

/* The profile that a body has. */
static cJSON *profile_of(const struct csn_sandbox_settings *s, const char *shape) {
  static const char start[] = "seccomp=";
  cJSON *body = body_of(s, shape, &facts);
  const char *text = cJSON_GetStringValue(at(body, "HostConfig>SecurityOpt>1"));
  cJSON *profile = text && strncmp(text, start, sizeof start - 1) == 0
                       ? cJSON_Parse(text + sizeof start - 1)
                       : NULL;
  cJSON_Delete(body);
  return profile;
}

/* Is it among the calls that are allowed: whatever its arguments, or (`always` false) with some? */
static int allows(const cJSON *profile, const char *call, int always) {
  const cJSON *rule, *name;
  cJSON_ArrayForEach(rule, at(profile, "syscalls")) {
    if (strcmp(cJSON_GetStringValue(at(rule, "action")), "SCMP_ACT_ALLOW") != 0) continue;
    if (always && at(rule, "args>0")) continue;
    cJSON_ArrayForEach(name, at(rule, "names"))
      if (strcmp(name->valuestring, call) == 0) return 1;
  }
  return 0;
}

static void test_seccomp(void) {
  static const char *const never[] = {
      "bpf", "kexec_load", "init_module", "mount", "unshare", "setns", "clone3", "userfaultfd",
      "keyctl", "reboot", "open_by_handle_at", "perf_event_open", "ptrace", "io_uring_setup",
      "process_vm_readv", "pidfd_getfd", "socket", "socketpair", "clone"};
  cJSON *profile = profile_of(&defaults, NULL);
  ok(profile, "a profile is sent with the body");
  is_json(at(profile, "defaultAction"), "\"SCMP_ACT_ERRNO\"", "what it does not allow is refused");
  for (size_t i = 0; i < sizeof never / sizeof *never; i++)
    ok(!allows(profile, never[i], 1), "it does not allow every %s", never[i]);
  cJSON_Delete(profile);
}

/* Every call that the strict one allows, the default one allows too. */
static void test_strict(void) {
  struct csn_sandbox_settings s = defaults;
  s.seccomp = CSN_SECCOMP_STRICT;
  cJSON *loose = profile_of(&defaults, NULL), *strict = profile_of(&s, NULL);
  const cJSON *rule, *name;
  int more = 0, less = 0;
  cJSON_ArrayForEach(rule, at(strict, "syscalls")) {
    int is_allowed = strcmp(cJSON_GetStringValue(at(rule, "action")), "SCMP_ACT_ALLOW") == 0;
    cJSON_ArrayForEach(name, at(rule, "names")) {
      more += is_allowed && !allows(loose, name->valuestring, !at(rule, "args>0"));
      less += !is_allowed && allows(loose, name->valuestring, 1);
    }
  }
  is_int(more, 0, "the strict profile allows nothing that the default one does not");
  ok(less > 20, "and refuses %d calls more", less);
  is_json(at(strict, "archMap>0>subArchitectures"), "[]", "and 32-bit programs");
  cJSON *chosen = profile_of(&defaults, "{\"seccomp\":\"strict\"}");
  ok(cJSON_Compare(chosen, strict, 1), "a session can choose it");
  cJSON *looser = profile_of(&s, "{\"seccomp\":\"default\"}");
  ok(cJSON_Compare(looser, strict, 1), "and not choose a looser one than is configured");
  cJSON_Delete(loose);
  cJSON_Delete(strict);
  cJSON_Delete(chosen);
  cJSON_Delete(looser);
}

static void test_options(void) {
  struct csn_sandbox_settings s = defaults;
  cJSON *env = json("{\"A\":\"1\",\"B\":\"x=y z\"}");
  s.env = env;
  s.runtime = (char[]){"runsc"};
  cJSON *body = body_of(&s,
                        "{\"image\":\"other:1\",\"env\":{\"B\":\"2\",\"C\":\"3\"},\"workdir\":\"/w\","
                        "\"limits\":{\"memory\":\"2g\",\"cpus\":0.5,\"pids\":32},"
                        "\"secrets\":{\"S\":\"hush\"},\"ensure\":\"fresh\"}",
                        &facts);
  is_json(at(body, "Image"), "\"other:1\"", "a session's image");
  is_json(at(body, "Env"), "[\"A=1\",\"B=x=y z\"]",
          "the operator's environment, and not the session's");
  is_json(at(body, "HostConfig>Memory"), "2147483648", "its memory");
  is_json(at(body, "HostConfig>MemorySwap"), "2147483648", "and no swap beyond it");
  is_json(at(body, "HostConfig>NanoCpus"), "500000000", "its CPU time");
  is_json(at(body, "HostConfig>PidsLimit"), "32", "its processes");
  is_json(at(body, "HostConfig>Runtime"), "\"runsc\"", "the operator's runtime");
  char *text = cJSON_PrintUnformatted(body);
  ok(!strstr(text, "hush"), "a secret is nowhere in the body");
  cJSON_free(text);
  cJSON_Delete(body);
  cJSON_Delete(env);
}

static void test_network(void) {
  cJSON *none = body_of(&defaults, NULL, &facts);
  is_json(at(none, "HostConfig>NetworkMode"), "\"none\"", "no network, where nothing is said");
  ok(!at(none, "ExposedPorts") && !at(none, "HostConfig>PortBindings"), "and no port");
  ok(!at(none, "Labels>" CSN_LABEL_ROUTES), "and no plan");
  struct csn_sandbox_settings s = defaults;
  struct csn_policy_facts f = facts;
  cJSON *network = json("{\"name\":\"n\"}"), *ports = json("[\"8080\"]");
  s.network = network;
  s.ports = ports;
  f.network = "0123";
  f.routes = "{}";
  f.samples = "10.0.0.1";
  cJSON *body = body_of(&s, NULL, &f);
  is_json(at(body, "HostConfig>NetworkMode"), "\"0123\"", "a network, by its id");
  is_json(at(body, "HostConfig>CapDrop"), "[\"ALL\"]", "with no capability");
  ok(!at(body, "HostConfig>CapAdd"), "and none added");
  is_json(at(body, "HostConfig>PortBindings"),
          "{\"8080/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}]}", "a port");
  is_json(at(body, "Labels>" CSN_LABEL_ROUTES), "\"{}\"", "the plan in a label");
  is_json(at(body, "Cmd>7"), "\"--await-routes\"", "and process 1 waits");
  is_json(at(body, "Cmd>8"), "\"10.0.0.1\"", "for these");
  char *before = csn_policy_spec(&defaults, NULL), *after = csn_policy_spec(&s, NULL);
  ok(!strstr(before, "network") && !strstr(before, "ports"), "the spec has neither by default");
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_BASE_DIFFERS, "and differs where they are set");
  is_int(csn_policy_compare(after, &s, NULL), CSN_SPEC_SAME, "by what they are");
  csn_free(before);
  csn_free(after);
  cJSON_Delete(none);
  cJSON_Delete(body);
  cJSON_Delete(network);
  cJSON_Delete(ports);
}

static void test_image_volumes(void) {
  struct csn_policy_facts f = facts;
  cJSON *volumes = json("{\"/data\":{},\"/tmp\":{},\"relative\":{},\"/workspace\":{}}");
  f.image_volumes = volumes;
  cJSON *body = body_of(&defaults, NULL, &f);
  const cJSON *tmpfs = at(body, "HostConfig>Tmpfs");
  is_int(cJSON_GetArraySize(tmpfs), 3, "each volume of the image gets a tmpfs, once");
  ok(strstr(cJSON_GetStringValue(at(tmpfs, "/data")), "noexec,nosuid,nodev,size=16777216"),
     "a small one without programs");
  ok(strstr(cJSON_GetStringValue(at(tmpfs, "/tmp")), "size=134217728"), "/tmp stays what it is");
  cJSON_Delete(body);
  cJSON_Delete(volumes);
}

/* Files in tmpfs count as memory. */
static void test_room(void) {
  struct csn_sandbox_settings s = defaults;
  struct csn_error err = {0};
  cJSON *body = NULL, *shape = json("{\"limits\":{\"memory\":\"656m\"}}");
  is_int(make_body(&s, shape, &facts, &body, &err), CAISSON_E_CONFIG,
         "memory that files alone could fill is refused");
  ok(strstr(err.message, "sandbox.memory"), "by path");
  ok(body == NULL, "and nothing is made");
  cJSON_Delete(shape);
  shape = json("{\"limits\":{\"memory\":\"657m\"}}");
  is_int(make_body(&s, shape, &facts, &body, &err), 0, "a little more will do");
  cJSON_Delete(body);
  cJSON_Delete(shape);
}

/* What else an operator and a session can ask for. */
static const char traits[] =
    "{\"user\":\"app\",\"hostname\":\"h\",\"runtime\":\"runsc\",\"read_only\":false,"
    "\"apparmor\":\"mine\",\"cap_add\":[\"CHOWN\",\"KILL\"],\"dns\":[\"192.0.2.1\"],"
    "\"labels\":{\"b\":\"2\",\"c\":\"3\"},\"extra_hosts\":{\"x\":\"192.0.2.2\"},"
    "\"tmpfs\":{\"/t\":{\"size\":\"1m\",\"exec\":true}},"
    "\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/{session}/ws\",\"relabel\":\"private\"},"
    "\"mounts\":[{\"type\":\"bind\",\"source\":\"/srv/a\",\"target\":\"/mnt/a\"},"
    "{\"type\":\"volume\",\"source\":\"vol\",\"target\":\"/mnt/v\",\"read_only\":false},"
    "{\"type\":\"tmpfs\",\"target\":\"/mnt/t\",\"read_only\":true}]}";

static void test_traits(void) {
  static const struct {
    const char *path, *value;
  } cases[] = {
      {"Hostname", "\"h\""},
      {"Labels>a", "\"1\""},
      {"Labels>b", "\"2\""},
      {"Labels>c", "\"3\""},
      {"Labels>caisson.instance", "\"inst\""},
      {"HostConfig>Runtime", "\"runsc\""},
      {"HostConfig>ReadonlyRootfs", "false"},
      {"HostConfig>CapDrop", "[\"ALL\"]"},
      {"HostConfig>CapAdd", "[\"CHOWN\",\"KILL\"]"},
      {"HostConfig>SecurityOpt>0", "\"no-new-privileges\""},
      {"HostConfig>SecurityOpt>2", "\"apparmor=mine\""},
      {"HostConfig>Dns", "[\"192.0.2.1\"]"},
      {"HostConfig>ExtraHosts", "[\"w:192.0.2.9\",\"x:192.0.2.2\"]"},
      {"HostConfig>Binds", "[\"/srv/part/ws:/workspace:rw,Z\"]"},
      {"HostConfig>Mounts>1", "{\"Type\":\"bind\",\"Source\":\"/srv/a\",\"Target\":\"/mnt/a\","
                              "\"ReadOnly\":true,\"BindOptions\":{\"Propagation\":\"rprivate\"}}"},
      {"HostConfig>Mounts>2", "{\"Type\":\"volume\",\"Source\":\"vol\",\"Target\":\"/mnt/v\","
                              "\"ReadOnly\":false,\"VolumeOptions\":{\"NoCopy\":true}}"},
      {"HostConfig>Mounts>3", NULL},
      {"HostConfig>Tmpfs>/workspace", NULL},
      {"HostConfig>Tmpfs>/t",
       "\"rw,exec,nosuid,nodev,size=1048576,uid=30123,gid=30124,mode=0755\""},
      {"HostConfig>Tmpfs>/mnt/t",
       "\"ro,noexec,nosuid,nodev,size=16777216,uid=30123,gid=30124,mode=0755\""},
  };
  struct csn_sandbox_settings s = defaults;
  cJSON *roots = json("[\"/srv\"]"), *labels = json("{\"a\":\"1\",\"b\":\"1\"}");
  cJSON *hosts = json("{\"w\":\"192.0.2.9\",\"x\":\"192.0.2.9\"}");
  s.bind_roots = roots;
  s.labels = labels;
  s.extra_hosts = hosts;
  cJSON *body = body_of(&s, traits, &facts);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is_json(at(body, cases[i].path), cases[i].value, cases[i].path);
  cJSON_Delete(body);
  cJSON_Delete(hosts);
  cJSON_Delete(labels);
  cJSON_Delete(roots);
}

/* Memory counts where files take it, and only there. */
static void test_room_of_kinds(void) {
  static const struct {
    const char *options;
    int rc;
  } cases[] = {
      {"{\"limits\":{\"memory\":\"145m\"},\"workspace\":{\"type\":\"volume\"}}", 0},
      {"{\"limits\":{\"memory\":\"144m\"},\"workspace\":{\"type\":\"volume\"}}", CAISSON_E_CONFIG},
      {"{\"limits\":{\"memory\":\"146m\"},\"workspace\":{\"type\":\"volume\"},"
       "\"tmpfs\":{\"/x\":{\"size\":\"2m\"}}}", CAISSON_E_CONFIG},
      {"{\"limits\":{\"memory\":\"161m\"},\"workspace\":{\"size\":\"1m\"},"
       "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/x\"}]}", CAISSON_E_CONFIG},
      {"{\"limits\":{\"memory\":\"162m\"},\"workspace\":{\"size\":\"1m\"},"
       "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/x\"}]}", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct csn_error err = {0};
    cJSON *shape = json(cases[i].options), *body = NULL;
    is_int(make_body(&defaults, shape, &facts, &body, &err), cases[i].rc, "%s", cases[i].options);
    struct csn_sandbox_settings e = csn_policy_effective(&defaults, shape);
    is_int(csn_policy_check(&e, &err), cases[i].rc, "told by the settings alone too");
    cJSON_Delete(body);
    cJSON_Delete(shape);
  }
}

/* ---- out of memory -------------------------------------------------------------------------- */

static long until_failure;

static void *failing_malloc(size_t n) {
  return until_failure > 0 && --until_failure == 0 ? NULL : malloc(n);
}

/* With each of cJSON's allocations failing in turn: an error, and nothing leaks. */
static void test_no_memory(void) {
  cJSON *shape = json(traits), *roots = json("[\"/srv\"]"), *body = NULL;
  struct csn_sandbox_settings s = defaults;
  cJSON_Hooks failing = {failing_malloc, free};
  struct csn_error err = {0};
  long n = 0, wrong = 0;
  s.bind_roots = roots;
  cJSON_InitHooks(&failing);
  for (int rc = -1; rc != 0 && n < 5000; cJSON_Delete(body), body = NULL) {
    until_failure = ++n;
    rc = make_body(&s, shape, &facts, &body, &err);
    wrong += rc != 0 && (rc != CAISSON_E_NOMEM || body);
  }
  until_failure = 0;
  cJSON_InitHooks(NULL);
  ok(n > 100 && n < 5000, "%ld allocations of cJSON failed one by one", n - 1);
  is_int(wrong, 0, "and each was out of memory, with nothing made");
  n = wrong = 0;
  for (int rc = -1; rc != 0 && n < 5000; cJSON_Delete(body), body = NULL) {
    csn_alloc_fail_after(++n);
    rc = make_body(&s, shape, &facts, &body, &err);
    wrong += rc != 0 && (rc != CAISSON_E_NOMEM || body);
  }
  csn_alloc_fail_after(0);
  ok(n > 1 && wrong == 0, "likewise with our own (%ld)", n - 1);
  cJSON_Delete(shape);
  cJSON_Delete(roots);
}

int main(void) {
  test_bytes();
  test_body();
  test_spare();
  test_seccomp();
  test_strict();
  test_options();
  test_network();
  test_image_volumes();
  test_room();
  test_traits();
  test_room_of_kinds();
  test_no_memory();
  return done_testing();
}
