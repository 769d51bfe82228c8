/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted in a sandbox, as the engine and as the kernel have it: what the policy mounts,
 * each as it is to be, what engines mount by themselves, and nothing else. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/attest.h"
#include "session/policy.h"
#include "util/alloc.h"
#include "util/json.h"

/* One that the body asks for. */
struct planned {
  const char *type; /* "tmpfs", "bind" or "volume" */
  char *target, *source; /* source: NULL for a tmpfs */
  const char *options;   /* of a tmpfs */
  int is_read_only;
  int is_seen;
};

struct plan {
  struct planned *items;
  size_t count;
};

static void free_plan(struct plan *plan) {
  for (size_t i = 0; i < plan->count; i++) {
    csn_free(plan->items[i].target);
    csn_free(plan->items[i].source);
  }
  csn_free(plan->items);
}
#define CLEANUP_PLAN __attribute__((cleanup(free_plan)))

/* ---- options --------------------------------------------------------------------------------- */

/* Is it one of "rw,nosuid,..."? */
static int has_option(const char *options, const char *name) {
  size_t n = strlen(name);
  while (*options) {
    size_t length = strcspn(options, ",");
    if (length == n && memcmp(options, name, n) == 0) return 1;
    options += length + (options[length] == ',');
  }
  return 0;
}

/* Of "size=65536" or "size=64k" the bytes; 0 where there is none. */
static uint64_t size_of(const char *options) {
  const char *at = strstr(options, "size=");
  uint64_t bytes = 0;
  char text[24];
  if (!at || (at > options && at[-1] != ',')) return 0;
  snprintf(text, sizeof text, "%.*s", (int)strcspn(at + 5, ","), at + 5);
  return csn_size_parse(text, &bytes) == 0 ? bytes : 0;
}

/* The kernel counts pages. */
#define PAGES 65536u

static int is_size(uint64_t wanted, uint64_t found) {
  return found >= wanted && found - wanted < PAGES;
}

/* What is asked of a mount, in the words of mount(8). */
struct asked {
  int read_only, nosuid, nodev, noexec;
  uint64_t size; /* 0: any */
  int is_file;   /* one of the engine's that has the same name there */
};

static struct asked asked_of(const struct planned *p) {
  if (!p->options) return (struct asked){.read_only = p->is_read_only};
  return (struct asked){.read_only = has_option(p->options, "ro"), .nosuid = 1, .nodev = 1,
                        .noexec = !has_option(p->options, "exec"), .size = size_of(p->options)};
}

static int grants(const struct asked *a, const char *options, const char *super) {
  return (!a->read_only || has_option(options, "ro")) &&
         (!a->nosuid || has_option(options, "nosuid")) &&
         (!a->nodev || has_option(options, "nodev")) &&
         (!a->noexec || has_option(options, "noexec")) &&
         (!a->size || is_size(a->size, size_of(super)));
}

static void say_asked(char text[CSN_ATTEST_TEXT], const char *type, const struct asked *a) {
  char size[40] = "";
  if (a->size) snprintf(size, sizeof size, ",size=%" PRIu64, a->size);
  snprintf(text, CSN_ATTEST_TEXT, "%.40s %s%s%s%s%s", type, a->read_only ? "ro" : "rw",
           a->nosuid ? ",nosuid" : "", a->nodev ? ",nodev" : "", a->noexec ? ",noexec" : "", size);
}

/* ---- what the body asks for ------------------------------------------------------------------ */

static int plan_one(struct plan *plan, const char *type, const char *target, size_t target_n,
                    const char *source, size_t source_n) {
  struct planned *p = &plan->items[plan->count++];
  *p = (struct planned){.type = type};
  p->target = csn_asprintf("%.*s", (int)target_n, target);
  p->source = source ? csn_asprintf("%.*s", (int)source_n, source) : NULL;
  return !p->target || (source && !p->source);
}

static int plan_tmpfs(struct plan *plan, const cJSON *tmpfs) {
  const cJSON *one = NULL;
  while ((one = csn_json_next_string(tmpfs, one))) {
    if (plan_one(plan, "tmpfs", one->string, strlen(one->string), NULL, 0)) return 1;
    plan->items[plan->count - 1].options = one->valuestring;
  }
  return 0;
}

static int plan_mounts(struct plan *plan, const cJSON *mounts) {
  const cJSON *one;
  cJSON_ArrayForEach(one, mounts) {
    const char *target = csn_json_string(one, "Target", "");
    const char *source = csn_json_string(one, "Source", "");
    const char *type = csn_json_string(one, "Type", "");
    if (plan_one(plan, type, target, strlen(target), source, strlen(source))) return 1;
    plan->items[plan->count - 1].is_read_only = csn_json_bool(one, "ReadOnly", 0);
  }
  return 0;
}

