/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of the kernel's that a container must not reach, and the device nodes that are there.
 */
#include "guest/report_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEPTH_MAX 6
#define ENTRIES_MAX 2048u      /* looked at below /dev */
#define DEVPTS_MAGIC 0x1cd1

/* What Docker masks and sets read-only, in any of its versions. */
static const char *const masked[] = {
  "/proc/acpi",          "/proc/asound",      "/proc/interrupts",  "/proc/kcore",
  "/proc/keys",          "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
  "/proc/timer_list",    "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
};
static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger"};

/* ---- masked ---------------------------------------------------------------------------------- */

/* Nothing in it but itself and its parent. */
static bool is_empty(const char *path) {
  _Alignas(struct dirent64) char buffer[1024];
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : getdents64(fd, buffer, sizeof buffer);
  if (fd >= 0) close(fd);
  bool empty = size >= 0;
  for (ssize_t at = 0; at < size;) {
    const struct dirent64 *entry = (const void *)(buffer + at);
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) empty = false;
    at += entry->d_reclen;
  }
  return empty;
}

/* A masked file is /dev/null, a masked folder an empty one: both of another file system than /proc
 * or /sys. */
static bool is_masked(const char *path, const struct stat *file) {
  struct stat top;
  const char *mount = strncmp(path, "/sys", 4) == 0 ? "/sys" : "/proc";
  if (stat(mount, &top) != 0 || top.st_dev == file->st_dev) return false;
  if (S_ISCHR(file->st_mode)) return file->st_rdev == makedev(1, 3);
  return S_ISDIR(file->st_mode) && is_empty(path);
}

static void add_path(struct csn_report_json *json, const char *path, const char *name, bool known,
                     bool value) {
  csn_report_object(json, NULL);
  csn_report_string(json, "path", path);
  if (known)
    csn_report_bool(json, name, value);
  else
    csn_report_null(json, name);
  csn_report_end_object(json);
}

void csn_report_add_paths(struct csn_report_json *json) {
  csn_report_array(json, "masked");
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    struct stat file;
    bool known = stat(masked[i], &file) == 0;
    add_path(json, masked[i], "masked", known, known && is_masked(masked[i], &file));
  }
  csn_report_end_array(json);
  csn_report_array(json, "readonly");
  for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
    struct statvfs at;
    bool known = statvfs(readonly[i], &at) == 0;
    add_path(json, readonly[i], "readonly", known, known && (at.f_flag & ST_RDONLY) != 0);
  }
  csn_report_end_array(json);
}

/* ---- devices --------------------------------------------------------------------------------- */

struct walk {
  struct csn_report_json *json;
  size_t limit, entries;
  char path[1024];
};

static void walk(struct walk *w, int parent, const char *name, int depth);

static void add_device(struct walk *w, const struct stat *file) {
  struct csn_report_json *json = w->json;
  struct csn_report_mark mark = csn_report_mark(json);
  csn_report_object(json, NULL);
  csn_report_string(json, "path", w->path);
  csn_report_string(json, "type", S_ISCHR(file->st_mode) ? "c" : "b");
  csn_report_number(json, "major", major(file->st_rdev));
  csn_report_number(json, "minor", minor(file->st_rdev));
  csn_report_end_object(json);
  csn_report_keep(json, mark, w->limit);
}

static void look_at(struct walk *w, int folder, const char *name, int depth) {
  size_t length = strlen(w->path);
  struct stat file;
  int size = snprintf(w->path + length, sizeof w->path - length, "/%s", name);
  if (size < 0 || (size_t)size >= sizeof w->path - length || w->entries++ >= ENTRIES_MAX) {
    w->json->cut = true;
  } else if (fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISCHR(file.st_mode) || S_ISBLK(file.st_mode)) add_device(w, &file);
    if (S_ISDIR(file.st_mode)) walk(w, folder, name, depth + 1);
  }
  w->path[length] = '\0';
}

/* No device can be opened on a file system without devices, where the sandbox's own code may make
 * as many files as it likes; and the terminals of devpts are the kernel's to hand out. */
static bool has_none(int fd) {
  struct statvfs flags;
  struct statfs system;
  return (fstatvfs(fd, &flags) == 0 && (flags.f_flag & ST_NODEV) != 0) ||
         (fstatfs(fd, &system) == 0 && system.f_type == DEVPTS_MAGIC);
}

static void walk(struct walk *w, int parent, const char *name, int depth) {
  _Alignas(struct dirent64) char buffer[4096];
  ssize_t size = 0;
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || depth > DEPTH_MAX) w->json->cut = true;
  if (fd >= 0 && depth <= DEPTH_MAX && !has_none(fd)) {
    while (w->entries < ENTRIES_MAX && (size = getdents64(fd, buffer, sizeof buffer)) > 0) {
      for (ssize_t at = 0; at < size;) {
        const struct dirent64 *entry = (const void *)(buffer + at);
        at += entry->d_reclen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        look_at(w, fd, entry->d_name, depth);
      }
    }
    if (size != 0) w->json->cut = true;
  }
  if (fd >= 0) close(fd);
}

void csn_report_add_devices(struct csn_report_json *json, size_t limit) {
  struct walk w = {.json = json, .limit = limit, .path = "/dev"};
  csn_report_array(json, "devices");
  walk(&w, AT_FDCWD, "/dev", 0);
  csn_report_end_array(json);
}
