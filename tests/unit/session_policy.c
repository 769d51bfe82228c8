/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox is made of: the create body, member by member; the label by which any process can
 * compare; and which differences count. */
#include <stdlib.h>
#include <string.h>

#include "session/names.h"
#include "session/policy.h"
#include "session/policy_mounts.h"
#include "tap.h"
#include "util/alloc.h"

static const struct csn_sandbox_settings defaults = {
    .image = (char[]){"python:3.12-slim"},
    .user = (char[]){"auto"},
    .uid_first = 30000,
    .uid_last = 59999,
    .hostname = (char[]){"sandbox"},
    .workdir = (char[]){"/workspace"},
    .memory = 1 << 30,
    .cpus = 1,
    .pids = 256,
    .nofile = 4096,
    .workspace_size = 512 << 20,
    .tmp_size = 128 << 20,
    .shm_size = 16 << 20,
    .idle_ttl_ms = 900000,
    .max_lifetime_ms = 86400000,
    .name_template = CSN_NAME_TEMPLATE,
};

static const struct csn_policy_facts facts = {
    .instance = "inst",
    .key = "the key",
    .version = "9.8.7",
    .created = "2001-02-03T04:05:06Z",
    .guest_path = "/.caisson/guest-0123456789abcdef",
    .uid = 30123,
    .gid = 30124,
};

static cJSON *json(const char *text) {
  cJSON *value = cJSON_Parse(text);
  if (!value) BAIL_OUT("not JSON: %s", text);
  return value;
}

/* A member by its path: names with '>' between them, an index as a number. */
static const cJSON *at(const cJSON *value, const char *path) {
  char part[128];
  while (value && *path) {
    size_t n = strcspn(path, ">");
    snprintf(part, sizeof part, "%.*s", (int)n, path);
    value = cJSON_IsArray(value) ? cJSON_GetArrayItem(value, atoi(part))
                                 : cJSON_GetObjectItemCaseSensitive(value, part);
    path += path[n] ? n + 1 : n;
  }
  return value;
}

static void is_json(const cJSON *got, const char *want, const char *what) {
  char *text = got ? cJSON_PrintUnformatted(got) : NULL;
  is_str(text, want, "%s", what);
  cJSON_free(text);
}

/* With what the settings mount, as it is when nothing has to be looked up on a machine. */
static int make_body(const struct csn_sandbox_settings *s, const cJSON *shape,
                     const struct csn_policy_facts *f, cJSON **body, struct csn_error *err) {
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  const struct csn_sandbox_settings e = csn_policy_effective(s, shape);
  struct csn_policy_facts all = *f;
  all.mounts = &mounts;
  int rc = csn_mounts_read(&e, "inst", "part", &mounts, err);
  return rc ? rc : csn_policy_body(s, shape, &all, body, err);
}

static cJSON *body_of(const struct csn_sandbox_settings *s, const char *options,
                      const struct csn_policy_facts *f) {
  struct csn_error err = {0};
  cJSON *given = options ? json(options) : NULL, *shape = csn_policy_shape(given), *body = NULL;
  if (make_body(s, shape, f, &body, &err) != 0) BAIL_OUT("%s", err.message);
  cJSON_Delete(given);
  cJSON_Delete(shape);
  return body;
}

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

/* ---- what shapes a sandbox ------------------------------------------------------------------ */

static void test_shape(void) {
  cJSON *shape = csn_policy_shape(NULL);
  is_json(shape, "{}", "no options shape nothing");
  cJSON_Delete(shape);
  cJSON *options = json("{\"ensure\":\"create\",\"secrets\":{\"S\":\"hush\"},\"principal\":\"p\","
                        "\"trace_id\":\"t\",\"workdir\":\"/w\",\"env\":{\"A\":\"1\"}}");
  shape = csn_policy_shape(options);
  is_json(shape, "{\"env\":{\"A\":\"1\"},\"workdir\":\"/w\"}",
          "what is of the call alone is no part of the shape");
  cJSON_Delete(options);
  is_json(shape, "{\"env\":{\"A\":\"1\"},\"workdir\":\"/w\"}", "which is a copy");
  cJSON_Delete(shape);
}

