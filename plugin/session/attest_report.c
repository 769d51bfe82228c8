/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper reports from inside, as the kernel has it, held against the create body by a
 * table. The report is foreign: what is missing or of another type differs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/attest.h"
#include "session/policy.h"
#include "util/cidr.h"
#include "util/json.h"

struct reading {
  const struct csn_attest_wanted *w;
  const cJSON *host;   /* HostConfig of the body */
  const cJSON *report;
  struct csn_attestation *a;
  int is_podman;
};

struct row;
typedef int compare_fn(const struct reading *r, const struct row *row, const cJSON *found,
                       struct csn_finding *say);

struct row {
  const char *name;
  const char *member; /* of the report */
  compare_fn *holds;
  const char *of; /* what of the body's HostConfig, or what else the comparison goes by */
  unsigned unseen; /* where there is nothing to be read */
};

static int is_number(const cJSON *value, double number) {
  return cJSON_IsNumber(value) && value->valuedouble == number;
}

/* ---- who it is ------------------------------------------------------------------------------- */

static void read_user(const struct reading *r, unsigned long *uid, unsigned long *gid) {
  const char *user = csn_json_string(r->w->body, "User", "");
  char *end;
  *uid = strtoul(user, &end, 10);
  *gid = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
}

/* Real, effective, saved and that of files. */
static int all_are(const cJSON *ids, unsigned long id) {
  const cJSON *one;
  if (!cJSON_IsArray(ids) || cJSON_GetArraySize(ids) != 4) return 0;
  cJSON_ArrayForEach(one, ids)
    if (!is_number(one, (double)id)) return 0;
  return 1;
}

static int is_user(const struct reading *r, const struct row *row, const cJSON *found,
                   struct csn_finding *say) {
  unsigned long uid, gid;
  read_user(r, &uid, &gid);
  unsigned long id = strcmp(row->of, "uid") == 0 ? uid : gid;
  snprintf(say->wanted, sizeof say->wanted, "[%lu,%lu,%lu,%lu]", id, id, id, id);
  return id != 0 && all_are(found, id);
}

static int is_in_no_other_group(const struct reading *r, const struct row *row, const cJSON *found,
                                struct csn_finding *say) {
  unsigned long uid, gid;
  const cJSON *one;
  (void)row;
  read_user(r, &uid, &gid);
  snprintf(say->wanted, sizeof say->wanted, "no other than %lu", gid);
  if (!cJSON_IsArray(found)) return 0;
  cJSON_ArrayForEach(one, found)
    if (!is_number(one, (double)gid)) return 0;
  return 1;
}

/* ---- what it may ----------------------------------------------------------------------------- */

/* By their numbers (linux/capability.h). */
static const char *const capabilities[] = {
    "CHOWN",         "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER",     "FSETID",
    "KILL",          "SETGID",       "SETUID",          "SETPCAP",    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN",   "NET_RAW",    "IPC_LOCK",
    "IPC_OWNER",     "SYS_MODULE",   "SYS_RAWIO",       "SYS_CHROOT", "SYS_PTRACE",
    "SYS_PACCT",     "SYS_ADMIN",    "SYS_BOOT",        "SYS_NICE",   "SYS_RESOURCE",
    "SYS_TIME",      "SYS_TTY_CONFIG", "MKNOD",         "LEASE",      "AUDIT_WRITE",
    "AUDIT_CONTROL", "SETFCAP",      "MAC_OVERRIDE",    "MAC_ADMIN",  "SYSLOG",
    "WAKE_ALARM",    "BLOCK_SUSPEND", "AUDIT_READ",     "PERFMON",    "BPF",
    "CHECKPOINT_RESTORE"};

static uint64_t added(const struct reading *r) {
  const cJSON *one;
  uint64_t mask = 0;
  cJSON_ArrayForEach(one, csn_json_get(r->host, "CapAdd")) {
    const char *name = cJSON_IsString(one) ? one->valuestring : "";
    if (strncmp(name, "CAP_", 4) == 0) name += 4;
    for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
      if (strcmp(capabilities[i], name) == 0) mask |= UINT64_C(1) << i;
  }
  return mask;
}

/* 16 hexadecimal digits. */
static int read_mask(const cJSON *value, uint64_t *mask) {
  const char *text = cJSON_IsString(value) ? value->valuestring : "";
  size_t n = strlen(text);
  if (n < 1 || n > 16 || strspn(text, "0123456789abcdefABCDEF") != n) return -1;
  *mask = strtoull(text, NULL, 16);
  return 0;
}

