/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper reports from inside a sandbox is what the engine was told to make and what a
 * shell in it sees; and where the engine made something weaker, the report shows it. */
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "channel/channel.h"
#include "channel/keeper.h"
#include "support/engine.h"
#include "support/host.h"
#include "tap.h"
#include "util/alloc.h"
#include "util/json.h"

static struct csn_engine *engine;
static struct csn_keeper *keeper;

/* ---- asking ---------------------------------------------------------------------------------- */

static const cJSON *at(const cJSON *json, const char *path) {
  char name[64];
  while (json && *path) {
    size_t n = strcspn(path, ".");
    snprintf(name, sizeof name, "%.*s", (int)n, path);
    json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(name))
                               : cJSON_GetObjectItemCaseSensitive(json, name);
    path += n + (path[n] == '.');
  }
  return json;
}

/* A number by its path; -1000 where there is none. */
static int64_t number(const cJSON *json, const char *path) {
  const cJSON *found = at(json, path);
  return cJSON_IsNumber(found) ? (int64_t)found->valuedouble : -1000;
}

static const char *text(const cJSON *json, const char *path) {
  const char *found = cJSON_GetStringValue(at(json, path));
  return found ? found : "";
}

/* The one of a list whose member is that text. */
static const cJSON *find(const cJSON *list, const char *member, const char *value) {
  const cJSON *one;
  cJSON_ArrayForEach(one, list) if (strcmp(text(one, member), value) == 0) return one;
  return NULL;
}

static cJSON *inspect(const char *container) {
  char path[256];
  cJSON *found = NULL;
  snprintf(path, sizeof path, "/containers/%s/json", container);
  if (engine_ask("GET", path, NULL, &found) != 200) BAIL_OUT("no container %s", container);
  return found;
}

static cJSON *report_of(const char *container, const char *helper) {
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_channel *channel = NULL;
  struct csn_error err = {0};
  cJSON *report = NULL;
  control.deadline = csn_clock_after(host_patience(60000) * CSN_MS);
  if (csn_channel_open_exec(engine, container, helper, keeper, &control, &channel, &err) ||
      csn_channel_report(channel, &control, &report, &err))
    BAIL_OUT("%s", err.message);
  csn_channel_close(channel);
  return report;
}

static const char *helper_of(const cJSON *inspected) {
  return text(inspected, "Config.Entrypoint.0");
}

/* ---- beside the engine ----------------------------------------------------------------------- */

static void test_engine(const cJSON *r, const cJSON *told) {
  char user[64];
  snprintf(user, sizeof user, "%lld:%lld", (long long)number(r, "status.uid.0"),
           (long long)number(r, "status.gid.0"));
  is_str(user, text(told, "Config.User"), "the user");
  is_int(number(r, "cgroup.memory_max"), number(told, "HostConfig.Memory"), "the memory");
  is_int(number(r, "cgroup.pids_max"), number(told, "HostConfig.PidsLimit"), "the processes");
  is_int(number(r, "cgroup.cpu_quota_us") * 1000 * 1000000 / number(r, "cgroup.cpu_period_us"),
         number(told, "HostConfig.NanoCpus") / 1000 * 1000, "the processors");
  is_int(number(r, "oom_score_adj"), number(told, "HostConfig.OomScoreAdj"), "the OOM score");
  is_int(number(r, "init_oom_score_adj"), number(told, "HostConfig.OomScoreAdj"),
         "and that of process 1");
  is_str(text(r, "hostname"), text(told, "Config.Hostname"), "the name");
  const cJSON *limit;
  cJSON_ArrayForEach(limit, at(told, "HostConfig.Ulimits")) {
    char path[64];
    snprintf(path, sizeof path, "rlimits.%s.1", text(limit, "Name"));
    is_int(number(r, path), number(limit, "Hard"), "the limit of %s", text(limit, "Name"));
  }
  ok(cJSON_IsTrue(at(told, "HostConfig.ReadonlyRootfs")) &&
         strncmp(text(find(at(r, "mounts"), "target", "/"), "options"), "ro", 2) == 0,
     "the root is read-only, as the engine was told");
  const cJSON *mount;
  cJSON_ArrayForEach(mount, at(told, "HostConfig.Tmpfs")) ok(
      strcmp(text(find(at(r, "mounts"), "target", mount->string), "type"), "tmpfs") == 0,
      "%s is a tmpfs", mount->string);
}

