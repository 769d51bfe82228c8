/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox as attestation meets it: its create body, an engine's answer that mirrors it, and a
 * report from inside, each as a default sandbox on Docker has them. */
#ifndef TEST_ATTEST_FIXTURE_H
#define TEST_ATTEST_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "session/attest.h"
#include "session/policy.h"
#include "session/policy_mounts.h"
#include "tap.h"

#define GUEST "/.caisson/guest-0123456789abcdef"

static const char report_text[] =
    "{\"v\":1,\"cut\":false,\"init\":{\"pid1\":true,\"status\":{\"uid\":[30123,30123,30123,30123],"
    "\"gid\":[30124,30124,30124,30124],\"groups\":[30124],"
    "\"cap_inheritable\":\"0000000000000000\",\"cap_permitted\":\"0000000000000000\","
    "\"cap_effective\":\"0000000000000000\",\"cap_bounding\":\"0000000000000000\","
    "\"cap_ambient\":\"0000000000000000\",\"no_new_privs\":1,\"seccomp\":2,\"seccomp_filters\":1}},"
    "\"status\":{\"uid\":[30123,30123,30123,30123],\"gid\":[30124,30124,30124,30124],"
    "\"groups\":[30124],\"cap_inheritable\":\"0000000000000000\","
    "\"cap_permitted\":\"0000000000000000\",\"cap_effective\":\"0000000000000000\","
    "\"cap_bounding\":\"0000000000000000\",\"cap_ambient\":\"0000000000000000\","
    "\"no_new_privs\":1,\"seccomp\":2,\"seccomp_filters\":1},"
    "\"given\":{\"no_new_privs\":1,\"cap_inheritable\":\"0000000000000000\","
    "\"cap_permitted\":\"0000000000000000\",\"cap_effective\":\"0000000000000000\","
    "\"core\":[0,0]},\"oom_score_adj\":500,\"init_oom_score_adj\":500,\"tty\":false,"
    "\"hostname\":\"sandbox\",\"rlimits\":{\"nofile\":[4096,4096],\"core\":[0,0]},"
    "\"namespaces\":{\"pid\":4026532264,\"ipc\":4026532263,\"uts\":4026532262,"
    "\"cgroup\":4026532334,\"net\":4026532265,\"mnt\":4026532261,\"user\":4026531837,"
    "\"time\":4026531834},"
    "\"cgroup\":{\"version\":1,\"memory_max\":1073741824,\"memory_swap_max\":1073741824,"
    "\"pids_max\":256,\"cpu_quota_us\":100000,\"cpu_period_us\":100000},"
    "\"masked\":[{\"path\":\"/proc/acpi\",\"masked\":true},{\"path\":\"/proc/kcore\",\"masked\":true},"
    "{\"path\":\"/proc/keys\",\"masked\":true},{\"path\":\"/proc/latency_stats\",\"masked\":null},"
    "{\"path\":\"/proc/timer_list\",\"masked\":true},{\"path\":\"/proc/timer_stats\",\"masked\":null},"
    "{\"path\":\"/proc/sched_debug\",\"masked\":null},{\"path\":\"/proc/scsi\",\"masked\":null},"
    "{\"path\":\"/proc/interrupts\",\"masked\":false},{\"path\":\"/sys/firmware\",\"masked\":true}],"
    "\"readonly\":[{\"path\":\"/proc/bus\",\"readonly\":true},{\"path\":\"/proc/fs\",\"readonly\":true},"
    "{\"path\":\"/proc/irq\",\"readonly\":true},{\"path\":\"/proc/sys\",\"readonly\":true},"
    "{\"path\":\"/proc/sysrq-trigger\",\"readonly\":null}],"
    "\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3},"
    "{\"path\":\"/dev/tty\",\"type\":\"c\",\"major\":5,\"minor\":0}],"
    "\"interfaces\":[{\"name\":\"lo\",\"up\":true,\"addresses\":[\"127.0.0.1/8\"]},"
    "{\"name\":\"tunl0\",\"up\":false,\"addresses\":[]}],\"routes\":[],\"rules\":[],"
    "\"mounts\":["
    "{\"target\":\"/\",\"root\":\"/\",\"type\":\"overlay\",\"options\":\"ro,relatime\",\"super\":\"rw\"},"
    "{\"target\":\"/proc\",\"root\":\"/\",\"type\":\"proc\",\"options\":\"rw,nosuid,nodev,noexec\",\"super\":\"rw\"},"
    "{\"target\":\"/dev\",\"root\":\"/\",\"type\":\"tmpfs\",\"options\":\"rw,nosuid\",\"super\":\"rw\"},"
    "{\"target\":\"/dev/shm\",\"root\":\"/\",\"type\":\"tmpfs\",\"options\":\"rw,nosuid,nodev,noexec\","
    "\"super\":\"rw,size=16384k\"},"
    "{\"target\":\"/sys\",\"root\":\"/\",\"type\":\"sysfs\",\"options\":\"ro,nosuid,nodev,noexec\",\"super\":\"ro\"},"
    "{\"target\":\"/sys/fs/cgroup\",\"root\":\"/\",\"type\":\"cgroup2\",\"options\":\"ro,nosuid,nodev,noexec\",\"super\":\"rw\"},"
    "{\"target\":\"/.caisson\",\"root\":\"/v/caisson-guest/_data\",\"type\":\"ext4\",\"options\":\"ro,relatime\",\"super\":\"rw\"},"
    "{\"target\":\"/workspace\",\"root\":\"/\",\"type\":\"tmpfs\",\"options\":\"rw,nosuid,nodev\","
    "\"super\":\"rw,size=524288k,mode=755\"},"
    "{\"target\":\"/tmp\",\"root\":\"/\",\"type\":\"tmpfs\",\"options\":\"rw,nosuid,nodev\",\"super\":\"rw,size=131072k\"},"
    "{\"target\":\"/etc/hosts\",\"root\":\"/c/1/hosts\",\"type\":\"ext4\",\"options\":\"ro,relatime\",\"super\":\"rw\"},"
    "{\"target\":\"/proc/keys\",\"root\":\"/null\",\"type\":\"tmpfs\",\"options\":\"rw,nosuid\",\"super\":\"rw\"}]}";

