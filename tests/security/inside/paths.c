/* SPDX-License-Identifier: Apache-2.0 */
/* Files by which containers were left: the engine's sockets, the host's files, what of /proc, /sys,
 * the cgroups and /dev acts on the whole machine, and what is shared with other sandboxes. */
#include "attempt.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the engine ------------------------------------------------------------------------------ */

static void try_sockets(void) {
  static const char *const sockets[] = {"/var/run/docker.sock",
                                        "/run/docker.sock",
                                        "/run/containerd/containerd.sock",
                                        "/run/docker/metrics.sock",
                                        "/run/podman/podman.sock",
                                        "/run/crio/crio.sock",
                                        "/run/systemd/private",
                                        "/run/dbus/system_bus_socket",
                                        "/var/run/docker/containerd/containerd.sock"};
  for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", sockets[i]);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&to, sizeof to);
    contained(rc < 0 && (errno == ENOENT || errno == EACCES), "connect to %s: %s", sockets[i],
              rc ? strerror(errno) : "it answers");
    close(fd);
  }
}

/* A file that is on the host, by every way that may lead there. */
static void try_host_file(const char *path) {
  static const char *const ways[] = {"",
                                     "/proc/1/root",
                                     "/proc/self/root",
                                     "/proc/self/root/../../..",
                                     "/proc/1/cwd/../..",
                                     "/.caisson/../../../..",
                                     "/proc/self/fd/0/../../..",
                                     "/dev/fd/../../..",
                                     "/sys/../../..",
                                     "/proc/thread-self/root"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s%s", ways[i], path);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    contained(fd < 0, "a file of the host by %s%s: %s", ways[i], path,
              fd < 0 ? strerror(errno) : "it is there");
  }
}

/* ---- what can be written --------------------------------------------------------------------- */

struct walk {
  const char *name;
  int looked, found;
};

/* What everybody may write by the kernel's own rules: a wish to be told of pressure. */
#define PRESSURE "/proc/pressure/"

/* May a file of the kernel's be opened to be written? Opening alone does nothing to these. Where
 * the engine covers a file, it is by /dev/null. */
static void look(struct walk *w, const char *path) {
  struct stat st;
  if (strncmp(path, PRESSURE, sizeof PRESSURE - 1) == 0) return;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  w->looked++;
  if (fd < 0) return;
  if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) {
    close(fd);
    return;
  }
  contained(false, "%s can be written", path);
  w->found++;
  close(fd);
}

static void walk(struct walk *w, const char *dir, int depth) {
  DIR *d = opendir(dir);
  const struct dirent *entry;
  while (d && depth > 0 && (entry = readdir(d))) {
    char path[PATH_MAX];
    bool is_process = strcmp(dir, "/proc") == 0 && isdigit((unsigned char)entry->d_name[0]);
    if (entry->d_name[0] == '.' || is_process) continue;
    snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    if (entry->d_type == DT_DIR) walk(w, path, depth - 1);
    if (entry->d_type == DT_REG) look(w, path);
  }
  if (d) closedir(d);
}

static void try_writing(const char *dir, int depth, int least) {
  struct walk w = {dir, 0, 0};
  walk(&w, dir, depth);
  contained(w.found == 0 && w.looked >= least, "write to any of %d files below %s", w.looked, dir);
}