/* What cap_add adds is in the bounding set, and goes no further. */
static int may_no_more(const struct reading *r, const struct row *row, const cJSON *found,
                       struct csn_finding *say) {
  uint64_t mask, allowed = strcmp(row->of, "CapAdd") == 0 ? added(r) : 0;
  snprintf(say->wanted, sizeof say->wanted, "%s%016" PRIx64, allowed ? "at most " : "", allowed);
  return read_mask(found, &mask) == 0 && (mask & ~allowed) == 0;
}

static int is_exactly(const struct reading *r, const struct row *row, const cJSON *found,
                      struct csn_finding *say) {
  (void)r;
  snprintf(say->wanted, sizeof say->wanted, "%s", row->of);
  return is_number(found, strtod(row->of, NULL));
}

static int is_false(const struct reading *r, const struct row *row, const cJSON *found,
                    struct csn_finding *say) {
  (void)r, (void)row;
  snprintf(say->wanted, sizeof say->wanted, "false");
  return cJSON_IsFalse(found);
}

static int is_true(const struct reading *r, const struct row *row, const cJSON *found,
                   struct csn_finding *say) {
  (void)r, (void)row;
  snprintf(say->wanted, sizeof say->wanted, "true");
  return cJSON_IsTrue(found);
}

static int is_hostname(const struct reading *r, const struct row *row, const cJSON *found,
                       struct csn_finding *say) {
  const char *name = csn_json_string(r->w->body, row->of, "");
  snprintf(say->wanted, sizeof say->wanted, "%s", name);
  return cJSON_IsString(found) && strcmp(found->valuestring, name) == 0;
}

/* ---- limits ---------------------------------------------------------------------------------- */

#define MEMORY_PAGE 65536.0

static int is_limit(const struct reading *r, const struct row *row, const cJSON *found,
                    struct csn_finding *say) {
  double wanted = csn_json_number(r->host, row->of, 0);
  snprintf(say->wanted, sizeof say->wanted, "%.0f", wanted);
  if (!cJSON_IsNumber(found)) return 0;
  /* The kernel counts memory by whole pages, downwards. */
  double page = strcmp(row->of, "PidsLimit") == 0 ? 1 : MEMORY_PAGE;
  return found->valuedouble <= wanted && wanted - found->valuedouble < page && wanted > 0;
}

static int is_quota(const struct reading *r, const struct row *row, const cJSON *found,
                    struct csn_finding *say) {
  double quota = csn_json_number(found, "cpu_quota_us", -1);
  double period = csn_json_number(found, "cpu_period_us", -1);
  double wanted = csn_json_number(r->host, row->of, 0) / 1e9;
  snprintf(say->wanted, sizeof say->wanted, "%.3f", wanted);
  snprintf(say->found, sizeof say->found, "%.0f of %.0f us", quota, period);
  if (quota <= 0 || period <= 0) return 0;
  return quota / period < wanted * 1.02 && quota / period > wanted * 0.98;
}

static int is_rlimit(const struct reading *r, const struct row *row, const cJSON *found,
                     struct csn_finding *say) {
  const cJSON *one;
  cJSON_ArrayForEach(one, csn_json_get(r->host, "Ulimits")) {
    if (strcmp(csn_json_string(one, "Name", ""), row->of) != 0) continue;
    double soft = csn_json_number(one, "Soft", 0), hard = csn_json_number(one, "Hard", 0);
    snprintf(say->wanted, sizeof say->wanted, "[%.0f,%.0f]", soft, hard);
    return cJSON_IsArray(found) && cJSON_GetArraySize(found) == 2 &&
           is_number(cJSON_GetArrayItem(found, 0), soft) &&
           is_number(cJSON_GetArrayItem(found, 1), hard);
  }
  return 1;
}

