/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation's comparisons: a default sandbox holds; each thing that is otherwise is named, and it
 * alone; what is foreign in a report is refused and harms nobody; what only cannot be seen is told
 * from what is not there. */
#include "attest_fixture.h"
#include "session/seccomp.h"

struct sandbox {
  cJSON *body, *inspect, *report;
  int is_sent;
};

static struct sandbox make(const char *options, const struct csn_policy_facts *facts) {
  struct sandbox s = {.body = make_body(options, facts), .is_sent = 1};
  s.inspect = make_inspect(s.body);
  s.report = json_of(report_text);
  return s;
}

static void drop(struct sandbox *s) {
  cJSON_Delete(s->body);
  cJSON_Delete(s->inspect);
  cJSON_Delete(s->report);
}

static struct csn_attestation attest(const struct sandbox *s) {
  struct csn_attestation a = {0};
  const struct csn_attest_wanted w = {s->body, s->is_sent};
  csn_attest_inspect(&w, s->inspect, &a);
  csn_attest_report(&w, s->inspect, s->report, &a);
  return a;
}

/* The names of all that differs: "memory swap". */
static void differing(const struct csn_attestation *a, char *names, size_t size) {
  names[0] = '\0';
  for (size_t i = 0; i < a->count; i++) {
    if (a->items[i].verdict != CSN_DIFFERS) continue;
    size_t n = strlen(names);
    snprintf(names + n, size - n, "%s%s", n ? " " : "", a->items[i].name);
  }
}

static void is_differing(struct sandbox *s, const char *wanted, const char *what) {
  char names[1024];
  struct csn_attestation a = attest(s);
  differing(&a, names, sizeof names);
  is_str(names, wanted, "%s", what);
  csn_attestation_free(&a);
  drop(s);
}

static void test_held(void) {
  static const char *const options[] = {
      "{}", "{\"read_only\": false}", "{\"cap_add\": [\"CHOWN\"]}",
      "{\"limits\": {\"cpus\": 0.5}}"};
  for (size_t i = 0; i < 3; i++) {
    struct sandbox s = make(options[i], &usual_facts);
    is_differing(&s, "", options[i]);
  }
  struct sandbox s = make(options[3], &usual_facts);
  is_differing(&s, "cpus", "another number of CPUs than the kernel has");
  s = make("{}", &usual_facts);
  struct csn_attestation a = attest(&s);
  is_int((long long)csn_attest_count(&a, CSN_NOT_SHOWN), 0, "of Docker nothing is unseen");
  ok(csn_attest_count(&a, CSN_HELD) > 80, "and much is held: %zu", a.count);
  cJSON *list = csn_attest_list(&a);
  is_int(cJSON_GetArraySize(list), (long long)a.count, "all of it is listed");
  const cJSON *first = cJSON_GetArrayItem(list, 0);
  is_str(cJSON_GetStringValue(csn_attest_at(first, "name")), "user", "an item has its name,");
  is_str(cJSON_GetStringValue(csn_attest_at(first, "wanted")), "30123:30124", "what was wanted,");
  is_str(cJSON_GetStringValue(csn_attest_at(first, "found")), "30123:30124", "and found,");
  is_str(cJSON_GetStringValue(csn_attest_at(first, "source")), "engine", "who says so,");
  is_str(cJSON_GetStringValue(csn_attest_at(first, "verdict")), "held", "and the verdict");
  cJSON_Delete(list);
  csn_attestation_free(&a);
  drop(&s);
}

/* ---- the engine's answer --------------------------------------------------------------------- */