static cJSON *options_of(const char *label) {
  cJSON *options = NULL;
  is_int(csn_policy_options_of(label, &options), 0, "there is memory");
  return options;
}

static int label_has_kept(const char *label) {
  int has = -1;
  is_int(csn_policy_label_has_kept(label, &has), 0, "there is memory");
  return has;
}

static void test_kept(void) {
  cJSON *shape = json("{\"env\":{\"A\":\"hush\"},\"workdir\":\"/w\","
                      "\"service\":{\"command\":[\"x\"],\"env\":{\"B\":\"hush\"}}}");
  cJSON *kept, *none, *plain = json("{\"env\":{},\"service\":[\"x\"]}");
  char *label = csn_policy_spec(&defaults, shape), *shown = csn_policy_spec(&defaults, plain);
  cJSON *options = options_of(label);
  ok(!strstr(label, "hush"), "a session's environment is not in the label");
  ok(label_has_kept(label), "which says that there is such a thing");
  ok(!label_has_kept(shown) && !label_has_kept(NULL) && !label_has_kept("[]"), "and only then");
  is_json(options, "{\"workdir\":\"/w\",\"service\":{\"command\":[\"x\"]}}", "but the rest");
  is_int(csn_policy_compare(label, &defaults, shape), CSN_SPEC_SAME, "it is that of these options");
  is_int(csn_policy_kept(shape, &kept), 0, "the other part");
  is_json(kept, "{\"env\":{\"A\":\"hush\"},\"service_env\":{\"B\":\"hush\"}}", "is the environments");
  is_int(csn_policy_add_kept(options, kept), 0, "both together");
  ok(cJSON_Compare(options, shape, 1), "are the whole again");
  ok(csn_policy_kept(plain, &none) == 0 && !none, "of none there is none");
  cJSON_Delete(kept);
  cJSON_Delete(options);
  cJSON_Delete(plain);
  cJSON_Delete(shape);
  csn_free(label);
  csn_free(shown);
}

static void test_label(void) {
  cJSON *shape = json("{\"workdir\":\"/w\"}");
  char *label = csn_policy_spec(&defaults, shape);
  cJSON *spec = json(label), *options = options_of(label);
  is_json(at(spec, "v"), "1", "the label has a version");
  is_json(at(spec, "base>image"), "\"python:3.12-slim\"", "the operator's settings");
  is_json(options, "{\"workdir\":\"/w\"}", "and the session's options");
  char *again = csn_policy_spec(&defaults, shape);
  is_str(label, again, "equal settings print alike");
  csn_free(again);
  cJSON_Delete(options);
  cJSON_Delete(spec);
  cJSON_Delete(shape);
  csn_free(label);
  label = csn_policy_spec(&defaults, NULL);
  options = options_of(label);
  is_json(options, "{}", "no options are {}");
  cJSON_Delete(options);
  csn_free(label);
  ok(!options_of(NULL) && !options_of("") && !options_of("[1]") && !options_of("{\"v\":1}"),
     "a label that cannot be read has none");
}

/* What makes no other sandbox, and settings that say what held before they could be said. */
static void test_compare_alike(const char *label, const cJSON *roots) {
  struct csn_sandbox_settings s = defaults;
  cJSON *none = json("{}"), *empty = json("[]");
  cJSON *memory = json("{\"type\":\"tmpfs\",\"size\":\"512m\",\"keep\":true}");
  s.labels = s.extra_hosts = s.tmpfs = none;
  s.cap_add = s.dns = s.mounts = empty;
  s.workspace = memory;
  s.bind_roots = roots;
  s.name_template = "{key}";
  is_int(csn_policy_compare(label, &s, NULL), CSN_SPEC_SAME, "settings that change nothing");
  cJSON *with = json("{\"type\":\"volume\",\"quota\":\"1g\",\"keep\":false}");
  cJSON *without = json("{\"type\":\"volume\"}");
  s.workspace = with;
  char *other = csn_policy_spec(&s, NULL);
  s.workspace = without;
  is_int(csn_policy_compare(other, &s, NULL), CSN_SPEC_SAME, "a quota makes no other sandbox");
  csn_free(other);
  cJSON_Delete(with);
  cJSON_Delete(without);
  cJSON_Delete(memory);
  cJSON_Delete(empty);
  cJSON_Delete(none);
}

