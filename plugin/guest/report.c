/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/report.h"

#include "guest/basics.h"
#include "guest/report_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VERSION 1
#define GROUPS_SIZE 4096u

/* How much room each list may take; what is left is that of all that is of fixed size. */
enum { MOUNTS = 24576, INTERFACES = 4096, ROUTES = 18432, RULES = 4096, DEVICES = 6144 };

static char mountinfo[1 << 16];

struct csn_report_slice csn_report_read(const char *path, char *buffer, size_t capacity,
                                        bool *cut) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t size = 0;
  ssize_t got = fd < 0 ? -1 : 1;
  while (got > 0 && size < capacity) {
    got = read(fd, buffer + size, capacity - size);
    if (got < 0 && errno == EINTR) got = 1;
    else if (got > 0) size += (size_t)got;
  }
  if (fd >= 0) close(fd);
  if (got > 0) *cut = true;
  return (struct csn_report_slice){got < 0 ? NULL : buffer, got < 0 ? 0 : size};
}

static void add_all(struct csn_report_json *json, bool pid1) {
  char groups[GROUPS_SIZE];
  struct csn_report_slice mounts, membership;
  mounts = csn_report_read("/proc/self/mountinfo", mountinfo, sizeof mountinfo, &json->cut);
  membership = csn_report_read("/proc/self/cgroup", groups, sizeof groups, &json->cut);
  csn_report_add_process(json);
  csn_report_add_given(json);
  csn_report_add_init(json, pid1);
  csn_report_add_limits(json);
  csn_report_add_namespaces(json);
  csn_report_add_cgroup(json, mounts, membership);
  csn_report_add_paths(json);
  csn_report_add_mounts(json, mounts, json->size + MOUNTS);
  csn_report_add_network(json, INTERFACES, ROUTES, RULES);
  csn_report_add_devices(json, json->size + DEVICES);
  csn_guest_release(mountinfo, sizeof mountinfo);
}

size_t csn_report_write(char *bytes, size_t capacity, bool pid1) {
  struct csn_report_json json = {.bytes = bytes, .capacity = capacity};
  csn_report_object(&json, NULL);
  csn_report_number(&json, "v", VERSION);
  struct csn_report_mark start = csn_report_mark(&json);
  add_all(&json, pid1);
  csn_report_bool(&json, "cut", json.cut);
  csn_report_end_object(&json);
  if (!json.full) return json.size;
  /* Less than anybody has use for; but it says so. */
  csn_report_undo(&json, start);
  csn_report_bool(&json, "cut", true);
  csn_report_end_object(&json);
  return json.size;
}