static int is_oom_score(const struct reading *r, const struct row *row, const cJSON *found,
                        struct csn_finding *say) {
  double wanted = csn_json_number(r->host, row->of, 0);
  snprintf(say->wanted, sizeof say->wanted, "at least %.0f", wanted);
  return cJSON_IsNumber(found) && found->valuedouble >= wanted;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

/* Those of the kernel's own start have fixed numbers (include/linux/proc_ns.h). */
static const struct { const char *name; double inode; } first[] = {
    {"ipc", 4026531839.0}, {"uts", 4026531838.0}, {"pid", 4026531836.0}, {"cgroup", 4026531835.0}};

static int is_own_namespace(const struct reading *r, const struct row *row, const cJSON *found,
                            struct csn_finding *say) {
  (void)r;
  snprintf(say->wanted, sizeof say->wanted, "one of its own");
  if (!cJSON_IsNumber(found) || found->valuedouble <= 0) return 0;
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    if (strcmp(first[i].name, row->of) == 0 && found->valuedouble == first[i].inode) {
      snprintf(say->found, sizeof say->found, "the host's");
      return 0;
    }
  return 1;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static const cJSON *entry_of(const cJSON *list, const char *path) {
  const cJSON *one;
  cJSON_ArrayForEach(one, list)
    if (strcmp(csn_json_string(one, "path", ""), path) == 0) return one;
  return NULL;
}

/* [{"path", row->of: true}]: each but those that the kernel has not (null). */
static int covers_all(const struct reading *r, const struct row *row, const cJSON *found,
                      struct csn_finding *say) {
  const char *const *paths =
      strcmp(row->of, "masked") == 0 ? csn_attest_masked : csn_attest_readonly;
  (void)r;
  snprintf(say->wanted, sizeof say->wanted, "all %s", row->of);
  snprintf(say->found, sizeof say->found, "all");
  for (; *paths; paths++) {
    const cJSON *state = csn_json_get(entry_of(found, *paths), row->of);
    if (cJSON_IsTrue(state) || cJSON_IsNull(state)) continue;
    snprintf(say->found, sizeof say->found, "not %s", *paths);
    return 0;
  }
  return 1;
}

/* What every container has: null, zero, full, random, urandom, tty, console, ptmx, terminals. */
static int is_usual_device(const cJSON *device) {
  static const unsigned char usual[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9},
                                           {5, 0}, {5, 1}, {5, 2}};
  int64_t major = csn_json_int(device, "major", -1), minor = csn_json_int(device, "minor", -1);
  if (strcmp(csn_json_string(device, "type", ""), "c") != 0) return 0;
  if (major >= 136 && major <= 143) return 1;
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
    if (usual[i][0] == major && usual[i][1] == minor) return 1;
  return 0;
}

/* gVisor has these too, which are its own kernel's: tunnels in its own network, and FUSE. */
static int has_only_gvisors(const cJSON *devices) {
  const cJSON *one;
  cJSON_ArrayForEach(one, devices) {
    int64_t minor = csn_json_int(one, "minor", -1);
    int is_its = csn_json_int(one, "major", -1) == 10 && (minor == 200 || minor == 229) &&
                 strcmp(csn_json_string(one, "type", ""), "c") == 0;
    if (!is_its && !is_usual_device(one)) return 0;
  }
  return cJSON_IsArray(devices);
}

static int has_usual_devices(const struct reading *r, const struct row *row, const cJSON *found,
                             struct csn_finding *say) {
  const cJSON *one;
  (void)r, (void)row;
  snprintf(say->wanted, sizeof say->wanted, "null, zero, full, random, urandom and terminals");
  snprintf(say->found, sizeof say->found, "no others");
  if (!cJSON_IsArray(found)) snprintf(say->found, sizeof say->found, "no list");
  cJSON_ArrayForEach(one, found) {
    if (is_usual_device(one)) continue;
    snprintf(say->found, sizeof say->found, "%.80s (%.4s %d:%d)", csn_json_string(one, "path", "?"),
             csn_json_string(one, "type", "?"), (int)csn_json_int(one, "major", -1),
             (int)csn_json_int(one, "minor", -1));
    return 0;
  }
  return cJSON_IsArray(found);
}

/* ---- network --------------------------------------------------------------------------------- */

static int has_network(const struct reading *r) {
  return strcmp(csn_json_string(r->host, "NetworkMode", ""), "none") != 0;
}

/* Kernels put tunnels that are down into every network namespace. */
static int is_used(const cJSON *interface) {
  const cJSON *addresses = csn_json_get(interface, "addresses");
  return csn_json_bool(interface, "up", 1) || !cJSON_IsArray(addresses) || addresses->child;
}

static int has_interfaces(const struct reading *r, const struct row *row, const cJSON *found,
                          struct csn_finding *say) {
  const cJSON *one;
  int others = 0, allowed = has_network(r);
  (void)row;
  snprintf(say->wanted, sizeof say->wanted, "lo%s", allowed ? " and one more" : " alone");
  if (!cJSON_IsArray(found)) return 0;
  cJSON_ArrayForEach(one, found)
    if (strcmp(csn_json_string(one, "name", "?"), "lo") != 0 && is_used(one)) others++;
  snprintf(say->found, sizeof say->found, others ? "lo and %d more" : "lo alone", others);
  return others <= allowed;
}

static int leads_out(const cJSON *route) {
  return strcmp(csn_json_string(route, "interface", ""), "lo") != 0 &&
         strcmp(csn_json_string(route, "type", "unicast"), "unicast") == 0;
}

/* An internal network is joined without a way out of it; none, without any. */
static int has_routes(const struct reading *r, const struct row *row, const cJSON *found,
                      struct csn_finding *say) {
  const cJSON *one;
  (void)row;
  snprintf(say->wanted, sizeof say->wanted, has_network(r) ? "any" : "none that leads out");
  snprintf(say->found, sizeof say->found, has_network(r) ? "some" : "none that leads out");
  if (!cJSON_IsArray(found)) return 0;
  cJSON_ArrayForEach(one, found) {
    if (has_network(r) || !leads_out(one)) continue;
    snprintf(say->found, sizeof say->found, "%.60s by %.40s",
             csn_json_string(one, "destination", "?"), csn_json_string(one, "interface", "?"));
    return 0;
  }
  return 1;
}

static int is_denied(const cJSON *routes, const char *range) {
  static const char *const types[] = {"prohibit", "unreachable", "blackhole", NULL};
  const cJSON *one;
  struct csn_cidr wanted, found;
  if (csn_cidr_parse(range, &wanted)) return 0;
  cJSON_ArrayForEach(one, routes) {
    const char *type = csn_json_string(one, "type", "");
    int denies = 0;
    for (size_t i = 0; types[i]; i++) denies |= strcmp(type, types[i]) == 0;
    if (denies && csn_cidr_parse(csn_json_string(one, "destination", ""), &found) == 0 &&
        csn_cidr_contains(&found, &wanted))
      return 1;
  }
  return 0;
}

#define PLAN_MAX ((size_t)1 << 20)

/* What the plan denies is unreachable: the helper that carried it out said so, here are its
 * routes. */
static int has_denied(const struct reading *r, const struct row *row, const cJSON *found,
                      struct csn_finding *say) {
  const char *text = csn_json_string(csn_json_get(r->w->body, "Labels"), CSN_LABEL_ROUTES, "{}");
  cJSON *plan CSN_CLEANUP_JSON = NULL;
  struct csn_error err;
  int rc = csn_json_parse(text, strlen(text), PLAN_MAX, "the label " CSN_LABEL_ROUTES,
                          CAISSON_E_POLICY, CAISSON_REASON_ATTESTATION, &plan, &err);
  const char *deny = csn_json_string(plan, "deny", "");
  (void)row;
  snprintf(say->wanted, sizeof say->wanted, *deny ? "all of the plan" : "nothing");
  snprintf(say->found, sizeof say->found, *deny ? "all of the plan" : "nothing");
  if (rc == CAISSON_E_NOMEM) r->a->failed = 1;
  if (rc) snprintf(say->found, sizeof say->found, "a label that makes no sense");
  if (rc) return 0;
  while (*deny) {
    char range[CSN_CIDR_TEXT];
    size_t n = strcspn(deny, ",");
    snprintf(range, sizeof range, "%.*s", (int)n, deny);
    if (!is_denied(found, range)) {
      snprintf(say->found, sizeof say->found, "not %s", range);
      return 0;
    }
    deny += n + (deny[n] == ',');
  }
  return 1;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define GVISOR CSN_UNSEEN_GVISOR

static const struct row rows[] = {
    {"report", "v", is_exactly, "1", 0},
    {"report_whole", "cut", is_false, NULL, 0},
    {"init", "init.pid1", is_true, NULL, 0},
    {"uid", "status.uid", is_user, "uid", 0},
    {"gid", "status.gid", is_user, "gid", 0},
    {"groups", "status.groups", is_in_no_other_group, NULL, 0},
    {"cap_inheritable", "status.cap_inheritable", may_no_more, "", 0},
    {"cap_permitted", "status.cap_permitted", may_no_more, "", 0},
    {"cap_effective", "status.cap_effective", may_no_more, "", 0},
    {"cap_bounding", "status.cap_bounding", may_no_more, "CapAdd", 0},
    {"cap_ambient", "status.cap_ambient", may_no_more, "", GVISOR},
    {"given_cap_inheritable", "given.cap_inheritable", may_no_more, "CapAdd", 0},
    {"given_cap_permitted", "given.cap_permitted", may_no_more, "CapAdd", 0},
    {"given_cap_effective", "given.cap_effective", may_no_more, "CapAdd", 0},
    {"no_new_privileges", "status.no_new_privs", is_exactly, "1", GVISOR},
    {"given_no_new_privileges", "given.no_new_privs", is_exactly, "1", GVISOR},
    {"seccomp", "status.seccomp", is_exactly, "2", GVISOR},
    {"init_uid", "init.status.uid", is_user, "uid", 0},
    {"init_gid", "init.status.gid", is_user, "gid", 0},
    {"init_groups", "init.status.groups", is_in_no_other_group, NULL, 0},
    {"init_cap_effective", "init.status.cap_effective", may_no_more, "", 0},
    {"init_cap_bounding", "init.status.cap_bounding", may_no_more, "CapAdd", 0},
    {"init_no_new_privileges", "init.status.no_new_privs", is_exactly, "1", GVISOR},
    {"init_seccomp", "init.status.seccomp", is_exactly, "2", GVISOR},
    {"memory", "cgroup.memory_max", is_limit, "Memory", GVISOR | CSN_UNSEEN_MEMORY},
    {"swap", "cgroup.memory_swap_max", is_limit, "MemorySwap",
     GVISOR | CSN_UNSEEN_MEMORY | CSN_UNSEEN_SWAP},
    {"pids", "cgroup.pids_max", is_limit, "PidsLimit", GVISOR | CSN_UNSEEN_PIDS},
    {"cpus", "cgroup", is_quota, "NanoCpus", GVISOR | CSN_UNSEEN_CPU},
    {"nofile", "rlimits.nofile", is_rlimit, "nofile", 0},
    {"core", "rlimits.core", is_rlimit, "core", 0},
    {"given_core", "given.core", is_rlimit, "core", 0},
    {"oom_score_adj", "oom_score_adj", is_oom_score, "OomScoreAdj", GVISOR},
    {"init_oom_score_adj", "init_oom_score_adj", is_oom_score, "OomScoreAdj", GVISOR},
    {"pid_namespace", "namespaces.pid", is_own_namespace, "pid", GVISOR},
    {"ipc_namespace", "namespaces.ipc", is_own_namespace, "ipc", GVISOR},
    {"uts_namespace", "namespaces.uts", is_own_namespace, "uts", GVISOR},
    {"cgroup_namespace", "namespaces.cgroup", is_own_namespace, "cgroup", GVISOR},
    {"masked_paths", "masked", covers_all, "masked", GVISOR},
    {"readonly_paths", "readonly", covers_all, "readonly", GVISOR},
    {"devices", "devices", has_usual_devices, NULL, GVISOR},
    {"interfaces", "interfaces", has_interfaces, NULL, GVISOR},
    {"routes", "routes", has_routes, NULL, GVISOR},
    {"denied_networks", "routes", has_denied, NULL, 0},
    {"tty", "tty", is_false, NULL, 0},
    {"hostname", "hostname", is_hostname, "Hostname", 0},
};

/* Only what is not to be read can be excused: a wrong value stands. A limit that is none, and
 * seccomp off, are how such runtimes and engines say nothing. */
static unsigned unseen_of(const struct reading *r, const struct row *row, const cJSON *found) {
  /* Podman leaves its containers in the host's with the older cgroups, whatever it is asked for. */
  if (row->holds == is_own_namespace && strcmp(row->of, "cgroup") == 0 && r->is_podman)
    return CSN_UNSEEN_DIALECT;
  const cJSON *quota = csn_json_get(found, "cpu_quota_us");
  if (row->holds == is_quota) found = quota;
  if (!found || cJSON_IsNull(found) || is_number(found, -1)) return row->unseen;
  int is_list = row->holds == covers_all ||
                (row->holds == has_usual_devices && has_only_gvisors(found));
  return is_number(found, 0) || is_list ? row->unseen & GVISOR : 0;
}

static void hold(const struct reading *r, const struct row *row) {
  struct csn_finding say;
  const cJSON *found = csn_attest_at(r->report, row->member);
  snprintf(say.wanted, sizeof say.wanted, "nothing");
  csn_attest_say(say.found, found);
  int held = row->holds(r, row, found, &say);
  csn_attest_add(r->a, row->name, held, unseen_of(r, row, found), say.wanted, say.found);
}

void csn_attest_report(const struct csn_attest_wanted *w, const cJSON *inspect,
                       const cJSON *report, struct csn_attestation *a) {
  const struct reading r = {w, csn_json_get(w->body, "HostConfig"), report, a,
                            csn_attest_is_podman(inspect)};
  const cJSON *mounts = csn_json_get(report, "mounts");
  a->source = CSN_BY_KERNEL;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) hold(&r, &rows[i]);
  if (cJSON_IsArray(mounts))
    csn_attest_kernel_mounts(w, inspect, mounts, a);
  else
    csn_attest_add(a, "mounts", 0, 0, "a list", "nothing");
  csn_attest_excuse(a, CSN_UNSEEN_DIALECT);
}