static void test_compare_base(void) {
  char *label = csn_policy_spec(&defaults, NULL);
  static char other[] = "other", user[] = "1000:1000", runtime[] = "runsc", tmp[] = "/tmp";
  cJSON *env = json("{\"A\":\"1\"}"), *list = json("[\"A\"]");
  cJSON *volume = json("{\"type\":\"volume\"}");
  struct {
    const char *what;
    struct csn_sandbox_settings s;
  } cases[32];
  size_t n = 0;
#define CHANGED(member, value)         \
  do {                                 \
    cases[n].what = #member;           \
    cases[n].s = defaults;             \
    cases[n++].s.member = (value);     \
  } while (0)
  CHANGED(image, other);
  CHANGED(user, user);
  CHANGED(uid_first, 30001);
  CHANGED(uid_last, 59998);
  CHANGED(hostname, other);
  CHANGED(runtime, runtime);
  CHANGED(workdir, tmp);
  CHANGED(memory, (uint64_t)1 << 31);
  CHANGED(cpus, 2);
  CHANGED(pids, 255);
  CHANGED(nofile, 4095);
  CHANGED(workspace_size, 1 << 20);
  CHANGED(tmp_size, 1 << 20);
  CHANGED(shm_size, 1 << 20);
  CHANGED(idle_ttl_ms, 1000);
  CHANGED(env, env);
  CHANGED(service, env);
  CHANGED(has_writable_root, 1);
  CHANGED(seccomp, CSN_SECCOMP_STRICT);
  CHANGED(apparmor, other);
  CHANGED(labels, env);
  CHANGED(extra_hosts, env);
  CHANGED(cap_add, list);
  CHANGED(dns, list);
  CHANGED(tmpfs, env);
  CHANGED(mounts, list);
  CHANGED(workspace, volume);
  is_int(csn_policy_compare(label, &defaults, NULL), CSN_SPEC_SAME, "the same settings");
  for (size_t i = 0; i < n; i++)
    is_int(csn_policy_compare(label, &cases[i].s, NULL), CSN_SPEC_BASE_DIFFERS,
           "another %s is a difference", cases[i].what);
  struct csn_sandbox_settings s = defaults;
  s.max_lifetime_ms = 1;
  is_int(csn_policy_compare(label, &s, NULL), CSN_SPEC_BASE_DIFFERS,
         "another max_lifetime_ms is a difference");
  test_compare_alike(label, list);
  cJSON_Delete(volume);
  cJSON_Delete(list);
  cJSON_Delete(env);
  csn_free(label);
}

/* What came with a later version counts only where it is set, and arguments of a build are not
 * shown. */
static void test_compare_image(void) {
  cJSON *build = json("{\"context\":\"/c\",\"args\":{\"A\":\"h1dden\"}}");
  cJSON *other = json("{\"context\":\"/c\",\"args\":{\"A\":\"else\"}}");
  struct csn_sandbox_settings s = defaults;
  char *before = csn_policy_spec(&defaults, NULL);
  s.pull = CSN_PULL_ALWAYS;
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_SAME, "when images are pulled shapes nothing");
  s.platform = "linux/arm64";
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_BASE_DIFFERS, "another platform");
  s.platform = NULL;
  s.build = build;
  is_int(csn_policy_compare(before, &s, NULL), CSN_SPEC_BASE_DIFFERS, "an image that is built");
  char *built = csn_policy_spec(&s, NULL);
  is_int(csn_policy_compare(built, &s, NULL), CSN_SPEC_SAME, "is the same as itself");
  ok(!strstr(built, "h1dden"), "and its arguments stand in no label");
  s.build = other;
  is_int(csn_policy_compare(built, &s, NULL), CSN_SPEC_BASE_DIFFERS, "other arguments differ");
  csn_free(before);
  csn_free(built);
  cJSON_Delete(build);
  cJSON_Delete(other);
}