/* "SOURCE:TARGET:ro,z" */
static int plan_binds(struct plan *plan, const cJSON *binds) {
  const cJSON *one;
  cJSON_ArrayForEach(one, binds) {
    const char *text = cJSON_IsString(one) ? one->valuestring : "";
    size_t source = strcspn(text, ":");
    const char *target = text + source + (text[source] == ':');
    size_t n = strcspn(target, ":");
    if (plan_one(plan, "bind", target, n, text, source)) return 1;
    plan->items[plan->count - 1].is_read_only = has_option(target + n + (target[n] == ':'), "ro");
  }
  return 0;
}

static int make_plan(const cJSON *body, struct plan *plan) {
  const cJSON *host = csn_json_get(body, "HostConfig");
  const cJSON *tmpfs = csn_json_get(host, "Tmpfs"), *mounts = csn_json_get(host, "Mounts");
  const cJSON *binds = csn_json_get(host, "Binds");
  int n = cJSON_GetArraySize(tmpfs) + cJSON_GetArraySize(mounts) + cJSON_GetArraySize(binds);
  plan->items = csn_calloc((size_t)n + 1, sizeof *plan->items);
  return !plan->items || plan_tmpfs(plan, tmpfs) || plan_mounts(plan, mounts) ||
         plan_binds(plan, binds);
}

static struct planned *find(const struct plan *plan, const char *target) {
  for (size_t i = 0; i < plan->count; i++)
    if (strcmp(plan->items[i].target, target) == 0) return &plan->items[i];
  return NULL;
}

static void add(struct csn_attestation *a, const char *target, int is_held, unsigned unseen,
                const char *wanted, const char *found) {
  char name[CSN_ATTEST_NAME];
  snprintf(name, sizeof name, "mount %.80s", target);
  csn_attest_add(a, name, is_held, unseen, wanted, found);
}

static void add_missing(struct csn_attestation *a, const struct planned *p, unsigned unseen) {
  struct asked asked = asked_of(p);
  char wanted[CSN_ATTEST_TEXT];
  say_asked(wanted, p->type, &asked);
  if (!p->is_seen) add(a, p->target, 0, unseen, wanted, "nothing");
}

/* ---- the engine's list ----------------------------------------------------------------------- */

static void hold_mount(struct csn_attestation *a, struct plan *plan, const cJSON *mount) {
  const char *target = csn_json_string(mount, "Destination", "?");
  const char *type = csn_json_string(mount, "Type", "?");
  const char *source = csn_json_string(mount, strcmp(type, "volume") == 0 ? "Name" : "Source", "?");
  struct planned *p = find(plan, target);
  char wanted[CSN_ATTEST_TEXT] = "nothing", found[CSN_ATTEST_TEXT];
  if (p && p->options && strcmp(type, "tmpfs") == 0) return; /* HostConfig.Tmpfs has it */
  int writable = csn_json_bool(mount, "RW", 1);
  if (p)
    snprintf(wanted, sizeof wanted, "%.20s %.120s %s", p->type, p->source ? p->source : "",
             p->is_read_only ? "ro" : "rw");
  snprintf(found, sizeof found, "%.20s %.120s %s", type, source, writable ? "rw" : "ro");
  int held = p && p->source && !p->is_seen && strcmp(p->type, type) == 0 &&
             strcmp(p->source, source) == 0 && (!p->is_read_only || !writable);
  add(a, target, held, 0, wanted, found);
  if (p) p->is_seen = 1;
}

/* Podman gives one that has a read-only root these, in the sandbox's memory. */
static int is_podmans(const char *target) {
  return strcmp(target, "/run") == 0 || strcmp(target, "/var/tmp") == 0;
}

/* Over a volume of the image, which only its starter knows: small, and nothing runs from it. */
static int is_over_volume(const struct asked *small, const char *options) {
  uint64_t size = size_of(options);
  return grants(small, options, "") && size && size <= CSN_POLICY_SMALL_TMPFS;
}

