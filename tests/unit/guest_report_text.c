/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's texts say: status, mountinfo and cgroup, of several kernels and of none. */
#include "guest/report_text.h"
#include "guest/report_parts.h"

#include "tap.h"

#define TEXT(literal) ((struct csn_report_slice){(literal), sizeof(literal) - 1})

static const char modern[] =
    "Name:\tcaisson-serve\nUmask:\t0022\nState:\tR (running)\nNoNewPrivsX:\t7\n"
    "Uid:\t54399\t54398\t54397\t54396\nGid:\t1\t2\t3\t4\nGroups:\t5 6 54399 \n"
    "CapInh:\t0000000000000001\nCapPrm:\t0000000000000002\nCapEff:\t0000000000000003\n"
    "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000005\nNoNewPrivs:\t1\nSeccomp:\t2\n"
    "Seccomp_filters:\t3\n";

static void test_status(void) {
  struct csn_report_status s;
  csn_report_read_status(TEXT(modern), &s);
  ok(s.has_uid && s.uid[0] == 54399 && s.uid[1] == 54398 && s.uid[2] == 54397 && s.uid[3] == 54396,
     "all four users");
  ok(s.has_gid && s.gid[0] == 1 && s.gid[3] == 4, "all four groups");
  ok(s.has_groups && s.group_count == 3 && s.groups[2] == 54399, "the further groups");
  is_str(s.caps[CSN_CAP_INHERITABLE], "0000000000000001", "inheritable");
  is_str(s.caps[CSN_CAP_PERMITTED], "0000000000000002", "permitted");
  is_str(s.caps[CSN_CAP_EFFECTIVE], "0000000000000003", "effective");
  is_str(s.caps[CSN_CAP_BOUNDING], "000001ffffffffff", "bounding");
  is_str(s.caps[CSN_CAP_AMBIENT], "0000000000000005", "ambient");
  ok(s.has_no_new_privs && s.no_new_privs == 1, "no new privileges, by its whole name");
  ok(s.has_seccomp && s.seccomp == 2 && s.has_seccomp_filters && s.seccomp_filters == 3, "seccomp");
  ok(!s.cut, "nothing was cut");
}

/* gVisor writes less, and nobody may take that for a value. */
static void test_missing(void) {
  struct csn_report_status s;
  csn_report_read_status(TEXT("Name:\tx\nUid:\t1 2 3\nGroups:\t\nCapEff:\tzz\nCapBnd:\t"
                              "00000000g0000000\nSeccomp:\tx\nNoNewPrivs:\n"),
                         &s);
  ok(!s.has_uid && !s.has_gid, "three users are none");
  ok(s.has_groups && s.group_count == 0, "no further groups are known to be none");
  ok(s.caps[CSN_CAP_EFFECTIVE][0] == '\0' && s.caps[CSN_CAP_BOUNDING][0] == '\0',
     "what is no set of capabilities is unknown");
  ok(!s.has_seccomp && !s.has_no_new_privs && !s.has_seccomp_filters, "so is what is no number");
  csn_report_read_status((struct csn_report_slice){NULL, 0}, &s);
  ok(!s.has_uid && !s.has_groups, "an empty text says nothing");
}

static void test_many_groups(void) {
  struct csn_report_status s;
  char text[2000] = "Groups:";
  for (int i = 0; i < 70; i++) snprintf(text + strlen(text), 16, " %d", i);
  csn_report_read_status((struct csn_report_slice){text, strlen(text)}, &s);
  ok(s.group_count == CSN_REPORT_GROUPS_MAX && s.cut, "too many groups are cut, and it is said");
}

static bool is_slice(struct csn_report_slice slice, const char *text, const char *what) {
  if (ok(csn_report_equals(slice, text), "%s: \"%s\"", what, text)) return true;
  diag("found: %.*s", (int)slice.size, slice.bytes);
  return false;
}

static void test_mounts(void) {
  struct csn_report_slice text = TEXT(
      "501 480 0:55 / / ro,relatime master:1 shared:2 - overlay overlay rw,lowerdir=/a\n"
      "502 501 0:60 /a\\040b /sp\\011ace\\134 rw,nosuid - ext4 /dev/vda rw,discard\n"
      "503 501 0:61 / /empty ro - tmpfs  rw,size=1k\n"
      "nonsense\n"
      "504 501 0:62 / /last rw - proc proc");
  struct csn_report_mount m;
  is_int(csn_report_next_mount(&text, &m), 1, "the first");
  is_slice(m.target, "/", "target");
  is_slice(m.options, "ro,relatime", "options");
  is_slice(m.type, "overlay", "type, behind two tags");
  is_slice(m.super, "rw,lowerdir=/a", "the file system's options");
  is_int(csn_report_next_mount(&text, &m), 1, "the second");
  char plain[64];
  bool cut = false;
  size_t n = csn_report_unescape(m.target, plain, sizeof plain, &cut);
  ok(n == 8 && memcmp(plain, "/sp\tace\\", 8) == 0, "escapes in a target are undone");
  n = csn_report_unescape(m.root, plain, sizeof plain, &cut);
  ok(n == 4 && memcmp(plain, "/a b", 4) == 0 && !cut, "and in a root");
  n = csn_report_unescape(m.root, plain, 2, &cut);
  ok(n == 2 && cut, "what has no room is cut, and it is said");
  is_int(csn_report_next_mount(&text, &m), 1, "the third");
  is_slice(m.source, "", "an empty source");
  is_slice(m.super, "rw,size=1k", "and what follows it");
  is_int(csn_report_next_mount(&text, &m), -1, "a line of another form is none");
  is_int(csn_report_next_mount(&text, &m), 1, "and the next one is read all the same");
  is_slice(m.type, "proc", "also without a newline behind it");
  is_int(csn_report_next_mount(&text, &m), 0, "then there is no more");
}

