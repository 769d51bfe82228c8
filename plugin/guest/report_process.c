/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes are and may do: user, capabilities, seccomp, resource limits, namespaces, of this
 * one and, where /proc shows it, of process 1.
 */
#include "guest/report_parts.h"

#include "guest/report.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define STATUS_SIZE 8192u
#define SMALL_SIZE 256u

static const char *const set_names[CSN_CAP_SETS] = {"cap_inheritable", "cap_permitted",
                                                    "cap_effective", "cap_bounding", "cap_ambient"};

/* ---- as the engine started us ---------------------------------------------------------------- */

static struct {
  uint64_t caps[CSN_CAP_EFFECTIVE + 1];
  int no_new_privs;
  bool has_caps, has_core;
  struct rlimit core;
} given;

void csn_report_remember(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
  given.has_caps = syscall(SYS_capget, &header, data) == 0;
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    given.caps[CSN_CAP_INHERITABLE] |= (uint64_t)data[i].inheritable << (32 * i);
    given.caps[CSN_CAP_PERMITTED] |= (uint64_t)data[i].permitted << (32 * i);
    given.caps[CSN_CAP_EFFECTIVE] |= (uint64_t)data[i].effective << (32 * i);
  }
  given.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  given.has_core = getrlimit(RLIMIT_CORE, &given.core) == 0;
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int64_t limit_of(rlim_t limit) {
  return limit == RLIM_INFINITY || limit > (rlim_t)INT64_MAX ? -1 : (int64_t)limit;
}

static void add_limit(struct csn_report_json *json, const char *name, bool known,
                      const struct rlimit *limit) {
  if (!known) {
    csn_report_null(json, name);
    return;
  }
  csn_report_array(json, name);
  csn_report_number(json, NULL, limit_of(limit->rlim_cur));
  csn_report_number(json, NULL, limit_of(limit->rlim_max));
  csn_report_end_array(json);
}

void csn_report_add_limits(struct csn_report_json *json) {
  static const struct {
    const char *name;
    __rlimit_resource_t resource;
  } limits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},       {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},     {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},     {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},   {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
  };
  csn_report_object(json, "rlimits");
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit limit;
    bool known = prlimit(0, limits[i].resource, NULL, &limit) == 0;
    add_limit(json, limits[i].name, known, &limit);
  }
  csn_report_end_object(json);
}

void csn_report_add_given(struct csn_report_json *json) {
  csn_report_object(json, "given");
  csn_report_known(json, "no_new_privs", given.no_new_privs >= 0, given.no_new_privs);
  for (int i = 0; i <= CSN_CAP_EFFECTIVE; i++) {
    char text[CSN_REPORT_CAPS_SIZE];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)given.caps[i]);
    if (given.has_caps)
      csn_report_string(json, set_names[i], text);
    else
      csn_report_null(json, set_names[i]);
  }
  add_limit(json, "core", given.has_core, &given.core);
  csn_report_end_object(json);
}

/* ---- status ---------------------------------------------------------------------------------- */

static void add_numbers(struct csn_report_json *json, const char *name, bool known,
                        const int64_t *numbers, size_t count) {
  if (!known) {
    csn_report_null(json, name);
    return;
  }
  csn_report_array(json, name);
  for (size_t i = 0; i < count; i++) csn_report_number(json, NULL, numbers[i]);
  csn_report_end_array(json);
}

/* The status of a process, or null where there is none to be read. */
static void add_status(struct csn_report_json *json, const char *path) {
  char text[STATUS_SIZE];
  struct csn_report_status status;
  struct csn_report_slice read = csn_report_read(path, text, sizeof text, &json->cut);
  if (read.bytes == NULL) {
    csn_report_null(json, "status");
    return;
  }
  csn_report_read_status(read, &status);
  if (status.cut) json->cut = true;
  csn_report_object(json, "status");
  add_numbers(json, "uid", status.has_uid, status.uid, 4);
  add_numbers(json, "gid", status.has_gid, status.gid, 4);
  add_numbers(json, "groups", status.has_groups, status.groups, status.group_count);
  for (int i = 0; i < CSN_CAP_SETS; i++) {
    if (status.caps[i][0] != '\0')
      csn_report_string(json, set_names[i], status.caps[i]);
    else
      csn_report_null(json, set_names[i]);
  }
  csn_report_known(json, "no_new_privs", status.has_no_new_privs, status.no_new_privs);
  csn_report_known(json, "seccomp", status.has_seccomp, status.seccomp);
  csn_report_known(json, "seccomp_filters", status.has_seccomp_filters, status.seccomp_filters);
  csn_report_end_object(json);
}

static void add_number_of(struct csn_report_json *json, const char *name, const char *path) {
  char text[SMALL_SIZE];
  int64_t number = 0;
  bool cut = false;
  struct csn_report_slice read = csn_report_read(path, text, sizeof text, &cut);
  bool known = read.bytes != NULL && csn_report_to_number(read, &number);
  csn_report_known(json, name, known, number);
}

/* What a security module calls the process, AppArmor's profile for one. */
static void add_label(struct csn_report_json *json) {
  char text[SMALL_SIZE];
  struct csn_report_slice read =
      csn_report_read("/proc/self/attr/current", text, sizeof text, &json->cut);
  while (read.size > 0 && (read.bytes[read.size - 1] == '\n' || read.bytes[read.size - 1] == '\0'))
    read.size--;
  if (read.size == 0)
    csn_report_null(json, "security_label");
  else
    csn_report_bytes(json, "security_label", read.bytes, read.size);
}

void csn_report_add_process(struct csn_report_json *json) {
  struct utsname names;
  bool named = uname(&names) == 0;
  add_status(json, "/proc/self/status");
  add_number_of(json, "oom_score_adj", "/proc/self/oom_score_adj");
  add_number_of(json, "init_oom_score_adj", "/proc/1/oom_score_adj");
  add_number_of(json, "user_namespaces", "/proc/sys/user/max_user_namespaces");
  add_label(json);
  csn_report_bool(json, "tty", isatty(STDIN_FILENO) || isatty(STDOUT_FILENO));
  if (named) {
    csn_report_string(json, "hostname", names.nodename);
    csn_report_string(json, "kernel", names.release);
  } else {
    csn_report_null(json, "hostname");
    csn_report_null(json, "kernel");
  }
}

void csn_report_add_init(struct csn_report_json *json, bool pid1) {
  csn_report_object(json, "init");
  csn_report_bool(json, "pid1", pid1);
  add_status(json, "/proc/1/status");
  csn_report_end_object(json);
}

/* A namespace's inode is its identity, and the machine's own have fixed ones. */
void csn_report_add_namespaces(struct csn_report_json *json) {
  static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  csn_report_object(json, "namespaces");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[32];
    struct stat file = {0};
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
    bool known = stat(path, &file) == 0;
    csn_report_known(json, names[i], known, (int64_t)file.st_ino);
  }
  csn_report_end_object(json);
}