static cJSON *json_of(const char *text) {
  cJSON *value = cJSON_Parse(text);
  if (!value) BAIL_OUT("not JSON: %s", text);
  return value;
}

/* Puts a value (JSON text; NULL: takes it away) at "a.b.0.c"; "-" as an index is the end. */
static void put(cJSON *tree, const char *path, const char *value) {
  char part[64];
  for (;;) {
    size_t n = strcspn(path, ".");
    snprintf(part, sizeof part, "%.*s", (int)n, path);
    if (!path[n]) break;
    tree = cJSON_IsArray(tree) ? cJSON_GetArrayItem(tree, atoi(part))
                               : cJSON_GetObjectItemCaseSensitive(tree, part);
    if (!tree) BAIL_OUT("nothing at %s", part);
    path += n + 1;
  }
  if (cJSON_IsArray(tree)) {
    if (*part == '-')
      cJSON_AddItemToArray(tree, json_of(value));
    else if (value)
      cJSON_ReplaceItemInArray(tree, atoi(part), json_of(value));
    else
      cJSON_DeleteItemFromArray(tree, atoi(part));
    return;
  }
  cJSON_DeleteItemFromObjectCaseSensitive(tree, part);
  if (value) cJSON_AddItemToObject(tree, part, json_of(value));
}

