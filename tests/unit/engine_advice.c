/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of an engine: nothing of a good one, and each condition in its own words. */
#include "engine/advice.h"

#include <string.h>

#include "tap.h"
#include "util/json.h"

#define GOOD                                                                             \
  "{\"SecurityOptions\": [\"name=apparmor\", \"name=seccomp,profile=builtin\"], "        \
  "\"MemoryLimit\": true, \"SwapLimit\": true, \"PidsLimit\": true, \"CpuCfsQuota\": true, " \
  "\"CgroupDriver\": \"systemd\", \"LiveRestoreEnabled\": false, \"Warnings\": null}"

/* The good engine with one thing otherwise. */
struct other {
  const char *words; /* of the one warning; NULL: none */
  const char *member, *value;
  const char *endpoint, *storage, *cgroups, *os;
  int api, tls, insecure, readable;
};

static void change(cJSON *info, const char *member, const char *value) {
  cJSON_DeleteItemFromObjectCaseSensitive(info, member);
  if (value && !cJSON_AddItemToObject(info, member, cJSON_Parse(value))) BAIL_OUT("no memory");
}

static void check(const struct other *o) {
  cJSON *json = cJSON_Parse(GOOD), *said = cJSON_CreateArray();
  if (o->member) change(json, o->member, o->value);
  const struct csn_engine_info info = {.api_minor = o->api ? o->api : 41,
                                       .os = o->os ? o->os : "linux",
                                       .storage_driver = o->storage ? o->storage : "overlay2",
                                       .cgroup_version = o->cgroups ? o->cgroups : "2",
                                       .info = json};
  char *endpoint = strdup(o->endpoint ? o->endpoint : "unix:///var/run/docker.sock");
  const struct csn_engine_found found = {
      .endpoint = endpoint, .has_tls = o->tls, .tls = {.insecure = o->insecure}};
  const struct csn_engine_subject subject = {
      .info = &info, .found = &found, .helper_readable = o->readable};
  is_int(csn_engine_advise(&subject, said), 0, "%s", o->words ? o->words : "nothing to say");
  is_int(cJSON_GetArraySize(said), o->words ? 1 : 0, "so many sentences");
  const char *first = cJSON_GetStringValue(cJSON_GetArrayItem(said, 0));
  if (o->words) ok(first && strstr(first, o->words), "says: %s", first);
  cJSON_Delete(json);
  cJSON_Delete(said);
  free(endpoint);
}

int main(void) {
  static const struct other others[] = {
      {.words = NULL},
      {.words = "no seccomp", .member = "SecurityOptions", .value = "[\"name=apparmor\"]"},
      {.words = "no seccomp", .member = "SecurityOptions"},
      {.words = "no seccomp", .member = "SecurityOptions", .value = "[1, null, {}]"},
      {.words = "limit memory", .member = "MemoryLimit", .value = "false"},
      {.words = NULL, .member = "MemoryLimit"},
      {.words = NULL, .member = "MemoryLimit", .value = "\"no\""},
      {.words = "limit swap", .member = "SwapLimit", .value = "false"},
      {.words = "limit processes", .member = "PidsLimit", .value = "false"},
      {.words = "limit CPU", .member = "CpuCfsQuota", .value = "false"},
      {.words = "no cgroup driver", .member = "CgroupDriver", .value = "\"none\""},
      {.words = "cgroup v1", .cgroups = "1"},
      {.words = "unencrypted", .endpoint = "tcp://10.1.2.3:2375"},
      {.words = NULL, .endpoint = "tcp://127.0.0.1:2375"},
      {.words = NULL, .endpoint = "tcp://10.1.2.3:2376", .tls = 1},
      {.words = "not checked", .endpoint = "tcp://10.1.2.3:2376", .tls = 1, .insecure = 1},
      {.words = "listens on a TCP port", .member = "Warnings",
       .value = "[\"x\", \"WARNING: API is accessible on http://0.0.0.0:2375 without encryption\"]"},
      {.words = NULL, .member = "Warnings", .value = "[\"WARNING: No blkio throttle\", 1]"},
      {.words = "below 1.41", .api = 40},
      {.words = "live-restore", .member = "LiveRestoreEnabled", .value = "true"},
      {.words = NULL, .member = "LiveRestoreEnabled", .value = "true", .api = 43},
      {.words = "vfs", .storage = "vfs"},
      {.words = "not Linux", .os = "windows"},
      {.words = "helper's program", .readable = 1},
  };
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) check(&others[i]);
  cJSON *said = cJSON_CreateArray(), *empty = cJSON_CreateObject();
  const struct csn_engine_info info = {
      .api_minor = 41, .os = "", .storage_driver = "", .cgroup_version = "", .info = empty};
  const struct csn_engine_subject subject = {.info = &info};
  is_int(csn_engine_advise(&subject, said), 0, "an engine that says nothing of itself");
  is_int(cJSON_GetArraySize(said), 1, "has no seccomp, as far as anybody knows");
  cJSON_Delete(said);
  cJSON_Delete(empty);
  return done_testing();
}