static const char *const named[] = {"/proc/sysrq-trigger",
                                    "/proc/sys/kernel/core_pattern",
                                    "/proc/sys/kernel/modprobe",
                                    "/proc/sys/kernel/hotplug",
                                    "/proc/sys/kernel/sysrq",
                                    "/proc/sys/kernel/panic",
                                    "/proc/sys/kernel/poweroff_cmd",
                                    "/proc/sys/kernel/ns_last_pid",
                                    "/proc/sys/kernel/usermodehelper/bset",
                                    "/proc/sys/vm/drop_caches",
                                    "/proc/sys/vm/overcommit_memory",
                                    "/proc/sys/fs/file-max",
                                    "/proc/sys/fs/binfmt_misc/register",
                                    "/proc/sys/net/ipv4/ip_forward",
                                    "/proc/irq/0/smp_affinity",
                                    "/proc/bus/pci/00/00.0",
                                    "/proc/acpi/wakeup",
                                    "/proc/mtrr",
                                    "/proc/kcore",
                                    "/proc/kmem",
                                    "/sys/kernel/uevent_helper",
                                    "/sys/kernel/mm/transparent_hugepage/enabled",
                                    "/sys/kernel/debug/sched",
                                    "/sys/kernel/security/apparmor/.load",
                                    "/sys/power/state",
                                    "/sys/fs/cgroup/release_agent",
                                    "/sys/fs/cgroup/memory/release_agent",
                                    "/sys/fs/cgroup/memory/notify_on_release",
                                    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                    "/sys/fs/cgroup/pids/pids.max",
                                    "/sys/fs/cgroup/devices/devices.allow",
                                    "/sys/fs/cgroup/freezer/cgroup.procs",
                                    "/sys/fs/cgroup/cgroup.procs",
                                    "/sys/fs/cgroup/memory.max",
                                    "/sys/fs/cgroup/cgroup.subtree_control",
                                    "/sys/fs/cgroup/systemd/release_agent",
                                    "/bin/sh",
                                    "/usr/bin/env",
                                    "/etc/passwd",
                                    "/etc/hosts",
                                    "/etc/resolv.conf",
                                    "/etc/hostname",
                                    "/etc/ld.so.preload",
                                    "/root/.bashrc",
                                    "/var/run/x",
                                    "/x",
                                    "/.caisson/x",
                                    "/dev/x",
                                    "/dev/mem",
                                    "/dev/kmsg",
                                    "/dev/kvm",
                                    "/dev/fuse",
                                    "/dev/net/tun",
                                    "/dev/vda",
                                    "/dev/sda"};

static void try_named(void) {
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    int fd = open(named[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    contained(fd < 0 && (is_refusal(errno) || errno == ENOENT), "write %s: %s", named[i],
              fd < 0 ? strerror(errno) : "it can be");
    if (fd >= 0) close(fd);
  }
  TRY("make a cgroup", mkdir("/sys/fs/cgroup/own", 0700));
  TRY("make a cgroup of version 1",
      access("/sys/fs/cgroup/memory", F_OK) ? -1 : mkdir("/sys/fs/cgroup/memory/own", 0700));
  TRY("rename /etc/passwd", rename("/etc/passwd", "/etc/other"));
}

/* ---- what can be read ------------------------------------------------------------------------ */

static void try_reading(void) {
  static const char *const files[] = {"/proc/kcore",
                                      "/proc/keys",
                                      "/proc/latency_stats",
                                      "/proc/timer_list",
                                      "/proc/timer_stats",
                                      "/proc/sched_debug",
                                      "/proc/kmsg",
                                      "/proc/kpagecount",
                                      "/proc/kpageflags",
                                      "/proc/vmallocinfo",
                                      "/proc/slabinfo",
                                      "/sys/firmware/acpi/tables/DSDT",
                                      "/sys/kernel/debug/sched/debug",
                                      "/sys/kernel/notes",
                                      "/dev/mem",
                                      "/dev/port",
                                      "/dev/kmsg",
                                      "/dev/vda",
                                      "/dev/sda",
                                      "/etc/shadow",
                                      "/root/.ssh/id_rsa"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char byte;
    int fd = open(files[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    long n = fd < 0 ? -1 : read(fd, &byte, 1);
    bool is_known = strcmp(files[i], "/sys/kernel/notes") == 0; /* the build's id, for everybody */
    contained(n <= 0 || is_known, "read %s: %s", files[i],
              n < 0 ? strerror(errno) : "nothing in it");
    if (fd >= 0) close(fd);
  }
}

static void try_devices(void) {
  static const char *const harmless[] = {"null",    "zero", "full", "random",
                                         "urandom", "tty",  "ptmx", "console"};
  DIR *d = opendir("/dev");
  const struct dirent *entry;
  int others = 0, known = 0;
  while (d && (entry = readdir(d))) {
    bool is_harmless = false;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
      is_harmless |= strcmp(entry->d_name, harmless[i]) == 0;
    if (entry->d_type == DT_BLK || (entry->d_type == DT_CHR && !is_harmless)) {
      contained(false, "there is /dev/%s", entry->d_name);
      others++;
    }
    known += is_harmless;
  }
  if (d) closedir(d);
  contained(others == 0 && known > 4, "devices beside the %d that everybody has", known);
}

int main(int argc, char **argv) {
  try_sockets();
  if (argc > 1) try_host_file(argv[1]);
  try_named();
  try_writing("/sys", 12, 10);
  try_writing("/proc", 8, 100);
  try_writing("/etc", 4, 1);
  try_writing("/.caisson", 2, 1);
  try_reading();
  try_devices();
  printf("done\n");
  return 0;
}
