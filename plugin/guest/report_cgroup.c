/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of the sandbox's control group, as the kernel has them: version 1, version 2, or a
 * hybrid, where a controller that version 1 has is looked for there.
 */
#include "guest/report_parts.h"

#include <stdio.h>
#include <string.h>

/* Version 1 writes "no limit" as the largest number of whole pages. */
#define UNLIMITED (INT64_C(1) << 62)

struct groups {
  struct csn_report_slice mountinfo, membership;
};

struct limit {
  bool known;
  int64_t value;   /* -1: none */
};

static bool is_prefix(const char *root, size_t n, struct csn_report_slice path) {
  if (n == 1 && root[0] == '/') return true;
  return path.size >= n && memcmp(path.bytes, root, n) == 0 &&
         (path.size == n || path.bytes[n] == '/');
}

/* The group's folder: where its hierarchy is mounted, and below that what its path has beyond the
 * mount's root. Engines mount a sandbox's own group, so that is nothing as a rule. */
static bool folder(const struct csn_report_mount *mount, struct csn_report_slice path, char *out,
                   size_t capacity) {
  char root[512], target[512];
  bool cut = false;
  size_t n = csn_report_unescape(mount->root, root, sizeof root, &cut);
  size_t m = csn_report_unescape(mount->target, target, sizeof target, &cut);
  bool below = is_prefix(root, n, path) && path.size > n;
  if (below && n > 1) path = (struct csn_report_slice){path.bytes + n, path.size - n};
  if (!below) path.size = 0;
  int size = snprintf(out, capacity, "%.*s%.*s", (int)m, target, (int)path.size, path.bytes);
  return !cut && size > 0 && (size_t)size < capacity;
}

/* controller NULL: version 2. */
static bool find_folder(const struct groups *groups, const char *controller, char *out,
                        size_t capacity) {
  struct csn_report_slice text = groups->mountinfo, path;
  struct csn_report_mount mount;
  if (!csn_report_cgroup_path(groups->membership, controller, &path)) return false;
  for (int got; (got = csn_report_next_mount(&text, &mount)) != 0;) {
    if (got < 0 || !csn_report_equals(mount.type, controller ? "cgroup" : "cgroup2")) continue;
    if (controller && !csn_report_has_word(mount.super, ',', controller)) continue;
    if (folder(&mount, path, out, capacity)) return true;
  }
  return false;
}

static struct csn_report_slice read_in(const char *folder, const char *file, char *buffer,
                                       size_t capacity) {
  char path[1200];
  bool cut = false;
  int size = snprintf(path, sizeof path, "%s/%s", folder, file);
  struct csn_report_slice none = {NULL, 0};
  if (size < 0 || (size_t)size >= sizeof path) return none;
  struct csn_report_slice text = csn_report_read(path, buffer, capacity, &cut);
  return cut ? none : text;
}

static struct limit to_limit(struct csn_report_slice text) {
  struct limit limit = {false, -1};
  limit.known = text.bytes != NULL && csn_report_to_number(text, &limit.value);
  if (limit.value >= UNLIMITED || limit.value < 0) limit.value = -1;
  return limit;
}

static struct limit read_limit(const char *folder, const char *file) {
  char text[64];
  return to_limit(read_in(folder, file, text, sizeof text));
}

struct limits {
  int version;   /* of the memory controller, or of any that there is; 0: none */
  struct limit memory, swap, pids, quota, period;
};

static void read_v2(const char *folder, struct limits *out) {
  char text[64];
  out->memory = read_limit(folder, "memory.max");
  struct limit swap = read_limit(folder, "memory.swap.max");
  bool unlimited = swap.value < 0 || out->memory.value < 0;
  out->swap.known = swap.known && out->memory.known;
  out->swap.value = unlimited ? -1 : swap.value + out->memory.value;
  out->pids = read_limit(folder, "pids.max");
  struct csn_report_slice cpu = read_in(folder, "cpu.max", text, sizeof text);
  if (cpu.bytes == NULL) return;
  out->quota = to_limit(csn_report_next_word(&cpu));
  out->period = to_limit(csn_report_next_word(&cpu));
}

static void read_v1(const struct groups *groups, struct limits *out) {
  char folder[1100];
  if (find_folder(groups, "memory", folder, sizeof folder)) {
    out->version = 1;
    out->memory = read_limit(folder, "memory.limit_in_bytes");
    out->swap = read_limit(folder, "memory.memsw.limit_in_bytes");
  }
  if (find_folder(groups, "pids", folder, sizeof folder)) {
    out->version = 1;
    out->pids = read_limit(folder, "pids.max");
  }
  if (find_folder(groups, "cpu", folder, sizeof folder)) {
    out->version = 1;
    out->quota = read_limit(folder, "cpu.cfs_quota_us");
    out->period = read_limit(folder, "cpu.cfs_period_us");
  }
}

static void add(struct csn_report_json *json, const char *name, struct limit limit) {
  csn_report_known(json, name, limit.known, limit.value);
}

void csn_report_add_cgroup(struct csn_report_json *json, struct csn_report_slice mountinfo,
                           struct csn_report_slice membership) {
  const struct groups groups = {mountinfo, membership};
  struct limits limits = {0};
  char folder[1100];
  if (mountinfo.bytes != NULL && membership.bytes != NULL) {
    read_v1(&groups, &limits);
    if (limits.version == 0 && find_folder(&groups, NULL, folder, sizeof folder)) {
      limits.version = 2;
      read_v2(folder, &limits);
    }
  }
  csn_report_object(json, "cgroup");
  csn_report_known(json, "version", limits.version != 0, limits.version);
  add(json, "memory_max", limits.memory);
  add(json, "memory_swap_max", limits.swap);
  add(json, "pids_max", limits.pids);
  add(json, "cpu_quota_us", limits.quota);
  add(json, "cpu_period_us", limits.period);
  csn_report_end_object(json);
}