static void hold_tmpfs(const struct csn_attest_wanted *w, int is_podman, struct csn_attestation *a,
                       struct plan *plan, const cJSON *tmpfs) {
  static const struct asked small = {.nosuid = 1, .nodev = 1, .noexec = 1};
  static const struct asked any = {.nosuid = 1, .nodev = 1};
  struct planned *p = find(plan, tmpfs->string);
  char wanted[CSN_ATTEST_TEXT] = "nothing";
  const char *options = cJSON_IsString(tmpfs) ? tmpfs->valuestring : "?";
  if (p && p->options) {
    struct asked asked = asked_of(p);
    say_asked(wanted, p->type, &asked);
    add(a, tmpfs->string, grants(&asked, options, options), 0, wanted, options);
    p->is_seen = 1;
    return;
  }
  int held = (!w->is_sent && is_over_volume(&small, options)) ||
             (is_podman && is_podmans(tmpfs->string) && grants(&any, options, ""));
  add(a, tmpfs->string, held && !p, 0, wanted, options);
}

void csn_attest_engine_mounts(const struct csn_attest_wanted *w, const cJSON *inspect,
                              struct csn_attestation *a) {
  struct plan plan CLEANUP_PLAN = {0};
  const cJSON *one;
  int is_podman = csn_attest_is_podman(inspect);
  if (make_plan(w->body, &plan)) {
    a->failed = 1;
    return;
  }
  cJSON_ArrayForEach(one, csn_json_get(inspect, "Mounts")) hold_mount(a, &plan, one);
  cJSON_ArrayForEach(one, csn_attest_at(inspect, "HostConfig.Tmpfs"))
    if (one->string) hold_tmpfs(w, is_podman, a, &plan, one);
  for (size_t i = 0; i < plan.count; i++) add_missing(a, &plan.items[i], 0);
}

/* ---- the kernel's list ----------------------------------------------------------------------- */

#define BELOW 1u  /* what lies below it, not it */
#define PODMAN 2u /* mounted by that engine alone */

/* What engines mount by themselves. */
static const struct {
  const char *path;
  unsigned flags;
  const char *types; /* that it may be; NULL: any */
  struct asked asked;
} own[] = {
    {"/proc", 0, "proc", {.nosuid = 1, .nodev = 1, .noexec = 1}},
    {"/proc/", BELOW, "proc,tmpfs,devtmpfs", {0}},
    {"/dev", 0, "tmpfs", {.nosuid = 1}},
    {"/dev/pts", 0, "devpts", {.nosuid = 1, .noexec = 1}},
    {"/dev/mqueue", 0, "mqueue", {.nosuid = 1, .nodev = 1, .noexec = 1}},
    {"/dev/shm", 0, "tmpfs", {.nosuid = 1, .nodev = 1, .noexec = 1}},
    {"/sys", 0, "sysfs", {.read_only = 1, .nosuid = 1, .nodev = 1, .noexec = 1}},
    {"/sys/fs/cgroup", 0, "tmpfs", {.nosuid = 1, .nodev = 1, .noexec = 1}},
    {"/sys/", BELOW, "sysfs,cgroup,cgroup2,tmpfs", {.read_only = 1}},
    {"/etc/resolv.conf", 0, NULL, {.is_file = 1}},
    {"/etc/hostname", 0, NULL, {.is_file = 1}},
    {"/etc/hosts", 0, NULL, {.is_file = 1}},
    {"/etc/passwd", PODMAN, NULL, {.nosuid = 1, .nodev = 1, .is_file = 1}},
    {"/etc/group", PODMAN, NULL, {.nosuid = 1, .nodev = 1, .is_file = 1}},
    {"/run/.containerenv", PODMAN, NULL, {.nosuid = 1, .nodev = 1, .is_file = 1}},
    {"/run", PODMAN, "tmpfs", {.nosuid = 1, .nodev = 1}},
    {"/var/tmp", PODMAN, "tmpfs", {.nosuid = 1, .nodev = 1}},
};

struct mounted {
  const char *target, *root, *type, *options, *super;
};

static int is_at(size_t row, const struct mounted *m, int is_podman) {
  size_t n = strlen(own[row].path);
  if (own[row].flags & PODMAN && !is_podman) return 0;
  if (own[row].flags & BELOW) {
    if (strncmp(m->target, own[row].path, n) != 0) return 0;
  } else if (strcmp(m->target, own[row].path) != 0) {
    return 0;
  }
  return !own[row].types || has_option(own[row].types, m->type);
}

/* Sandboxes with a writable root may have these files writable too. */
static int find_own(const struct mounted *m, int is_podman, struct asked *asked) {
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    if (!is_at(i, m, is_podman)) continue;
    *asked = own[i].asked;
    return 1;
  }
  return 0;
}