static const struct {
  const char *path, *value, *names;
} engine_cases[] = {
    {"Config.User", "\"0:0\"", "user"},
    {"Config.User", "\"30123:0\"", "user"},
    {"Config.Entrypoint", "[\"/bin/sh\"]", "entrypoint"},
    {"Path", "\"/bin/sh\"", "entrypoint"},
    {"Config.Cmd", "[\"init\"]", "command"},
    {"Config.Image", "\"evil/python:3.12-slim\"", "image"},
    {"Config.Hostname", "\"host\"", "hostname"},
    {"Config.WorkingDir", "\"/etc\"", "working_directory"},
    {"Config.Tty", "true", "tty"},
    {"Config.Healthcheck", "{\"Test\": [\"CMD\", \"id\"]}", "health_check"},
    {"Config.Healthcheck", NULL, "health_check"},
    {"Config.Labels", "{}", "labels"},
    {"HostConfig.GroupAdd", "[\"0\"]", "groups"},
    {"HostConfig.Privileged", "true", "privileged"},
    {"HostConfig.CapAdd", "[\"SYS_ADMIN\"]", "cap_add"},
    {"HostConfig.CapAdd", "[1]", "cap_add"},
    {"HostConfig.CapDrop", "[]", "cap_drop"},
    {"HostConfig.CapDrop", "[\"CHOWN\"]", "cap_drop"},
    {"HostConfig.SecurityOpt", "[]", "no_new_privileges seccomp"},
    {"HostConfig.SecurityOpt", NULL, "no_new_privileges seccomp"},
    {"HostConfig.SecurityOpt.0", "\"no-new-privileges:false\"", "no_new_privileges"},
    {"HostConfig.SecurityOpt.1", "\"seccomp=unconfined\"", "seccomp"},
    {"HostConfig.SecurityOpt.1", "\"seccomp={}\"", "seccomp"},
    {"HostConfig.SecurityOpt.-", "\"apparmor=unconfined\"", "security_options"},
    {"HostConfig.SecurityOpt.-", "\"systempaths=unconfined\"", "security_options"},
    {"HostConfig.SecurityOpt.-", "\"label=disable\"", "security_options"},
    {"AppArmorProfile", "\"unconfined\"", "apparmor"},
    {"HostConfig.MaskedPaths", "[]", "masked_paths"},
    {"HostConfig.ReadonlyPaths", "[\"/proc/sys\"]", "readonly_paths"},
    {"HostConfig.ReadonlyRootfs", "false", "read_only_root"},
    {"HostConfig.NetworkMode", "\"host\"", "network"},
    {"NetworkSettings.Networks", "{\"bridge\": {}}", "networks"},
    {"NetworkSettings.Networks.bridge", "{}", "networks"},
    {"NetworkSettings.Ports", "{\"80/tcp\": [{\"HostIp\": \"0.0.0.0\", \"HostPort\": \"80\"}]}",
     "ports"},
    {"HostConfig.PublishAllPorts", "true", "publish_all_ports"},
    {"HostConfig.Dns", "[\"6.6.6.6\"]", "dns"},
    {"HostConfig.ExtraHosts", "[\"a:1.2.3.4\"]", "extra_hosts"},
    {"HostConfig.Links", "[\"db:db\"]", "links"},
    {"HostConfig.PidMode", "\"host\"", "pid_namespace"},
    {"HostConfig.IpcMode", "\"host\"", "ipc_namespace"},
    {"HostConfig.IpcMode", "\"shareable\"", "ipc_namespace"},
    {"HostConfig.UTSMode", "\"host\"", "uts_namespace"},
    {"HostConfig.CgroupnsMode", "\"host\"", "cgroup_namespace"},
    {"HostConfig.UsernsMode", "\"host\"", "user_namespace"},
    {"HostConfig.CgroupParent", "\"/\"", "cgroup_parent"},
    {"HostConfig.Devices", "[{\"PathOnHost\": \"/dev/sda\"}]", "devices"},
    {"HostConfig.DeviceCgroupRules", "[\"a *:* rwm\"]", "device_cgroup_rules"},
    {"HostConfig.DeviceRequests", "[{\"Count\": -1}]", "device_requests"},
    {"HostConfig.Memory", "0", "memory"},
    {"HostConfig.Memory", "\"much\"", "memory"},
    {"HostConfig.MemorySwap", "-1", "swap"},
    {"HostConfig.NanoCpus", "2000000000", "cpus"},
    {"HostConfig.CpuQuota", "400000", "cpus"},
    {"HostConfig.PidsLimit", "null", "pids"},
    {"HostConfig.ShmSize", "67108864", "shm_size"},
    {"HostConfig.Ulimits", "[]", "ulimits"},
    {"HostConfig.Ulimits.1", "{\"Name\": \"core\", \"Soft\": 0, \"Hard\": -1}", "ulimits"},
    {"HostConfig.OomScoreAdj", "-1000", "oom_score_adj"},
    {"HostConfig.OomKillDisable", "true", "oom_kill_disable"},
    {"HostConfig.Sysctls", "{\"net.ipv4.ip_forward\": \"1\"}", "sysctls"},
    {"HostConfig.VolumesFrom", "[\"other\"]", "volumes_from"},
    {"HostConfig.AutoRemove", "false", "auto_remove"},
    {"HostConfig.RestartPolicy", "{\"Name\": \"always\"}", "restart_policy"},
    {"HostConfig.LogConfig", "{\"Type\": \"json-file\"}", "log_driver"},
    {"HostConfig.Init", "true", "init"},
    {"Mounts.0.RW", "true", "mount /.caisson"},
    {"Mounts.0.Name", "\"other\"", "mount /.caisson"},
    {"Mounts.0.Type", "\"bind\"", "mount /.caisson"},
    {"Mounts", "[]", "mount /.caisson"},
    {"Mounts.-", "{\"Type\": \"bind\", \"Source\": \"/var/run/docker.sock\", "
                 "\"Destination\": \"/var/run/docker.sock\", \"RW\": true}",
     "mount /var/run/docker.sock"},
    {"Mounts.-", "7", "mount ?"},
    {"HostConfig.Tmpfs", "{}", "mount /workspace mount /tmp"},
    {"HostConfig.Tmpfs", "7", "mount /workspace mount /tmp"},
    {"HostConfig.Tmpfs./tmp", "\"rw,exec,nodev,size=134217728\"", "mount /tmp"},
    {"HostConfig.Tmpfs./tmp", "\"rw,exec,nosuid,nodev,size=1g\"", "mount /tmp"},
    {"HostConfig.Tmpfs./tmp", "\"rw,exec,nosuid,nodev\"", "mount /tmp"},
    {"HostConfig.Tmpfs./x", "\"rw,noexec,nosuid,nodev,size=4096\"", "mount /x"},
};

