/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/advice.h"

#include "engine/advisories.h"
#include "transport/endpoint.h"
#include "util/json.h"

#define DAY 86400
#define CERTIFICATE_DAYS 14
#define API_OLD 41        /* below Docker 20.10 */
#define API_LIVE_RESTORE 42 /* before it, live-restore ended containers that remove themselves */

typedef const struct csn_engine_subject subject;

/* ---- conditions: whether it holds ------------------------------------------------------------ */

static int is_false(subject *s, const char *member) {
  return cJSON_IsFalse(csn_json_get(s->info->info, member));
}

static int is_text(subject *s, const char *member, const char *text) {
  return strcmp(csn_json_string(s->info->info, member, ""), text) == 0;
}

static int no_seccomp(subject *s) {
  const cJSON *options = csn_json_get(s->info->info, "SecurityOptions"), *option;
  cJSON_ArrayForEach(option, options) {
    if (cJSON_IsString(option) && strstr(option->valuestring, "name=seccomp")) return 0;
  }
  return 1;
}

static int no_memory_limit(subject *s) {
  return is_false(s, "MemoryLimit");
}

static int no_swap_limit(subject *s) {
  return !no_memory_limit(s) && is_false(s, "SwapLimit");
}

static int no_pids_limit(subject *s) {
  return is_false(s, "PidsLimit");
}

static int no_cpu_limit(subject *s) {
  return is_false(s, "CpuCfsQuota");
}

static int no_cgroups(subject *s) {
  return is_text(s, "CgroupDriver", "none");
}

static int cgroup_v1(subject *s) {
  return strcmp(s->info->cgroup_version, "1") == 0;
}

static int copies_layers(subject *s) {
  return strcmp(s->info->storage_driver, "vfs") == 0;
}

static int not_linux(subject *s) {
  return *s->info->os && strcmp(s->info->os, "linux") != 0;
}

static int very_old(subject *s) {
  return s->info->api_minor < API_OLD;
}

static int live_restore(subject *s) {
  return csn_json_bool(s->info->info, "LiveRestoreEnabled", 0) &&
         s->info->api_minor < API_LIVE_RESTORE;
}

static int helper_readable(subject *s) {
  return s->helper_readable;
}

static int no_verification(subject *s) {
  return s->found && s->found->has_tls && s->found->tls.insecure;
}

static int plain_tcp(subject *s) {
  struct csn_endpoint endpoint;
  struct csn_error ignored;
  if (!s->found || s->found->has_tls) return 0;
  if (csn_endpoint_parse(s->found->endpoint, NULL, &endpoint, &ignored)) return 0;
  int exposed = csn_endpoint_is_exposed(&endpoint);
  csn_endpoint_free(&endpoint);
  return exposed;
}

/* dockerd itself says so, in words that changed between versions. */
static int open_to_all(subject *s) {
  const cJSON *warnings = csn_json_get(s->info->info, "Warnings"), *warning;
  cJSON_ArrayForEach(warning, warnings) {
    if (cJSON_IsString(warning) && strstr(warning->valuestring, "API is accessible on http"))
      return 1;
  }
  return 0;
}

static int certificate_ends(subject *s) {
  int64_t end = s->found && s->found->has_tls ? csn_tls_end(&s->found->tls) : 0;
  return end && end < s->now + CERTIFICATE_DAYS * DAY;
}

/* ---- what is said of it ---------------------------------------------------------------------- */

static const struct {
  int (*holds)(subject *s);
  const char *words;
} table[] = {
    {not_linux, "its containers are not Linux containers, and no sandbox can start in them"},
    {no_seccomp, "it has no seccomp: sandboxes can make any system call that the kernel lets them; "
                 "use a kernel and a runtime with seccomp"},
    {no_cgroups, "it has no cgroup driver: none of a sandbox's limits is applied; let a rootless "
                 "engine have its cgroups (systemd, cgroup v2, Delegate=yes)"},
    {no_memory_limit, "it cannot limit memory: one sandbox can take all of the machine's; enable the "
                      "memory cgroup (cgroup_enable=memory)"},
    {no_swap_limit, "it cannot limit swap: a sandbox can use more than its memory by swapping; "
                    "enable swap accounting (swapaccount=1) or turn swap off"},
    {no_pids_limit, "it cannot limit processes: a fork bomb in one sandbox stops the machine; enable "
                    "the pids cgroup"},
    {no_cpu_limit, "it cannot limit CPU time: one busy sandbox slows all others; enable CFS "
                   "bandwidth control in the kernel"},
    {cgroup_v1, "it uses cgroup v1, which new kernels and engines give up; boot with the unified "
                "hierarchy (systemd.unified_cgroup_hierarchy=1)"},
    {plain_tcp, "requests go to another machine unencrypted, and whoever reaches that port is root "
                "there; use TLS (engine.tls) or ssh://"},
    {open_to_all, "it listens on a TCP port without TLS client certificates: whoever reaches that "
                  "port is root on its machine; close it, or set dockerd's --tlsverify"},
    {no_verification, "its certificate is not checked (verify is false): another machine could pose "
                      "as it; give its CA instead"},
    {certificate_ends, "our client certificate ends within 14 days, or has ended; renew it"},
    {very_old, "it speaks a version of the API below 1.41 and gets no fixes any more; upgrade it"},
    {live_restore, "live-restore is on, and this version ends sandboxes all the same when it is "
                   "restarted; upgrade it to Docker 23 or later"},
    {copies_layers, "its storage driver vfs copies the whole image for each sandbox, which costs "
                    "time and disk; use overlay2"},
    {helper_readable, "its runtime executes no file that cannot be read, so commands in a sandbox "
                      "can read (not change) the helper's program"},
};

int csn_engine_advise(const struct csn_engine_subject *s, cJSON *array) {
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (table[i].holds(s) && csn_json_append_string(array, table[i].words))
      return CAISSON_E_NOMEM;
  return csn_advisories_find(s->info->version_json, array);
}