/* ---- as it must be --------------------------------------------------------------------------- */

static void test_hardened(const cJSON *r) {
  static const char *const sets[] = {"inheritable", "permitted", "effective", "bounding",
                                     "ambient"};
  for (size_t i = 0; i < 5; i++) {
    char path[64];
    snprintf(path, sizeof path, "status.cap_%s", sets[i]);
    is_str(text(r, path), "0000000000000000", "no capability is %s", sets[i]);
  }
  is_int(number(r, "given.no_new_privs"), 1, "no new privileges: the engine's doing");
  is_int(number(r, "init.status.no_new_privs"), 1, "of process 1 too");
  is_int(number(r, "status.seccomp"), 2, "a seccomp filter");
  ok(cJSON_IsTrue(at(r, "init.pid1")), "process 1 is the helper");
  ok(cJSON_IsFalse(at(r, "cut")), "nothing was cut");
  ok(cJSON_IsFalse(at(r, "tty")), "there is no terminal");
  is_int(cJSON_GetArraySize(at(r, "interfaces")), 1, "there is one interface");
  is_str(text(r, "interfaces.0.addresses.0"), "127.0.0.1/8", "and it is the loopback");
  is_int(cJSON_GetArraySize(at(r, "routes")), 0, "there is no route");
  ok(number(r, "namespaces.pid") != 4026531836 && number(r, "namespaces.pid") > 0,
     "processes have a namespace of their own");
  int open = 0, masked = 0;
  const cJSON *one;
  cJSON_ArrayForEach(one, at(r, "masked")) masked += cJSON_IsTrue(at(one, "masked"));
  cJSON_ArrayForEach(one, at(r, "readonly")) open += cJSON_IsFalse(at(one, "readonly"));
  ok(masked > 0 && cJSON_IsTrue(at(find(at(r, "masked"), "path", "/sys/firmware"), "masked")),
     "paths are masked");
  is_int(open, 0, "and none that should be read-only can be written");
}

/* ---- beside a shell -------------------------------------------------------------------------- */

/* Each line of a call's output must be what the report says: one assertion for all. */
static const char *seen(struct box *box, const char *command) {
  static char out[8][8192];
  static unsigned next;
  char *kept = out[next++ % 8];
  CALL c = shell(box, "s", command);
  exited(c, 0, "a shell looks");
  snprintf(kept, sizeof out[0], "%s", c->out.data ? c->out.data : "");
  return kept;
}

static void lines_of(const cJSON *list, const char *format, char *out, size_t capacity) {
  const cJSON *one;
  size_t n = 0;
  *out = '\0';
  cJSON_ArrayForEach(one, list) if (strcmp(format, "device") == 0) n += (size_t)snprintf(
      out + n, capacity - n, "%s %llx:%llx\n", text(one, "path"),
      (unsigned long long)number(one, "major"), (unsigned long long)number(one, "minor"));
  else n += (size_t)snprintf(out + n, capacity - n, "%s %s %s\n", text(one, "target"),
                             text(one, "type"), text(one, "options"));
}