static void test_compare_options(void) {
  static const struct {
    const char *had, *wanted;
    int difference;
  } cases[] = {
      {"{}", NULL, CSN_SPEC_SAME},
      {"{\"workdir\":\"/w\"}", NULL, CSN_SPEC_SAME},
      {"{\"workdir\":\"/w\"}", "{\"workdir\":\"/w\"}", CSN_SPEC_SAME},
      {"{\"workdir\":\"/w\"}", "{\"workdir\":\"/v\"}", CSN_SPEC_OPTIONS_DIFFER},
      {"{\"workdir\":\"/w\"}", "{}", CSN_SPEC_OPTIONS_DIFFER},
      {"{}", "{\"workdir\":\"/w\"}", CSN_SPEC_OPTIONS_DIFFER},
      {"{\"labels\":{\"A\":\"1\",\"B\":\"2\"}}", "{\"labels\":{\"B\":\"2\",\"A\":\"1\"}}",
       CSN_SPEC_SAME},
      {"{\"labels\":{\"A\":\"1\"}}", "{\"labels\":{\"a\":\"1\"}}", CSN_SPEC_OPTIONS_DIFFER},
      {"{\"env\":{\"A\":\"1\"}}", "{\"env\":{\"A\":\"2\"}}", CSN_SPEC_SAME},
      {"{\"limits\":{\"cpus\":1}}", "{\"limits\":{\"cpus\":1.0}}", CSN_SPEC_SAME},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cJSON *had = json(cases[i].had), *wanted = cases[i].wanted ? json(cases[i].wanted) : NULL;
    char *label = csn_policy_spec(&defaults, had);
    is_int(csn_policy_compare(label, &defaults, wanted), cases[i].difference, "had %s, wanted %s",
           cases[i].had, cases[i].wanted ? cases[i].wanted : "nothing");
    csn_free(label);
    cJSON_Delete(had);
    cJSON_Delete(wanted);
  }
}

static void test_service(void) {
  cJSON *operators = json("\"image\""), *own = json("{\"service\":[\"x\"]}");
  cJSON *none = json("{\"service\":null}"), *found;
  struct csn_sandbox_settings s = defaults;
  char *label = csn_policy_spec(&defaults, NULL);
  ok(!strstr(label, "service"), "where there is no service the label is as it always was");
  is_int(csn_policy_service_of(label, &found), 0, "of which there is none");
  ok(!found, "indeed");
  csn_free(label);
  s.service = operators;
  ok(csn_policy_service(&s, NULL) == operators, "the operator's service");
  ok(csn_policy_service(&s, own) == own->child, "the session's own goes before it");
  ok(!csn_policy_service(&s, none), "null is none");
  label = csn_policy_spec(&s, NULL);
  const char *first = strstr(label, "\"service\"");
  ok(first && !strstr(first + 1, "\"service\""), "the label has it once");
  csn_free(label);
  label = csn_policy_spec(&s, own);
  csn_policy_service_of(label, &found);
  ok(cJSON_Compare(found, own->child, 1), "the label has the one that holds");
  cJSON_Delete(found);
  csn_free(label);
  cJSON_Delete(operators);
  cJSON_Delete(own);
  cJSON_Delete(none);
}

static void test_compare_bad(void) {
  static const char *const labels[] = {NULL, "", "{", "null", "[]", "{}", "{\"v\":1}",
                                       "{\"v\":1,\"base\":7,\"options\":{}}"};
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
    is_int(csn_policy_compare(labels[i], &defaults, NULL), CSN_SPEC_BASE_DIFFERS,
           "the label %s differs", labels[i] ? labels[i] : "(none)");
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
  test_shape();
  test_label();
  test_kept();
  test_compare_base();
  test_compare_image();
  test_compare_options();
  test_service();
  test_compare_bad();
  test_no_memory();
  return done_testing();
}