static void test_engine(void) {
  for (size_t i = 0; i < sizeof engine_cases / sizeof *engine_cases; i++) {
    struct sandbox s = make("{}", &usual_facts);
    put(s.inspect, engine_cases[i].path, engine_cases[i].value);
    is_differing(&s, engine_cases[i].names, engine_cases[i].path);
  }
}

/* ---- the report ------------------------------------------------------------------------------ */

static const struct {
  const char *path, *value, *names;
} kernel_cases[] = {
    {"v", "2", "report"},
    {"v", "\"1\"", "report"},
    {"cut", "true", "report_whole"},
    {"cut", NULL, "report_whole"},
    {"init.pid1", "false", "init"},
    {"status.uid", "[30123,0,30123,30123]", "uid"},
    {"status.uid", "[30123]", "uid"},
    {"status.uid", "30123", "uid"},
    {"status.uid", "null", "uid"},
    {"status.gid", "[0,0,0,0]", "gid"},
    {"status.groups", "[30124, 0]", "groups"},
    {"status.groups", "null", "groups"},
    {"status.cap_inheritable", "\"0000000000000001\"", "cap_inheritable"},
    {"status.cap_permitted", "\"0000000000200000\"", "cap_permitted"},
    {"status.cap_effective", "\"0000000000200000\"", "cap_effective"},
    {"status.cap_bounding", "\"000001ffffffffff\"", "cap_bounding"},
    {"status.cap_bounding", "0", "cap_bounding"},
    {"status.cap_bounding", "\"\"", "cap_bounding"},
    {"status.cap_bounding", "\"-1\"", "cap_bounding"},
    {"status.cap_bounding", "\"00000000000000000\"", "cap_bounding"},
    {"status.cap_ambient", "\"0000000000000001\"", "cap_ambient"},
    {"status.no_new_privs", "0", "no_new_privileges"},
    {"given.no_new_privs", "0", "given_no_new_privileges"},
    {"given.cap_permitted", "\"0000000000000400\"", "given_cap_permitted"},
    {"given.core", "[0,-1]", "given_core"},
    {"status.seccomp", "0", "seccomp"},
    {"status.seccomp", "1", "seccomp"},
    {"init.status.uid", "[0,0,0,0]", "init_uid"},
    {"init.status.seccomp", "0", "init_seccomp"},
    {"init.status.cap_effective", "\"ffffffffffffffff\"", "init_cap_effective"},
    {"cgroup.memory_max", "-1", "memory"},
    {"cgroup.memory_max", "2147483648", "memory"},
    {"cgroup.memory_max", "1", "memory"},
    {"cgroup.memory_swap_max", "-1", "swap"},
    {"cgroup.pids_max", "-1", "pids"},
    {"cgroup.pids_max", "257", "pids"},
    {"cgroup.pids_max", "255", "pids"},
    {"cgroup.cpu_quota_us", "-1", "cpus"},
    {"cgroup.cpu_quota_us", "200000", "cpus"},
    {"cgroup.cpu_period_us", "0", "cpus"},
    {"cgroup", "7", "memory swap pids cpus"},
    {"rlimits.nofile", "[1048576,1048576]", "nofile"},
    {"rlimits.core", "[0,-1]", "core"},
    {"oom_score_adj", "-1000", "oom_score_adj"},
    {"init_oom_score_adj", "0", "init_oom_score_adj"},
    {"namespaces.pid", "4026531836", "pid_namespace"},
    {"namespaces.ipc", "4026531839", "ipc_namespace"},
    {"namespaces.uts", "4026531838", "uts_namespace"},
    {"namespaces.cgroup", "4026531835", "cgroup_namespace"},
    {"namespaces.pid", "\"own\"", "pid_namespace"},
    {"masked.1.masked", "false", "masked_paths"},
    {"masked", "[]", "masked_paths"},
    {"masked", "null", "masked_paths"},
    {"readonly.3.readonly", "false", "readonly_paths"},
    {"devices.-", "{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0}", "devices"},
    {"devices.-", "{\"path\":\"/dev/mem\",\"type\":\"c\",\"major\":1,\"minor\":1}", "devices"},
    {"devices.-", "{}", "devices"},
    {"devices", "\"many\"", "devices"},
    {"interfaces.-", "{\"name\":\"eth0\",\"up\":true,\"addresses\":[\"172.17.0.2/16\"]}",
     "interfaces"},
    {"interfaces.-", "{}", "interfaces"},
    {"interfaces", "null", "interfaces"},
    {"routes.-", "{\"destination\":\"default\",\"gateway\":\"172.17.0.1\",\"interface\":\"eth0\","
                 "\"type\":\"unicast\",\"table\":254}",
     "routes"},
    {"routes", "{}", "routes"},
    {"tty", "true", "tty"},
    {"hostname", "\"other\"", "hostname"},
    {"mounts.0.options", "\"rw,relatime\"", "mount /"},
    {"mounts.1.options", "\"rw\"", "mount /proc"},
    {"mounts.2.type", "\"devtmpfs\"", "mount /dev"},
    {"mounts.3.super", "\"rw,size=65536k\"", "mount /dev/shm"},
    {"mounts.4.options", "\"rw,nosuid,nodev,noexec\"", "mount /sys"},
    {"mounts.5.options", "\"rw,nosuid,nodev,noexec\"", "mount /sys/fs/cgroup"},
    {"mounts.6.options", "\"rw,relatime\"", "mount /.caisson"},
    {"mounts.6", NULL, "mount /.caisson"},
    {"mounts.7.type", "\"ext4\"", "mount /workspace"},
    {"mounts.8.options", "\"rw,nodev\"", "mount /tmp"},
    {"mounts.8.options", "\"rw,nosuid\"", "mount /tmp"},
    {"mounts.8.super", "\"rw\"", "mount /tmp"},
    {"mounts.9.root", "\"/etc/shadow\"", "mount /etc/hosts"},
    {"mounts.10.type", "\"ext4\"", "mount /proc/keys"},
    {"mounts.-", "{\"target\":\"/var/run/docker.sock\",\"root\":\"/docker.sock\",\"type\":\"tmpfs\","
                 "\"options\":\"rw\",\"super\":\"rw\"}",
     "mount /var/run/docker.sock"},
    {"mounts.-", "{\"target\":\"/workspace/x\",\"type\":\"ext4\",\"options\":\"ro\"}",
     "mount /workspace/x"},
    {"mounts.-", "[]", "mount ?"},
    {"mounts", "{}", "mounts"},
};