static void test_shell(struct box *box, const cJSON *r) {
  char lines[8192], user[64];
  snprintf(user, sizeof user, "%lld %lld\n", (long long)number(r, "status.uid.1"),
           (long long)number(r, "status.gid.1"));
  is_str(user, seen(box, "echo $(id -u) $(id -g)"), "the user that a shell has");
  lines_of(at(r, "mounts"), "mount", lines, sizeof lines);
  is_str(lines, seen(box, "while read -r a b c d target options rest; do rest=${rest#*- };"
                          " echo \"$target ${rest%% *} $options\"; done < /proc/self/mountinfo"),
         "every mount that it sees, with its flags");
  lines_of(at(r, "devices"), "device", lines, sizeof lines);
  const char *devices = seen(box, "find /dev -path /dev/pts -prune -o \\( -type c -o -type b \\) "
                                  "-print0 | xargs -0 stat -c '%n %t:%T'");
  int same = 0, count = 0;
  for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"), count++)
    same += strstr(devices, line) != NULL;
  is_int(same, count, "each device is there");
  for (const char *p = devices; (p = strchr(p, '\n')) != NULL; p++) count--;
  is_int(count, 0, "and there is no other");
  char inode[64];
  snprintf(inode, sizeof inode, "net:[%lld]\n", (long long)number(r, "namespaces.net"));
  is_str(inode, seen(box, "readlink /proc/self/ns/net"), "the namespace that it is in");
  snprintf(inode, sizeof inode, "%lld %lld\n", (long long)number(r, "rlimits.nofile.0"),
           (long long)number(r, "rlimits.nofile.1"));
  is_str(inode, seen(box, "echo $(ulimit -Sn) $(ulimit -Hn)"), "and its limit of descriptors");
}

/* ---- a network ------------------------------------------------------------------------------- */

static void test_network(void) {
  char settings[256], path[192];
  char *name CSN_CLEANUP_FREE = host_instance_name(".net");
  snprintf(path, sizeof path, "/networks/caisson-%s", name);
  snprintf(settings, sizeof settings,
           "{\"sandbox\":{\"network\":{\"name\":\"%s\",\"deny\":[\"198.51.100.0/24\"]}}}",
           strrchr(path, '/') + 1);
  struct box *box = box_open_as(".net", settings);
  CALL c = shell(box, "s", "true");
  exited(c, 0, "a sandbox with a network");
  cJSON *told CSN_CLEANUP_JSON = inspect(engine_container(box, "s"));
  cJSON *r CSN_CLEANUP_JSON = report_of(engine_container(box, "s"), helper_of(told));
  const cJSON *net = at(told, "NetworkSettings.Networks");
  net = net ? net->child : NULL;
  char address[64];
  snprintf(address, sizeof address, "%s/%lld", text(net, "IPAddress"),
           (long long)number(net, "IPPrefixLen"));
  is_str(text(find(at(r, "interfaces"), "name", "eth0"), "addresses.0"), address,
         "it has the engine's address");
  const cJSON *route = find(at(r, "routes"), "destination", "default");
  is_str(text(route, "gateway"), text(net, "Gateway"), "and gateway");
  is_str(text(route, "interface"), "eth0", "by that interface");
  route = find(at(r, "routes"), "destination", "198.51.100.0/24");
  is_str(text(route, "type"), "prohibit", "what is denied leads nowhere");
  const cJSON *rule = NULL;
  cJSON_ArrayForEach(rule, at(r, "rules")) if (number(rule, "table") == number(route, "table"))
    break;
  ok(rule && number(rule, "priority") < 32766, "and is asked before the main table");
  engine_remove(engine_container(box, "s"));
  is_int(engine_ask("DELETE", path, NULL, NULL), 204, "the network is nobody's any more");
  box_close(box);
}

/* ---- something weaker ------------------------------------------------------------------------ */