static void test_escapes(void) {
  static const struct {
    const char *text, *plain;
  } rows[] = {{"a\\040b", "a b"}, {"\\134\\012", "\\\n"}, {"\\04", "\\04"},   {"\\", "\\"},
              {"\\777", "\\777"}, {"\\0401", " 1"},       {"\\089", "\\089"}, {"", ""}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char plain[32] = "";
    bool cut = false;
    struct csn_report_slice text = {rows[i].text, strlen(rows[i].text)};
    plain[csn_report_unescape(text, plain, sizeof plain - 1, &cut)] = '\0';
    is_str(plain, rows[i].plain, "\"%s\" is unescaped", rows[i].text);
  }
}

static void test_groups(void) {
  struct csn_report_slice path;
  struct csn_report_slice v1 = TEXT("12:pids:/docker/a\n4:cpu,cpuacct:/docker/b\n"
                                    "1:name=systemd:/docker/c\n0::/system.slice\n");
  ok(csn_report_cgroup_path(v1, "cpu", &path), "a controller beside another");
  is_slice(path, "/docker/b", "its path");
  ok(csn_report_cgroup_path(v1, NULL, &path), "version 2 in a hybrid");
  is_slice(path, "/system.slice", "its path");
  ok(!csn_report_cgroup_path(v1, "memory", &path), "one that is not there");
  ok(!csn_report_cgroup_path(v1, "acct", &path), "a piece of a name is none");
  ok(!csn_report_cgroup_path(TEXT("7:x"), "x", &path), "nor is a line without a path");
}

static void test_numbers(void) {
  static const struct {
    const char *text;
    bool good;
    int64_t value;
  } rows[] = {
    {"1073741824\n", true, 1073741824},
    {"max\n", true, -1},
    {"-1\n", true, -1},
    {" 0 ", true, 0},
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"-", false, 0},
    {"", false, 0},
    {"1 2", false, 0},
    {"0x10", false, 0},
    {"max 100", false, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t value = 0;
    struct csn_report_slice text = {rows[i].text, strlen(rows[i].text)};
    bool good = csn_report_to_number(text, &value);
    ok(good == rows[i].good && (!good || value == rows[i].value), "\"%s\" is %s", rows[i].text,
       rows[i].good ? "that number" : "no number");
  }
}

/* ---- what is made of mountinfo --------------------------------------------------------------- */

static void is_mounts(const char *text, size_t limit, const char *expected, bool cut,
                      const char *what) {
  char bytes[4096];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes - 1};
  csn_report_add_mounts(&json, (struct csn_report_slice){text, text ? strlen(text) : 0}, limit);
  bytes[json.size] = '\0';
  is_str(bytes, expected, "%s", what);
  ok(json.cut == cut && !json.full, "%s", cut ? "it says that it was cut" : "nothing was cut");
}

static void test_list(void) {
  static const char two[] = "1 2 0:1 / /a ro - overlay o\\040o rw,lowerdir=/x:/y,upperdir=/u,"
                            "workdir=/w,volatile\n1 2 0:2 / /b\xff\" rw - tmpfs t lowerdir=/z\n";
  static const char first[] =
      "\"mounts\":[{\"target\":\"/a\",\"root\":\"/\",\"type\":\"overlay\",\"source\":\"o o\","
      "\"options\":\"ro\",\"super\":\"rw,volatile\"}";
  char all[1024], one[512];
  snprintf(all, sizeof all,
           "%s,{\"target\":\"/b\xef\xbf\xbd\\u0022\",\"root\":\"/\",\"type\":\"tmpfs\","
           "\"source\":\"t\",\"options\":\"rw\",\"super\":\"\"}]",
           first);
  snprintf(one, sizeof one, "%s]", first);
  is_mounts(two, 4000, all, false, "mounts, without an overlay's layers, as valid JSON");
  is_mounts(two, strlen(first) + 10, one, true, "what has no room is left out whole");
  is_mounts("bad\n", 4000, "\"mounts\":[]", true, "a line of another form is not passed over");
  is_mounts(NULL, 4000, "\"mounts\":null", false, "what cannot be read is null");
}

/* The group's limits are looked for where mountinfo and the membership lead; here to no group. */
static void test_no_group(void) {
  char bytes[512];
  struct csn_report_json json = {.bytes = bytes, .capacity = sizeof bytes - 1};
  struct csn_report_slice none = {NULL, 0};
  csn_report_add_cgroup(&json, none, none);
  bytes[json.size] = '\0';
  is_str(bytes,
         "\"cgroup\":{\"version\":null,\"memory_max\":null,\"memory_swap_max\":null,"
         "\"pids_max\":null,\"cpu_quota_us\":null,\"cpu_period_us\":null}",
         "without control groups every limit is unknown");
}

int main(void) {
  test_status();
  test_missing();
  test_many_groups();
  test_mounts();
  test_escapes();
  test_groups();
  test_numbers();
  test_list();
  test_no_group();
  return done_testing();
}