static const struct csn_sandbox_settings usual = {
    .image = (char[]){"python:3.12-slim"}, .user = (char[]){"auto"},
    .uid_first = 30000,                    .uid_last = 59999,
    .hostname = (char[]){"sandbox"},       .workdir = (char[]){"/workspace"},
    .memory = 1 << 30,                     .cpus = 1,
    .pids = 256,                           .nofile = 4096,
    .workspace_size = 512 << 20,           .tmp_size = 128 << 20,
    .shm_size = 16 << 20,                  .idle_ttl_ms = 900000,
    .max_lifetime_ms = 86400000,
};

static cJSON *make_body(const char *options, const struct csn_policy_facts *facts) {
  struct csn_error err = {0};
  cJSON *given = json_of(options), *shape = csn_policy_shape(given), *body = NULL;
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  struct csn_sandbox_settings s = usual;
  cJSON *roots = json_of("[\"/srv\"]");
  s.bind_roots = roots;
  const struct csn_sandbox_settings e = csn_policy_effective(&s, shape);
  struct csn_policy_facts all = *facts;
  all.mounts = &mounts;
  int rc = csn_mounts_read(&e, "inst", "part", &mounts, &err);
  if (rc == 0) rc = csn_policy_body(&s, shape, &all, &body, &err);
  if (rc) BAIL_OUT("%s", err.message);
  cJSON_Delete(given);
  cJSON_Delete(shape);
  cJSON_Delete(roots);
  return body;
}

static const struct csn_policy_facts usual_facts = {
    .instance = "inst", .key = "the key", .version = "9.8.7", .created = "2001-02-03T04:05:06Z",
    .guest_path = GUEST, .uid = 30123, .gid = 30124};

/* What Docker answers about a container of that body. */
static cJSON *make_inspect(const cJSON *body) {
  cJSON *inspect = cJSON_CreateObject(), *config = cJSON_Duplicate(body, 1);
  cJSON *host = cJSON_DetachItemFromObjectCaseSensitive(config, "HostConfig");
  const char *mode = cJSON_GetStringValue(csn_attest_at(host, "NetworkMode"));
  const cJSON *mount;
  cJSON_AddStringToObject(inspect, "Path", GUEST);
  cJSON_AddStringToObject(inspect, "AppArmorProfile", "docker-default");
  cJSON_AddItemToObject(inspect, "Config", config);
  cJSON_AddItemToObject(inspect, "HostConfig", host);
  cJSON_AddStringToObject(host, "Runtime", "runc");
  cJSON_AddItemToObject(host, "MaskedPaths", json_of(
      "[\"/proc/asound\",\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\","
      "\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\","
      "\"/sys/firmware\"]"));
  cJSON_AddItemToObject(host, "ReadonlyPaths", json_of(
      "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]"));
  cJSON *mounts = cJSON_AddArrayToObject(inspect, "Mounts");
  cJSON_ArrayForEach(mount, csn_attest_at(host, "Mounts")) {
    cJSON *one = cJSON_CreateObject();
    const char *type = cJSON_GetStringValue(csn_attest_at(mount, "Type"));
    cJSON_AddStringToObject(one, "Type", type);
    cJSON_AddStringToObject(one, strcmp(type, "volume") ? "Source" : "Name",
                            cJSON_GetStringValue(csn_attest_at(mount, "Source")));
    cJSON_AddStringToObject(one, "Destination",
                            cJSON_GetStringValue(csn_attest_at(mount, "Target")));
    cJSON_AddBoolToObject(one, "RW", !cJSON_IsTrue(csn_attest_at(mount, "ReadOnly")));
    cJSON_AddItemToArray(mounts, one);
  }
  cJSON *settings = cJSON_AddObjectToObject(inspect, "NetworkSettings");
  cJSON *networks = cJSON_AddObjectToObject(settings, "Networks");
  int is_none = strcmp(mode, "none") == 0;
  cJSON *network = cJSON_AddObjectToObject(networks, is_none ? "none" : "sandboxes");
  cJSON_AddStringToObject(network, "NetworkID", is_none ? "0123" : mode);
  cJSON_AddObjectToObject(settings, "Ports");
  return inspect;
}

#endif
