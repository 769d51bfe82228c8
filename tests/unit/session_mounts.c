/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts by their texts: which are refused, in which words, and what becomes of the others. */
#include "session/policy_mounts.h"

#include <string.h>

#include "session/policy.h"
#include "tap.h"
#include "util/json.h"

/* {"workspace", "tmpfs", "mounts", "roots"} of an operator. */
static int read_mounts(const char *text, struct csn_mount_list *list, struct csn_error *err) {
  cJSON *json = cJSON_Parse(text);
  if (!json) BAIL_OUT("not JSON: %s", text);
  struct csn_sandbox_settings e = {.workspace_size = 1 << 20};
  e.workspace = csn_json_get(json, "workspace");
  e.tmpfs = csn_json_get(json, "tmpfs");
  e.mounts = csn_json_get(json, "mounts");
  e.bind_roots = csn_json_get(json, "roots");
  int rc = csn_mounts_read(&e, "inst", "part", list, err);
  if (rc == 0) csn_mounts_free(list);
  cJSON_Delete(json);
  return rc;
}

#define ROOT "\"roots\":[\"/srv\",\"/srv/deep\",\"/data\"]"
#define MOUNT(members) "{" ROOT ",\"mounts\":[{" members "}]}"
#define BIND(source, more) MOUNT("\"type\":\"bind\",\"target\":\"/m\",\"source\":\"" source "\"" more)

static const struct {
  const char *json, *words; /* NULL: taken */
} rows[] = {
    {"{}", NULL},
    {BIND("/srv/a", ""), NULL},
    {BIND("/srv/deep/a", ""), NULL},
    {BIND("/srv/{session}/{instance}", ""), NULL},
    {BIND("/srv/{oops}", ""), "sandbox.mounts[0].source: is too long, or holds a brace"},
    {BIND("srv/a", ""), "must be an absolute path"},
    {BIND("/srv//a", ""), "must be an absolute path"},
    {BIND("/srv/../etc", ""), "must be an absolute path"},
    {BIND("/proc/self", ""), "is never given to a sandbox"},
    {BIND("/opt/a", ""), "must lie under one of sandbox.bind_roots"},
    {BIND("/srvx", ""), "must lie under one of sandbox.bind_roots"},
    {MOUNT("\"type\":\"bind\",\"target\":\"/m\""), "is required where the type is \"bind\""},
    {MOUNT("\"type\":\"volume\",\"target\":\"/m\""), "is required where the type is \"volume\""},
    {MOUNT("\"type\":\"volume\",\"target\":\"/m\",\"source\":\"v-{session}\""), NULL},
    {MOUNT("\"type\":\"volume\",\"target\":\"/m\",\"source\":\"a b\""), "is no volume's name"},
    {MOUNT("\"type\":\"volume\",\"target\":\"/m\",\"source\":\"{x}\""), "holds a brace"},
    {MOUNT("\"type\":\"volume\",\"target\":\"/m\",\"source\":\"caisson-guest\""), "holds the helper"},
    {MOUNT("\"type\":\"tmpfs\",\"target\":\"/m\""), NULL},
    {MOUNT("\"type\":\"tmpfs\",\"target\":\"/m\",\"size\":\"8m\",\"read_only\":true"), NULL},
    {MOUNT("\"type\":\"unheard-of\",\"target\":\"/m\""), NULL}, /* the schema is before this */
    {MOUNT("\"type\":\"tmpfs\",\"target\":\"/m\",\"source\":\"/srv/a\""), "is for the types"},
    {MOUNT("\"type\":\"tmpfs\",\"target\":\"m\""), "sandbox.mounts[0].target"},
    {MOUNT("\"type\":\"tmpfs\",\"target\":\"/proc/x\""), "sandbox.mounts[0].target"},
    {MOUNT("\"type\":\"tmpfs\",\"target\":\"/workspace\""), "which sandbox.workspace is about"},
    {"{\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/m\"},{\"type\":\"tmpfs\",\"target\":\"/m\"}]}",
     "is the target of sandbox.mounts[0] already"},
    {"{\"tmpfs\":{\"/c\":{\"size\":\"8m\",\"exec\":true},\"/d\":{}}}", NULL},
    {"{\"tmpfs\":{\"/c\":{},\"/c/\":{}}}", "sandbox.tmpfs"},
    {"{\"workspace\":{\"type\":\"tmpfs\",\"path\":\"/srv/a\"}}", "is for the type \"bind\""},
    {"{" ROOT ",\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/a\",\"name\":\"v\"}}",
     "is for the type \"volume\""},
    {"{" ROOT ",\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/a\",\"relabel\":\"private\"}}", NULL},
    {"{" ROOT ",\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/a:b\",\"relabel\":\"shared\"}}",
     "must hold no ':'"},
    {"{" ROOT ",\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/a\",\"dirs\":{\"../x\":\"0755\"}}}",
     "sandbox.workspace.dirs"},
    {"{\"workspace\":{\"type\":\"volume\"}}", NULL},
    {"{\"workspace\":{\"type\":\"volume\",\"name\":\"the-same-for-all\"}}", "must hold the session's key"},
    {"{" ROOT ",\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/w\"},\"mounts\":[{\"type\":\"bind\","
     "\"source\":\"/srv/w/in\",\"target\":\"/m\"}]}", "lies in sandbox.workspace"},
    {"{" ROOT ",\"workspace\":{\"type\":\"bind\",\"path\":\"/srv/w/in\"},\"mounts\":[{\"type\":\"bind\","
     "\"source\":\"/srv/w\",\"target\":\"/m\",\"read_only\":false}]}", "sandbox.workspace.path"},
    {"{" ROOT ",\"mounts\":[{\"type\":\"bind\",\"source\":\"/srv/w\",\"target\":\"/m\"},{\"type\":\"bind\","
     "\"source\":\"/srv/w/in\",\"target\":\"/n\"},{\"type\":\"bind\",\"source\":\"/data\",\"target\":\"/o\","
     "\"read_only\":false},{\"type\":\"bind\",\"source\":\"/data\",\"target\":\"/p\",\"read_only\":false}]}",
     NULL},
};

int main(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct csn_mount_list list = {0};
    struct csn_error err = {0};
    int rc = read_mounts(rows[i].json, &list, &err);
    is_int(rc, rows[i].words ? CAISSON_E_CONFIG : 0, "%.120s (%s)", rows[i].json, err.message);
    if (rows[i].words) ok(strstr(err.message, rows[i].words), "in words: %s", err.message);
    ok(!list.items, "and nothing is left");
  }
  return done_testing();
}
