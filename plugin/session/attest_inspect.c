/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's inspect answer, held against the create body by a table. An answer mirrors the body
 * it comes from, but for spellings that differ between engines; those stand in the rows. */
#include <stdio.h>
#include <string.h>

#include "session/attest.h"
#include "util/ascii.h"
#include "util/json.h"

struct row;
struct inspecting {
  const struct csn_attest_wanted *w;
  const cJSON *inspect;
  struct csn_attestation *a;
  int is_podman;
};

typedef int compare_fn(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                       const cJSON *found, struct csn_finding *say);

#define CONFIG 1u       /* the member is of Config there, and at the top of the body */
#define SENT 2u         /* counts only where it is the very body that was sent */
#define MAY_BE_UNSEEN 4u /* Podman does not say; the kernel does */

struct row {
  const char *name;
  const char *member;
  compare_fn *holds;
  unsigned flags;
  const char *podman; /* how Podman spells what is wanted; NULL: alike */
};

int csn_attest_is_podman(const cJSON *inspect) {
  return strcmp(csn_json_string(csn_json_get(inspect, "HostConfig"), "Runtime", ""), "oci") == 0;
}

/* ---- comparisons ----------------------------------------------------------------------------- */

static int is_text(const cJSON *value, const char *text) {
  return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

static int holds_text(const cJSON *list, const char *text) {
  const cJSON *one;
  cJSON_ArrayForEach(one, list)
    if (is_text(one, text)) return 1;
  return 0;
}

static int is_same(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                   const cJSON *found, struct csn_finding *say) {
  (void)say;
  if (csn_attest_is_empty(wanted) && csn_attest_is_empty(found)) return 1;
  if (i->is_podman && row->podman && is_text(found, row->podman)) return 1;
  return wanted && found && cJSON_Compare(wanted, found, 1);
}

/* Of a list, each of what is wanted is there. Values are not said: they may be anybody's. */
static int has_all(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                   const cJSON *found, struct csn_finding *say) {
  const cJSON *one;
  (void)i, (void)row;
  snprintf(say->wanted, sizeof say->wanted, "%d as configured", cJSON_GetArraySize(wanted));
  snprintf(say->found, sizeof say->found, "all of them");
  cJSON_ArrayForEach(one, wanted) {
    if (!cJSON_IsString(one) || holds_text(found, one->valuestring)) continue;
    snprintf(say->found, sizeof say->found, "another %.*s", (int)strcspn(one->valuestring, "="),
             one->valuestring);
    return 0;
  }
  return 1;
}

static int has_labels(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                      const cJSON *found, struct csn_finding *say) {
  const cJSON *one = NULL;
  (void)i, (void)row;
  snprintf(say->wanted, sizeof say->wanted, "%d as configured", cJSON_GetArraySize(wanted));
  snprintf(say->found, sizeof say->found, "all of them");
  while ((one = csn_json_next_string(wanted, one))) {
    if (is_text(csn_json_get(found, one->string), one->valuestring)) continue;
    snprintf(say->found, sizeof say->found, "another %s", one->string);
    return 0;
  }
  return 1;
}

/* Engines may name a registry or a tag that was left out. */
static int is_image(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                    const cJSON *found, struct csn_finding *say) {
  if (is_same(i, row, wanted, found, say)) return 1;
  if (!i->is_podman || !cJSON_IsString(wanted) || !cJSON_IsString(found)) return 0;
  const char *at = strstr(found->valuestring, wanted->valuestring);
  if (!at || (at > found->valuestring && at[-1] != '/')) return 0;
  const char *rest = at + strlen(wanted->valuestring);
  return !*rest || strcmp(rest, ":latest") == 0;
}

/* ---- capabilities ---------------------------------------------------------------------------- */

static const char *bare(const cJSON *capability) {
  const char *name = cJSON_IsString(capability) ? capability->valuestring : "?";
  return strncmp(name, "CAP_", 4) == 0 ? name + 4 : name;
}

static int has_capability(const cJSON *list, const char *name) {
  const cJSON *one;
  cJSON_ArrayForEach(one, list)
    if (strcmp(bare(one), name) == 0) return 1;
  return 0;
}

static int adds_no_more(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                        const cJSON *found, struct csn_finding *say) {
  const cJSON *one;
  (void)i, (void)row, (void)say;
  cJSON_ArrayForEach(one, found)
    if (!has_capability(wanted, bare(one))) return 0;
  return 1;
}

/* What engines give when nobody drops it: Podman names those instead of ALL. */
static int drops_all(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                     const cJSON *found, struct csn_finding *say) {
  static const char *const usual[] = {
      "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID",  "KILL",   "MKNOD",
      "NET_RAW",     "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"};
  const cJSON *added = csn_attest_at(i->w->body, "HostConfig.CapAdd");
  (void)row, (void)wanted, (void)say;
  if (has_capability(found, "ALL")) return 1;
  if (!i->is_podman) return 0;
  for (size_t n = 0; n < sizeof usual / sizeof *usual; n++)
    if (!has_capability(found, usual[n]) && !has_capability(added, usual[n])) return 0;
  return 1;
}

/* ---- SecurityOpt ----------------------------------------------------------------------------- */

static const char *option_of(const cJSON *options, const char *name) {
  const cJSON *one;
  size_t n = strlen(name);
  cJSON_ArrayForEach(one, options)
    if (cJSON_IsString(one) && strncmp(one->valuestring, name, n) == 0 &&
        (one->valuestring[n] == '=' || one->valuestring[n] == ':'))
      return one->valuestring + n + 1;
  return NULL;
}

static int keeps_privileges(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                            const cJSON *found, struct csn_finding *say) {
  static const char name[] = "no-new-privileges";
  const char *value = option_of(found, name);
  (void)i, (void)row, (void)wanted;
  int set = holds_text(found, name) || (value && strcmp(value, "true") == 0);
  snprintf(say->wanted, sizeof say->wanted, "set");
  snprintf(say->found, sizeof say->found, set ? "set" : "not set");
  return set;
}

static int has_profile(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                       const cJSON *found, struct csn_finding *say) {
  const char *words;
  (void)row;
  int held = csn_attest_profile(option_of(wanted, "seccomp"), option_of(found, "seccomp"),
                                i->w->is_sent, i->is_podman, &words);
  snprintf(say->wanted, sizeof say->wanted, "the plugin's profile");
  snprintf(say->found, sizeof say->found, "%.60s", words);
  if (held < 0) i->a->failed = 1;
  return held > 0;
}

/* Anything else there would loosen something; but for SELinux' labels, which the engine adds. */
static int has_no_other(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                        const cJSON *found, struct csn_finding *say) {
  const cJSON *one;
  (void)i, (void)row;
  snprintf(say->wanted, sizeof say->wanted, "nothing");
  snprintf(say->found, sizeof say->found, "nothing");
  cJSON_ArrayForEach(one, found) {
    const char *text = cJSON_IsString(one) ? one->valuestring : "?";
    int is_label = strncmp(text, "label", 5) == 0 && !strstr(text, "disable");
    if (is_label || holds_text(wanted, text) || strncmp(text, "seccomp", 7) == 0 ||
        strncmp(text, "no-new-privileges", 17) == 0)
      continue;
    snprintf(say->found, sizeof say->found, "%s", text);
    return 0;
  }
  return 1;
}

/* Where the kernel has no AppArmor the engine names no profile. */
static int has_apparmor(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                        const cJSON *found, struct csn_finding *say) {
  const char *want = option_of(wanted, "apparmor");
  const char *have = csn_json_string(i->inspect, "AppArmorProfile", "");
  (void)row, (void)found;
  snprintf(say->wanted, sizeof say->wanted, "%s", want ? want : "the engine's own, if any");
  snprintf(say->found, sizeof say->found, "%s", *have ? have : "nothing");
  return want ? strcmp(want, have) == 0 : strcmp(have, "unconfined") != 0;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* A number of CPUs may be said as a quota. */
static int has_cpus(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                    const cJSON *found, struct csn_finding *say) {
  const cJSON *host = csn_json_get(i->inspect, "HostConfig");
  double quota = csn_json_number(host, "CpuQuota", 0);
  double period = csn_json_number(host, "CpuPeriod", 0);
  if (is_same(i, row, wanted, found, say) && (quota <= 0 || i->is_podman)) return 1;
  if (quota <= 0 || period <= 0 || !csn_attest_is_empty(found)) return 0;
  double cpus = quota / period * 1e9, want = wanted ? wanted->valuedouble : 0;
  return cpus > want * 0.99 && cpus < want * 1.01;
}

static const cJSON *limit_of(const cJSON *list, const char *name) {
  const cJSON *one;
  cJSON_ArrayForEach(one, list) {
    const char *text = csn_json_string(one, "Name", "");
    if (strncmp(text, "RLIMIT_", 7) == 0) text += 7;
    if (csn_ascii_equal(text, name)) return one;
  }
  return NULL;
}

/* An engine's defaults may stand beside what is wanted. */
static int has_ulimits(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                       const cJSON *found, struct csn_finding *say) {
  const cJSON *one;
  (void)i, (void)row, (void)say;
  cJSON_ArrayForEach(one, wanted) {
    const cJSON *has = limit_of(found, csn_json_string(one, "Name", ""));
    double soft = csn_json_number(one, "Soft", 0), hard = csn_json_number(one, "Hard", 0);
    if (!has || csn_json_number(has, "Soft", -1) != soft ||
        csn_json_number(has, "Hard", -1) != hard)
      return 0;
  }
  return 1;
}

/* ---- network --------------------------------------------------------------------------------- */

/* One network and no other: the one that NetworkMode names, by its id or its name. */
static int is_in_one(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                     const cJSON *found, struct csn_finding *say) {
  const cJSON *networks = csn_attest_at(i->inspect, "NetworkSettings.Networks"), *one;
  const char *mode = cJSON_IsString(wanted) ? wanted->valuestring : "?";
  int others = 0, is_none = strcmp(mode, "none") == 0, here = is_none;
  (void)row, (void)found;
  snprintf(say->found, sizeof say->found, "nothing");
  cJSON_ArrayForEach(one, networks) {
    const char *name = one->string ? one->string : "?";
    int is_it = strcmp(name, mode) == 0 ||
                (!is_none && strcmp(csn_json_string(one, "NetworkID", ""), mode) == 0);
    if (is_it) here = 1;
    if (!is_it) others++;
    if (others <= 1) snprintf(say->found, sizeof say->found, "%s", name);
  }
  return here && !others;
}

/* What it is connected to shows only once it was started. */
static int never_started(const struct inspecting *i) {
  const cJSON *status = csn_attest_at(i->inspect, "State.Status");
  return cJSON_IsString(status) && strcmp(status->valuestring, "created") == 0;
}

/* "9005" in "9000-9010"; an empty range is the engine's pick. */
static int is_in_range(const char *port, const char *range) {
  unsigned n = 0, first = 0, last = 0;
  int parts = sscanf(range, "%5u-%5u", &first, &last);
  if (!*range || strcmp(range, "0") == 0) return 1;
  if (sscanf(port, "%5u", &n) != 1 || parts < 1) return 0;
  return n >= first && n <= (parts == 2 ? last : first);
}

static int is_bound_as(const cJSON *binding, const cJSON *wanted) {
  const char *address = csn_json_string(wanted, "HostIp", "?");
  return strcmp(csn_json_string(binding, "HostIp", ""), address) == 0 &&
         is_in_range(csn_json_string(binding, "HostPort", ""),
                     csn_json_string(wanted, "HostPort", ""));
}

/* What is really published, each where it was to be. */
static int publishes(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                     const cJSON *found, struct csn_finding *say) {
  const cJSON *ports = csn_attest_at(i->inspect, "NetworkSettings.Ports"), *port, *binding;
  (void)row;
  csn_attest_say(say->found, found && found->child ? found : ports);
  cJSON_ArrayForEach(port, found)
    if (!csn_json_get(wanted, port->string)) return 0;
  cJSON_ArrayForEach(port, ports) {
    const cJSON *want = cJSON_GetArrayItem(csn_json_get(wanted, port->string), 0);
    if (want && !port->child) return 0;
    cJSON_ArrayForEach(binding, port)
      if (!want || !is_bound_as(binding, want)) return 0;
  }
  cJSON_ArrayForEach(port, wanted)
    if (!csn_json_get(ports, port->string)) return never_started(i);
  return 1;
}

/* ---- paths of /proc and /sys ----------------------------------------------------------------- */

const char *const csn_attest_masked[] = {"/proc/acpi", "/proc/kcore", "/proc/keys",
                                     "/proc/latency_stats", "/proc/timer_list",
                                     "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
                                     "/sys/firmware", NULL};
const char *const csn_attest_readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger", NULL};

static int lists(const char *const *paths, const cJSON *found, struct csn_finding *say) {
  snprintf(say->wanted, sizeof say->wanted, "what engines list by default");
  snprintf(say->found, sizeof say->found, "all of it");
  if (csn_attest_is_empty(found)) snprintf(say->found, sizeof say->found, "nothing");
  for (; *paths; paths++) {
    if (holds_text(found, *paths)) continue;
    if (csn_attest_is_empty(found)) return 0;
    snprintf(say->found, sizeof say->found, "not %s", *paths);
    return 0;
  }
  return 1;
}

static int masks(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                 const cJSON *found, struct csn_finding *say) {
  (void)i, (void)row, (void)wanted;
  return lists(csn_attest_masked, found, say);
}

static int protects(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                    const cJSON *found, struct csn_finding *say) {
  (void)i, (void)row, (void)wanted;
  return lists(csn_attest_readonly, found, say);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Another version's helper has another name. */
static int is_helper(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                     const cJSON *found, struct csn_finding *say) {
  return is_same(i, row, wanted, found, say) &&
         is_text(cJSON_GetArrayItem(wanted, 0), csn_json_string(i->inspect, "Path", "?"));
}

static int is_runtime(const struct inspecting *i, const struct row *row, const cJSON *wanted,
                      const cJSON *found, struct csn_finding *say) {
  if (wanted) return is_same(i, row, wanted, found, say);
  snprintf(say->wanted, sizeof say->wanted, "the engine's default");
  return 1; /* which that is, attest.c asks where it matters */
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct row rows[] = {
    {"user", "User", is_same, CONFIG, NULL},
    {"entrypoint", "Entrypoint", is_helper, CONFIG, NULL},
    {"command", "Cmd", is_same, CONFIG | SENT, NULL},
    {"image", "Image", is_image, CONFIG, NULL},
    {"hostname", "Hostname", is_same, CONFIG, NULL},
    {"working_directory", "WorkingDir", is_same, CONFIG, NULL},
    {"environment", "Env", has_all, CONFIG | SENT, NULL},
    {"labels", "Labels", has_labels, CONFIG | SENT, NULL},
    {"tty", "Tty", is_same, CONFIG, NULL},
    {"health_check", "Healthcheck.Test", is_same, CONFIG, NULL},
    {"groups", "HostConfig.GroupAdd", is_same, 0, NULL},
    {"privileged", "HostConfig.Privileged", is_same, 0, NULL},
    {"cap_add", "HostConfig.CapAdd", adds_no_more, 0, NULL},
    {"cap_drop", "HostConfig.CapDrop", drops_all, 0, NULL},
    {"no_new_privileges", "HostConfig.SecurityOpt", keeps_privileges, 0, NULL},
    {"seccomp", "HostConfig.SecurityOpt", has_profile, 0, NULL},
    {"apparmor", "HostConfig.SecurityOpt", has_apparmor, 0, NULL},
    {"security_options", "HostConfig.SecurityOpt", has_no_other, 0, NULL},
    {"masked_paths", "HostConfig.MaskedPaths", masks, MAY_BE_UNSEEN, NULL},
    {"readonly_paths", "HostConfig.ReadonlyPaths", protects, MAY_BE_UNSEEN, NULL},
    {"read_only_root", "HostConfig.ReadonlyRootfs", is_same, 0, NULL},
    {"network", "HostConfig.NetworkMode", is_same, 0, NULL},
    {"networks", "HostConfig.NetworkMode", is_in_one, 0, NULL},
    {"ports", "HostConfig.PortBindings", publishes, 0, NULL},
    {"publish_all_ports", "HostConfig.PublishAllPorts", is_same, 0, NULL},
    {"dns", "HostConfig.Dns", is_same, 0, NULL},
    {"extra_hosts", "HostConfig.ExtraHosts", is_same, 0, NULL},
    {"links", "HostConfig.Links", is_same, 0, NULL},
    {"pid_namespace", "HostConfig.PidMode", is_same, 0, "private"},
    {"ipc_namespace", "HostConfig.IpcMode", is_same, 0, "shareable"},
    {"uts_namespace", "HostConfig.UTSMode", is_same, 0, "private"},
    {"cgroup_namespace", "HostConfig.CgroupnsMode", is_same, MAY_BE_UNSEEN, "private"},
    {"user_namespace", "HostConfig.UsernsMode", is_same, 0, "private"},
    {"cgroup_parent", "HostConfig.CgroupParent", is_same, 0, NULL},
    {"devices", "HostConfig.Devices", is_same, 0, NULL},
    {"device_cgroup_rules", "HostConfig.DeviceCgroupRules", is_same, 0, NULL},
    {"device_requests", "HostConfig.DeviceRequests", is_same, 0, NULL},
    {"memory", "HostConfig.Memory", is_same, 0, NULL},
    {"swap", "HostConfig.MemorySwap", is_same, 0, NULL},
    {"cpus", "HostConfig.NanoCpus", has_cpus, 0, NULL},
    {"pids", "HostConfig.PidsLimit", is_same, 0, NULL},
    {"shm_size", "HostConfig.ShmSize", is_same, 0, NULL},
    {"ulimits", "HostConfig.Ulimits", has_ulimits, 0, NULL},
    {"oom_score_adj", "HostConfig.OomScoreAdj", is_same, 0, NULL},
    {"oom_kill_disable", "HostConfig.OomKillDisable", is_same, 0, NULL},
    {"sysctls", "HostConfig.Sysctls", is_same, 0, NULL},
    {"volumes_from", "HostConfig.VolumesFrom", is_same, 0, NULL},
    {"auto_remove", "HostConfig.AutoRemove", is_same, 0, NULL},
    {"restart_policy", "HostConfig.RestartPolicy.Name", is_same, 0, ""},
    {"log_driver", "HostConfig.LogConfig.Type", is_same, 0, NULL},
    {"init", "HostConfig.Init", is_same, 0, NULL},
    {"runtime", "HostConfig.Runtime", is_runtime, 0, NULL},
};

/* What an engine that cannot limit says instead is no limit at all. */
static unsigned unseen_of(const struct inspecting *i, const struct row *row, const cJSON *found) {
  static const struct { const char *name; unsigned unseen; } limits[] = {
      {"memory", CSN_UNSEEN_MEMORY}, {"swap", CSN_UNSEEN_SWAP | CSN_UNSEEN_MEMORY},
      {"pids", CSN_UNSEEN_PIDS}, {"cpus", CSN_UNSEEN_CPU}};
  if (row->flags & MAY_BE_UNSEEN)
    return i->is_podman && csn_attest_is_empty(found) ? CSN_UNSEEN_DIALECT : 0;
  int is_none = csn_attest_is_empty(found) || (cJSON_IsNumber(found) && found->valuedouble == -1);
  for (size_t n = 0; is_none && n < sizeof limits / sizeof *limits; n++)
    if (strcmp(limits[n].name, row->name) == 0) return limits[n].unseen;
  return 0;
}

static void hold(const struct inspecting *i, const struct row *row) {
  char path[64];
  struct csn_finding say;
  if (row->flags & SENT && !i->w->is_sent) return;
  snprintf(path, sizeof path, "%s%s", row->flags & CONFIG ? "Config." : "", row->member);
  const cJSON *wanted = csn_attest_at(i->w->body, row->member);
  const cJSON *found = csn_attest_at(i->inspect, path);
  csn_attest_say(say.wanted, wanted);
  csn_attest_say(say.found, found);
  int held = row->holds(i, row, wanted, found, &say);
  csn_attest_add(i->a, row->name, held, unseen_of(i, row, found), say.wanted, say.found);
}

void csn_attest_inspect(const struct csn_attest_wanted *w, const cJSON *inspect,
                        struct csn_attestation *a) {
  const struct inspecting i = {w, inspect, a, csn_attest_is_podman(inspect)};
  a->source = CSN_BY_ENGINE;
  for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) hold(&i, &rows[n]);
  csn_attest_engine_mounts(w, inspect, a);
  csn_attest_excuse(a, CSN_UNSEEN_DIALECT);
}
