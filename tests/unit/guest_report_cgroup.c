/* SPDX-License-Identifier: Apache-2.0 */
/* The control group's limits, in version 1, version 2 and a hybrid: in folders made for it. */
#include "guest/report_parts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char top[64];

static void put(const char *path, const char *text) {
  char whole[256];
  snprintf(whole, sizeof whole, "%s/%s", top, path);
  for (char *slash = whole + strlen(top) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
    *slash = '\0';
    mkdir(whole, 0700);
    *slash = '/';
  }
  FILE *file = fopen(whole, "w");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0) BAIL_OUT("%s", whole);
}

/* In both texts @ stands for the folder of this test. */
static struct csn_report_slice at_top(const char *text, char *out, size_t capacity) {
  size_t n = 0;
  for (; *text && n + sizeof top < capacity; text++) {
    if (*text == '@')
      n += (size_t)snprintf(out + n, capacity - n, "%s", top);
    else
      out[n++] = *text;
  }
  return (struct csn_report_slice){out, n};
}

static void is_group(const char *mounts, const char *membership, const char *expected,
                     const char *what) {
  char mountinfo[2048], groups[512], bytes[1024];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes - 1};
  csn_report_add_cgroup(&json, at_top(mounts, mountinfo, sizeof mountinfo),
                        at_top(membership, groups, sizeof groups));
  bytes[json.size] = '\0';
  is_str(bytes, expected, "%s", what);
}

#define GROUP(version, memory, swap, pids, quota, period)                                       \
  "\"cgroup\":{\"version\":" version ",\"memory_max\":" memory ",\"memory_swap_max\":" swap     \
  ",\"pids_max\":" pids ",\"cpu_quota_us\":" quota ",\"cpu_period_us\":" period "}"

static void test_v1(void) {
  static const char mounts[] =
      "1 0 0:1 /docker/x @/v1/memory ro - cgroup cgroup rw,memory\n"
      "1 0 0:2 /docker/x @/v1/pids ro - cgroup cgroup rw,pids\n"
      "1 0 0:3 /docker/x @/v1/cpu\\040all ro - cgroup cgroup rw,cpuacct,cpu\n"
      "1 0 0:4 / @/v2 ro - cgroup2 cgroup2 rw\n";
  static const char membership[] = "9:memory:/docker/x\n8:pids:/docker/x\n"
                                   "7:cpuacct,cpu:/docker/x\n0::/docker/x\n";
  put("v1/memory/memory.limit_in_bytes", "1073741824\n");
  put("v1/pids/pids.max", "256\n");
  put("v1/cpu all/cpu.cfs_quota_us", "-1\n");
  put("v1/cpu all/cpu.cfs_period_us", "100000\n");
  is_group(mounts, membership, GROUP("1", "1073741824", "null", "256", "-1", "100000"),
           "version 1 in a hybrid, on a machine that does not count swap");
  put("v1/memory/memory.memsw.limit_in_bytes", "9223372036854771712\n");
  is_group(mounts, membership, GROUP("1", "1073741824", "-1", "256", "-1", "100000"),
           "the largest number of pages is no limit");
}

/* A hierarchy that is mounted from above the group: its limits are further down. */
static void test_below(void) {
  put("v1/memory/docker/x/memory.limit_in_bytes", "4096\n");
  is_group("1 0 0:1 / @/v1/memory ro - cgroup cgroup rw,memory\n", "9:memory:/docker/x\n",
           GROUP("1", "4096", "null", "null", "null", "null"), "a group below the mount");
  is_group("1 0 0:1 /docker @/v1/memory/docker ro - cgroup cgroup rw,memory\n",
           "9:memory:/docker/x\n", GROUP("1", "4096", "null", "null", "null", "null"),
           "and below a part of its path");
  is_group("1 0 0:1 /dock @/v1/memory ro - cgroup cgroup rw,memory\n", "9:memory:/docker/x\n",
           GROUP("1", "1073741824", "-1", "null", "null", "null"),
           "half a name is not a part of it: then the mount is the group");
}

static void test_v2(void) {
  static const char mounts[] = "1 0 0:4 / @/v2 ro - cgroup2 cgroup rw,nsdelegate\n";
  put("v2/memory.max", "1000\n");
  put("v2/memory.swap.max", "24\n");
  put("v2/pids.max", "max\n");
  put("v2/cpu.max", "150000 100000\n");
  is_group(mounts, "0::/\n", GROUP("2", "1000", "1024", "-1", "150000", "100000"),
           "version 2, where swap is counted beside memory");
  put("v2/memory.swap.max", "max\n");
  put("v2/cpu.max", "max 100000\n");
  is_group(mounts, "0::/\n", GROUP("2", "1000", "-1", "-1", "-1", "100000"), "without limits");
  put("v2/memory.swap.max", "0\n");
  put("v2/memory.max", "nonsense\n");
  put("v2/cpu.max", "x\n");
  is_group(mounts, "0::/\n", GROUP("2", "null", "null", "-1", "null", "null"),
           "what is no number is not known");
  is_group(mounts, "3:pids:/\n", GROUP("null", "null", "null", "null", "null", "null"),
           "who is in no group of version 2 has none of its limits");
}

int main(void) {
  snprintf(top, sizeof top, "/tmp/caisson-report-XXXXXX");
  if (!mkdtemp(top)) BAIL_OUT("no folder");
  test_v1();
  test_below();
  test_v2();
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", top);
  if (system(command) != 0) BAIL_OUT("%s", command);
  return done_testing();
}
