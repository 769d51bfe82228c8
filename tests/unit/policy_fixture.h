/* SPDX-License-Identifier: Apache-2.0 */
/* Settings to make sandboxes of, and looking into what is made of them. */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "session/names.h"
#include "session/policy.h"
#include "session/policy_mounts.h"
#include "tap.h"
#include "util/alloc.h"

TAP_UNUSED static const struct csn_sandbox_settings defaults = {
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

TAP_UNUSED static const struct csn_policy_facts facts = {
    .instance = "inst",
    .key = "the key",
    .version = "9.8.7",
    .created = "2001-02-03T04:05:06Z",
    .guest_path = "/.caisson/guest-0123456789abcdef",
    .uid = 30123,
    .gid = 30124,
};

TAP_UNUSED static cJSON *json(const char *text) {
  cJSON *value = cJSON_Parse(text);
  if (!value) BAIL_OUT("not JSON: %s", text);
  return value;
}

/* A member by its path: names with '>' between them, an index as a number. */
TAP_UNUSED static const cJSON *at(const cJSON *value, const char *path) {
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

TAP_UNUSED static void is_json(const cJSON *got, const char *want, const char *what) {
  char *text = got ? cJSON_PrintUnformatted(got) : NULL;
  is_str(text, want, "%s", what);
  cJSON_free(text);
}

/* With what the settings mount, as it is when nothing has to be looked up on a machine. */
TAP_UNUSED static int make_body(const struct csn_sandbox_settings *s, const cJSON *shape,
                     const struct csn_policy_facts *f, cJSON **body, struct csn_error *err) {
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  const struct csn_sandbox_settings e = csn_policy_effective(s, shape);
  struct csn_policy_facts all = *f;
  all.mounts = &mounts;
  int rc = csn_mounts_read(&e, "inst", "part", &mounts, err);
  return rc ? rc : csn_policy_body(s, shape, &all, body, err);
}

TAP_UNUSED static cJSON *body_of(const struct csn_sandbox_settings *s, const char *options,
                      const struct csn_policy_facts *f) {
  struct csn_error err = {0};
  cJSON *given = options ? json(options) : NULL, *shape = csn_policy_shape(given), *body = NULL;
  if (make_body(s, shape, f, &body, &err) != 0) BAIL_OUT("%s", err.message);
  cJSON_Delete(given);
  cJSON_Delete(shape);
  return body;
}

#endif