static void test_kernel(void) {
  for (size_t i = 0; i < sizeof kernel_cases / sizeof *kernel_cases; i++) {
    struct sandbox s = make("{}", &usual_facts);
    put(s.report, kernel_cases[i].path, kernel_cases[i].value);
    is_differing(&s, kernel_cases[i].names, kernel_cases[i].path);
  }
  struct sandbox s = make("{}", &usual_facts);
  cJSON_Delete(s.report);
  s.report = json_of("{}");
  struct csn_attestation a = attest(&s);
  ok(csn_attest_count(&a, CSN_DIFFERS) > 35, "of an empty report nothing holds");
  csn_attestation_free(&a);
  drop(&s);
}

static void test_huge(void) {
  struct sandbox s = make("{}", &usual_facts);
  struct csn_error err;
  for (int i = 0; i < 3000; i++)
    put(s.report, "mounts.-", "{\"target\":\"/x\\u001b[2J\\u0007\",\"type\":\"ext4\"}");
  struct csn_attestation a = attest(&s);
  is_int((long long)a.count, CSN_ATTEST_MAX, "findings have a limit");
  is_str(a.items[a.count - 1].name, "findings", "and what is beyond it is one that differs");
  int rc = csn_attest_refuse(&a, CSN_DIFFERS, &err);
  is_int(rc, CAISSON_E_POLICY, "all of it is refused");
  is_str(err.reason, CAISSON_REASON_ATTESTATION, "by its reason");
  ok(strstr(err.message, "mount /x") && strstr(err.message, " more"), "with as many as fit: %s",
     err.message);
  ok(!strchr(err.message, 27), "and nothing that a terminal would do something about");
  csn_attestation_free(&a);
  drop(&s);
}