/* What is mounted below a bind on the host comes with it, and is to be no more writable. */
static struct planned *find_above(const struct plan *plan, const char *target) {
  for (size_t i = 0; i < plan->count; i++) {
    struct planned *p = &plan->items[i];
    size_t n = strlen(p->target);
    if (strcmp(p->type, "bind") == 0 && strncmp(p->target, target, n) == 0 && target[n] == '/')
      return p;
  }
  return NULL;
}

static int is_type(const struct planned *p, const struct mounted *m) {
  return !p->options || strcmp(m->type, "tmpfs") == 0;
}

struct kernel {
  struct csn_attestation *a;
  struct plan *plan;
  struct asked root;
  uint64_t shm; /* bytes of /dev/shm */
  int is_podman;
  const cJSON *volumes; /* tmpfs that the engine lists, held by its own list; NULL: not needed */
};

/* What is asked of it: by the plan, or of what engines mount. NULL: it is not to be there. */
static const char *asked_for(const struct kernel *k, const struct mounted *m, struct asked *asked) {
  struct planned *p = find(k->plan, m->target), *above = p ? NULL : find_above(k->plan, m->target);
  if (strcmp(m->target, "/") == 0) {
    *asked = k->root;
    return "root";
  }
  if (p) {
    p->is_seen = 1;
    *asked = asked_of(p);
    return is_type(p, m) ? p->type : NULL;
  }
  if (above) {
    *asked = (struct asked){.read_only = above->is_read_only};
    return "bind";
  }
  if (csn_json_get(k->volumes, m->target) && strcmp(m->type, "tmpfs") == 0) {
    *asked = (struct asked){.nosuid = 1, .nodev = 1, .noexec = 1, .size = CSN_POLICY_SMALL_TMPFS};
    return m->type;
  }
  if (!find_own(m, k->is_podman, asked)) return NULL;
  if (strcmp(m->target, "/dev/shm") == 0) asked->size = k->shm;
  /* Its hierarchies are mounts of their own where there are several. A file of /dev covers some. */
  if (strncmp(m->target, "/sys/", 5) == 0 && strcmp(m->type, "tmpfs") == 0 &&
      strcmp(m->root, "/null") == 0)
    asked->read_only = 0;
  return m->type;
}

static int is_named_alike(const struct mounted *m) {
  const char *name = strrchr(m->target, '/'), *there = strrchr(m->root, '/');
  return name && there && strcmp(name, there) == 0;
}

static void hold_mounted(const struct kernel *k, const struct mounted *m) {
  struct asked asked = {0};
  char wanted[CSN_ATTEST_TEXT] = "nothing", found[CSN_ATTEST_TEXT];
  const char *type = asked_for(k, m, &asked);
  int is_it = !asked.is_file || is_named_alike(m);
  struct asked shown = asked; /* by gVisor, which takes the other two, and knows no root */
  shown.nosuid = shown.nodev = 0;
  if (type) say_asked(wanted, type, &asked);
  snprintf(found, sizeof found, "%.20s %.100s%s%.60s", m->type, m->options,
           asked.size || !is_it ? " " : "", asked.size ? m->super : is_it ? "" : m->root);
  add(k->a, m->target, type && is_it && grants(&asked, m->options, m->super),
      type && grants(&shown, m->options, m->super) ? CSN_UNSEEN_GVISOR : 0, wanted, found);
}

void csn_attest_kernel_mounts(const struct csn_attest_wanted *w, const cJSON *inspect,
                              const cJSON *mounts, struct csn_attestation *a) {
  struct plan plan CLEANUP_PLAN = {0};
  const cJSON *one, *host = csn_json_get(w->body, "HostConfig");
  struct kernel k = {.a = a, .plan = &plan, .is_podman = csn_attest_is_podman(inspect),
                     .root = {.read_only = csn_json_bool(host, "ReadonlyRootfs", 1)},
                     .shm = (uint64_t)csn_json_int(host, "ShmSize", 0)};
  if (make_plan(w->body, &plan)) {
    a->failed = 1;
    return;
  }
  if (!w->is_sent && !k.is_podman) k.volumes = csn_attest_at(inspect, "HostConfig.Tmpfs");
  cJSON_ArrayForEach(one, mounts) {
    const struct mounted m = {
        csn_json_string(one, "target", "?"), csn_json_string(one, "root", "?"),
        csn_json_string(one, "type", "?"), csn_json_string(one, "options", ""),
        csn_json_string(one, "super", "")};
    hold_mounted(&k, &m);
  }
  for (size_t i = 0; i < plan.count; i++) add_missing(a, &plan.items[i], CSN_UNSEEN_GVISOR);
}