/* A container that the plugin would never make, with the helper in it. It ends by itself. */
static void make_weak(const char *name, const char *helper) {
  char path[256], body[2048];
  cJSON *answer = NULL;
  snprintf(path, sizeof path, "/containers/create?name=%s", name);
  snprintf(body, sizeof body,
           "{\"Image\":\"%s\",\"User\":\"0:0\",\"Entrypoint\":[\"%s\"],\"Cmd\":[\"init\","
           "\"--idle-ms\",\"60000\"],\"OpenStdin\":true,\"HostConfig\":{\"AutoRemove\":true,"
           "\"NetworkMode\":\"none\",\"CapAdd\":[\"SYS_ADMIN\"],\"MaskedPaths\":[],"
           "\"ReadonlyPaths\":[],\"SecurityOpt\":[\"seccomp=unconfined\"],"
           "\"IpcMode\":\"host\",\"Devices\":[{\"PathOnHost\":\"/dev/zero\",\"PathInContainer\":"
           "\"/dev/deep/er\",\"CgroupPermissions\":\"r\"}],\"Mounts\":[{\"Type\":\"volume\","
           "\"Source\":\"caisson-guest\",\"Target\":\"/.caisson\"},{\"Type\":\"tmpfs\",\"Target\":"
           "\"/a b\\\\c\"}]}}",
           host_env("CAISSON_IMAGE"), helper);
  if (engine_ask("POST", path, body, &answer) != 201) BAIL_OUT("%s", text(answer, "message"));
  cJSON_Delete(answer);
  engine_do(name, "start");
}

static void test_weak(const char *instance, const char *helper) {
  char name[128];
  snprintf(name, sizeof name, "%s-weak", instance);
  make_weak(name, helper);
  cJSON *r CSN_CLEANUP_JSON = report_of(name, helper);
  ok(strcmp(text(r, "status.cap_bounding"), "0000000000000000") != 0, "capabilities show");
  ok(strtoull(text(r, "given.cap_effective"), NULL, 16) & (UINT64_C(1) << 21),
     "also the one that was added, though the helper gave it up");
  is_str(text(r, "status.cap_effective"), "0000000000000000", "as is seen");
  is_int(number(r, "given.no_new_privs"), 0, "new privileges were allowed");
  is_int(number(r, "status.no_new_privs"), 1, "before the helper forbade them to itself");
  is_int(number(r, "status.seccomp"), 0, "no seccomp filter");
  is_int(number(r, "cgroup.memory_max"), -1, "no limit of memory");
  is_int(number(r, "cgroup.pids_max"), -1, "nor of processes");
  is_int(number(r, "namespaces.ipc"), 4026531839, "the machine's own ipc namespace");
  is_str(text(find(at(r, "devices"), "path", "/dev/deep/er"), "type"), "c", "a further device");
  is_str(text(find(at(r, "mounts"), "target", "/a b\\c"), "type"), "tmpfs",
         "a mount whose name has to be escaped");
  ok(cJSON_IsFalse(at(find(at(r, "masked"), "path", "/sys/firmware"), "masked")),
     "what is not masked");
  ok(cJSON_IsFalse(at(find(at(r, "readonly"), "path", "/proc/sys"), "readonly")),
     "and what can be written");
  engine_remove(name);
}

int main(void) {
  char endpoint[256];
  struct csn_error err = {0};
  const char *named = getenv("DOCKER_HOST");
  snprintf(endpoint, sizeof endpoint, "%s",
           named && *named ? named : "unix:///var/run/docker.sock");
  if (csn_engine_new(endpoint, &engine, &err) || csn_keeper_new(&keeper, &err))
    BAIL_OUT("%s", err.message);
  struct box *box = box_open(NULL);
  CALL c = shell(box, "s", "true");
  exited(c, 0, "a sandbox");
  cJSON *told CSN_CLEANUP_JSON = inspect(engine_container(box, "s"));
  cJSON *report CSN_CLEANUP_JSON = report_of(engine_container(box, "s"), helper_of(told));
  test_engine(report, told);
  test_hardened(report);
  test_shell(box, report);
  test_network();
  test_weak(box->name, helper_of(told));
  box_close(box);
  csn_keeper_free(keeper);
  csn_engine_free(engine);
  return done_testing();
}