/* ---- options --------------------------------------------------------------------------------- */

static void add_network(struct sandbox *s) {
  put(s->report, "interfaces.-",
      "{\"name\":\"eth0\",\"up\":true,\"addresses\":[\"172.18.0.2/16\"]}");
  put(s->report, "routes.-", "{\"destination\":\"default\",\"interface\":\"eth0\","
                             "\"type\":\"unicast\",\"table\":254}");
  put(s->report, "routes.-",
      "{\"destination\":\"10.0.0.0/8\",\"interface\":null,\"type\":\"prohibit\",\"table\":77}");
}

static void test_network(void) {
  static const char options[] = "{\"network\": {\"name\": \"sandboxes\"}, \"ports\": [\"8080\"]}";
  static const char good[] = "{\"8080/tcp\": [{\"HostIp\": \"127.0.0.1\", \"HostPort\": \"49153\"}]}";
  static const char wide[] = "{\"8080/tcp\": [{\"HostIp\": \"0.0.0.0\", \"HostPort\": \"49153\"}]}";
  struct csn_policy_facts facts = usual_facts;
  facts.network = "aabbcc";
  facts.routes = "{\"deny\": \"10.0.0.0/8\"}";
  static const struct { const char *ports, *routes, *names; } cases[] = {
      {good, NULL, ""}, {wide, NULL, "ports"}, {"{}", NULL, "ports"},
      {"{\"8080/tcp\": null}", NULL, "ports"},
      {good, "[]", "denied_networks"},
      {good, "[{\"destination\":\"10.1.0.0/16\",\"type\":\"prohibit\"}]", "denied_networks"},
      {good, "[{\"destination\":\"10.0.0.0/8\",\"type\":\"unicast\"}]", "denied_networks"},
      {good, "[{\"destination\":\"default\",\"type\":\"prohibit\"}]", "denied_networks"},
      {good, "[{\"destination\":7,\"type\":\"prohibit\"}, 3]", "denied_networks"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sandbox s = make(options, &facts);
    add_network(&s);
    put(s.inspect, "NetworkSettings.Ports", cases[i].ports);
    if (cases[i].routes) put(s.report, "routes", cases[i].routes);
    is_differing(&s, cases[i].names, cases[i].ports);
  }
  struct sandbox s = make(options, &facts);
  add_network(&s);
  put(s.inspect, "NetworkSettings.Ports", good);
  put(s.inspect, "NetworkSettings.Networks.bridge", "{\"NetworkID\": \"ddee\"}");
  put(s.report, "interfaces.-", "{\"name\":\"eth1\",\"up\":true,\"addresses\":[]}");
  is_differing(&s, "networks interfaces", "a second network");
}

static void test_binds(void) {
  static const char options[] = "{\"mounts\": [{\"type\": \"bind\", \"source\": \"/srv/a\", "
                                "\"target\": \"/data\", \"read_only\": true}]}";
  static const char *const mounts[] = {
      "{\"target\":\"/data\",\"root\":\"/srv/a\",\"type\":\"ext4\",\"options\":\"ro\"}",
      "{\"target\":\"/data/b\",\"root\":\"/\",\"type\":\"xfs\",\"options\":\"ro\"}",
      "{\"target\":\"/data/c\",\"root\":\"/\",\"type\":\"xfs\",\"options\":\"rw\"}",
      "{\"target\":\"/data2\",\"root\":\"/\",\"type\":\"xfs\",\"options\":\"ro\"}"};
  static const char *const names[] = {"", "", "mount /data/c", "mount /data/c mount /data2"};
  for (int n = 0; n < 4; n++) {
    struct sandbox s = make(options, &usual_facts);
    for (int i = 0; i <= n; i++) put(s.report, "mounts.-", mounts[i]);
    is_differing(&s, names[n], mounts[n]);
  }
}

/* One that was found: what only its starter knows does not count, or by its form. */
static void test_found(void) {
  static const struct { const char *path, *value, *names; } cases[] = {
      {"Config.Cmd", "[\"init\", \"--other\"]", ""},
      {"Config.Labels", "{\"caisson.version\": \"1.0\"}", ""},
      {"HostConfig.Tmpfs./data", "\"rw,noexec,nosuid,nodev,size=16777216\"", ""},
      {"HostConfig.Tmpfs./data", "\"rw,exec,nosuid,nodev,size=16777216\"", "mount /data"},
      {"HostConfig.Tmpfs./data", "\"rw,noexec,nosuid,nodev\"", "mount /data"},
      {"HostConfig.Tmpfs./data", "\"rw,noexec,nosuid,nodev,size=1g\"", "mount /data"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sandbox s = make("{}", &usual_facts);
    s.is_sent = 0;
    put(s.inspect, cases[i].path, cases[i].value);
    is_differing(&s, cases[i].names, cases[i].value);
  }
}

#define REFUSES "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": "
#define FILE_OF_ANOTHER "/v/caisson-guest/_data/seccomp-0123456789abcdef.json"

/* Builds differ in their profiles: that of another one is known by its form, this one's two by what
 * they are. */
static void test_profiles(void) {
  static const char *const none = NULL;
  const char *usual_text = csn_seccomp_text(CSN_SECCOMP_DEFAULT);
  const char *strict = csn_seccomp_text(CSN_SECCOMP_STRICT);
  char usual_file[128], strict_file[128], name[CSN_SECCOMP_FILE];
  csn_seccomp_file(CSN_SECCOMP_DEFAULT, name);
  snprintf(usual_file, sizeof usual_file, "/v/caisson-guest/_data/%s", name);
  csn_seccomp_file(CSN_SECCOMP_STRICT, name);
  snprintf(strict_file, sizeof strict_file, "/v/caisson-guest/_data/%s", name);
  const struct {
    const char *wanted, *found;
    int is_sent, takes_files, holds;
    const char *what;
  } cases[] = {
      {usual_text, usual_text, 1, 0, 1, "what was sent"},
      {usual_text, none, 0, 0, 0, "none"},
      {usual_text, "unconfined", 0, 0, 0, "unconfined"},
      {usual_text, "builtin", 0, 0, 0, "another word"},
      {usual_text, REFUSES "[]}", 1, 0, 0, "another one than was sent"},
      {usual_text, REFUSES "[]}", 0, 0, 1, "another build's, of one that was found"},
      {strict, usual_text, 0, 0, 0, "the looser, where the stricter was wanted"},
      {usual_text, strict, 0, 0, 0, "the stricter, where the looser was wanted"},
      {usual_text, "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}", 0, 0, 0, "one that allows the rest"},
      {usual_text, "{\"defaultAction\": \"SCMP_ACT_LOG\"}", 0, 0, 0, "one that only logs it"},
      {usual_text, REFUSES "[{\"action\": \"SCMP_ACT_ALLOW\", \"names\": [\"read\"]}]}", 0, 0, 1,
       "one that allows something"},
      {usual_text, REFUSES "[{\"action\": \"SCMP_ACT_ALLOW\", \"names\": [\"bpf\"]}]}", 0, 0, 0,
       "one that allows what none of ours does"},
      {usual_text, REFUSES "[{\"action\": \"SCMP_ACT_LOG\", \"name\": \"mount\"}]}", 0, 0, 0,
       "or logs it, in the older spelling"},
      {usual_text, REFUSES "[{\"action\": \"SCMP_ACT_ERRNO\", \"names\": [\"bpf\"]}]}", 0, 0, 1,
       "one that refuses it by name"},
      {usual_text, usual_file, 0, 1, 1, "its file, where files are taken"},
      {usual_file, usual_text, 0, 1, 1, "its text, where its file was wanted"},
      {usual_text, usual_file, 0, 0, 0, "its file, where texts are"},
      {strict, strict_file, 0, 1, 1, "the file of the stricter"},
      {strict, usual_file, 0, 1, 0, "the file of the looser, where the stricter was wanted"},
      {strict_file, usual_file, 0, 1, 0, "or its file"},
      {usual_text, FILE_OF_ANOTHER, 0, 1, 1, "another build's file"},
      {usual_text, FILE_OF_ANOTHER, 1, 1, 0, "which was not sent"},
      {usual_text, "/tmp/seccomp-0123456789abcdef.json", 0, 1, 0, "a file of somebody else"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *words;
    is_int(csn_attest_profile(cases[i].wanted, cases[i].found, cases[i].is_sent,
                              cases[i].takes_files, &words),
           cases[i].holds, "a seccomp profile: %s", cases[i].what);
  }
}

/* A label that says nothing that can be read denies nothing: it differs. */
static void test_routes_label(void) {
  struct csn_policy_facts facts = usual_facts;
  facts.routes = "{\"deny\":";
  struct sandbox s = make("{}", &facts);
  s.is_sent = 0;
  is_differing(&s, "denied_networks", "a plan of routes that is none");
}

/* ---- what cannot be seen --------------------------------------------------------------------- */

static void is_excused(struct sandbox *s, unsigned unseen, const char *wanted, const char *what) {
  char names[1024];
  struct csn_attestation a = attest(s);
  csn_attest_excuse(&a, unseen);
  differing(&a, names, sizeof names);
  is_str(names, wanted, "%s", what);
  csn_attestation_free(&a);
  drop(s);
}

static void test_gvisor(void) {
  static const char *const puts[][2] = {
      {"status.seccomp", "0"}, {"init.status.seccomp", "0"}, {"cgroup",
       "{\"version\":null,\"memory_max\":null,\"memory_swap_max\":null,\"pids_max\":null,"
       "\"cpu_quota_us\":null,\"cpu_period_us\":null}"},
      {"mounts.8.options", "\"rw\""}};
  for (int n = 0; n < 3; n++) {
    struct sandbox s = make("{}", &usual_facts);
    for (size_t i = 0; i < 4; i++) put(s.report, puts[i][0], puts[i][1]);
    if (n == 0)
      is_excused(&s, CSN_UNSEEN_GVISOR, "", "gVisor shows neither seccomp nor cgroups nor flags");
    if (n == 1)
      is_excused(&s, CSN_UNSEEN_SWAP, "seccomp init_seccomp memory pids cpus mount /tmp",
                 "an engine that cannot limit swap has but that unseen");
    if (n == 2) {
      put(s.report, "cgroup.memory_max", "5368709120");
      put(s.report, "status.uid", "[0,0,0,0]");
      is_excused(&s, CSN_UNSEEN_GVISOR, "uid memory", "what it shows, counts");
    }
  }
}

static void make_podman(struct sandbox *s) {
  put(s->inspect, "HostConfig.Runtime", "\"oci\"");
  put(s->inspect, "HostConfig.MaskedPaths", "null");
  put(s->inspect, "HostConfig.ReadonlyPaths", "null");
  put(s->inspect, "HostConfig.IpcMode", "\"shareable\"");
  put(s->inspect, "HostConfig.PidMode", "\"private\"");
  put(s->inspect, "HostConfig.UTSMode", "\"private\"");
  put(s->inspect, "HostConfig.CgroupnsMode", "\"\"");
  put(s->inspect, "HostConfig.CpuQuota", "100000");
  put(s->inspect, "HostConfig.CpuPeriod", "100000");
  put(s->inspect, "HostConfig.Ulimits.0", "{\"Name\":\"RLIMIT_NOFILE\",\"Hard\":4096,\"Soft\":4096}");
  put(s->inspect, "Config.Image", "\"docker.io/library/python:3.12-slim\"");
  put(s->inspect, "HostConfig.CapDrop",
      "[\"AUDIT_WRITE\",\"CHOWN\",\"DAC_OVERRIDE\",\"FOWNER\",\"FSETID\",\"KILL\",\"MKNOD\","
      "\"NET_BIND_SERVICE\",\"CAP_NET_RAW\",\"SETFCAP\",\"SETGID\",\"SETPCAP\",\"SETUID\","
      "\"SYS_CHROOT\"]");
  put(s->inspect, "HostConfig.Tmpfs./run", "\"rw,rprivate,nosuid,nodev,tmpcopyup\"");
  put(s->report, "mounts.-",
      "{\"target\":\"/run\",\"root\":\"/\",\"type\":\"tmpfs\",\"options\":\"rw,nosuid,nodev\"}");
}

static void test_podman(void) {
  static const struct { const char *path, *value, *names; } cases[] = {
      {"HostConfig.PidMode", "\"host\"", "pid_namespace"},
      {"HostConfig.IpcMode", "\"host\"", "ipc_namespace"},
      {"HostConfig.CapDrop.0", NULL, "cap_drop"},
      {"HostConfig.CpuQuota", "0", ""},
      {"HostConfig.MaskedPaths", "[\"/proc/acpi\"]", "masked_paths"},
      {"HostConfig.Tmpfs./run", "\"rw,exec\"", "mount /run"},
      {"HostConfig.Tmpfs./opt", "\"rw,nosuid,nodev\"", "mount /opt"},
      {"Config.Image", "\"docker.io/library/python:3.12-slimmer\"", "image"},
      {"Config.Image", "\"evilpython:3.12-slim\"", "image"}};
  struct sandbox s = make("{}", &usual_facts);
  make_podman(&s);
  struct csn_attestation a = attest(&s);
  is_int((long long)csn_attest_count(&a, CSN_NOT_SHOWN), 3, "Podman does not say three things");
  csn_attestation_free(&a);
  is_differing(&s, "", "and spells others otherwise");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    s = make("{}", &usual_facts);
    make_podman(&s);
    put(s.inspect, cases[i].path, cases[i].value);
    is_differing(&s, cases[i].names, cases[i].path);
  }
}

int main(void) {
  test_held();
  test_engine();
  test_kernel();
  test_huge();
  test_network();
  test_binds();
  test_found();
  test_profiles();
  test_routes_label();
  test_gvisor();
  test_podman();
  done_testing();
}
