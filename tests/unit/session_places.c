/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths may be mounted where, and directories of this machine found and made without ever
 * leaving the root that they lie under. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/host_dir.h"
#include "session/path_rules.h"
#include "tap.h"

static char root[] = "/tmp/caisson-places-XXXXXX";

/* ---- rules ---------------------------------------------------------------------------------- */

static void test_plain(void) {
  static const struct {
    const char *path;
    int is_plain;
  } cases[] = {{"/", 1},      {"/a", 1},     {"/a/b c", 1},  {"/a/...", 1}, {"/a.b/-", 1},
               {"", 0},       {"a", 0},      {"/a/", 0},     {"//a", 0},    {"/a//b", 0},
               {"/a/.", 0},   {"/a/..", 0},  {"/../a", 0},   {"/a\n", 0},   {"/a\x7f", 0},
               {"/a/../b", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is_int(csn_path_is_plain(cases[i].path), cases[i].is_plain, "\"%s\"", cases[i].path);
}

static void test_within(void) {
  ok(csn_path_is_within("/a/b", "/a") && csn_path_is_within("/a", "/a") &&
         csn_path_is_within("/a", "/"), "in it, it, and in the root");
  ok(!csn_path_is_within("/ab", "/a") && !csn_path_is_within("/", "/a") &&
         !csn_path_is_within("/b/a", "/a"), "a name that begins alike is another");
}

static void test_forbidden(void) {
  static const struct {
    const char *path, *why;
  } cases[] = {{"/", "/"},           {"/etc", "/etc"},      {"/etc/passwd", "/etc"},
               {"/proc/1", "/proc"}, {"/run/x", "/run"},    {"/var/run/docker.sock", "/var/run"},
               {"/var", "/var/run"}, {"/var/lib", "/var/lib/docker"},
               {"/var/lib/docker/volumes", "/var/lib/docker"},
               {"/srv", NULL},       {"/etcetera", NULL},   {"/var/lib/caisson", NULL},
               {"/home/run", NULL},  {"/devices", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    is_str(csn_path_find_forbidden(cases[i].path, csn_path_forbidden), cases[i].why, "%s",
           cases[i].path);
}

static void test_targets(void) {
  static const char *const good[] = {"/mnt", "/workspace/data", "/tmp/data", "/procfs",
                                     "/etc/app.conf"};
  static const char *const bad[] = {
      "/",    "/proc",       "/proc/sys",     "/sys/x",             "/dev", "/dev/shm", "/.caisson",
      "/tmp", "/.caisson/x", "/tmp/.caisson", "/tmp/.caisson/seen", "mnt",  "/a:b",     "/workspace",
      "/a,b", "/a/",         "/a/../proc",    ""};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    is_str(csn_path_target_problem(good[i]), NULL, "%s may be mounted on", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(csn_path_target_problem(bad[i]) != NULL, "\"%s\" may not", bad[i]);
}

static void test_below(void) {
  static const char *const bad[] = {"", "/a", "..", "a/..", "a//b", "a/", ".", "a\n"};
  char longest[92];
  is_str(csn_path_below_problem("a/b c/-"), NULL, "a folder in the workspace");
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ok(csn_path_below_problem(bad[i]) != NULL, "\"%s\" is none", bad[i]);
  memset(longest, 'a', sizeof longest - 1);
  longest[91] = '\0';
  ok(csn_path_below_problem(longest) != NULL, "nor is one of 91 bytes");
  longest[90] = '\0';
  is_str(csn_path_below_problem(longest), NULL, "one of 90 is");
}

/* ---- this machine --------------------------------------------------------------------------- */

static const char *below(const char *name) {
  static char buffers[4][PATH_MAX];
  static unsigned next;
  char *out = buffers[next++ % 4];
  snprintf(out, PATH_MAX, "%s%s", root, name);
  return out;
}

static int find(const char *name, struct csn_host_place *at, struct csn_error *err) {
  memset(err, 0, sizeof *err);
  return csn_host_find("here", root, below(name), at, err);
}

static void test_find(void) {
  struct csn_host_place at;
  struct csn_error err;
  mkdir(below("/dir"), 0755);
  is_int(find("/dir", &at, &err), 0, "a directory");
  is_str(at.path, below("/dir"), "is where it is");
  is_int(find("", &at, &err), 0, "the root itself");
  is_int(find("/none", &at, &err), 1, "what is not there");
  is_str(at.path, root, "would lie in the root");
  is_int(find("/dir/none/deeper", &at, &err), 1, "nor further down");
  is_str(at.path, below("/dir"), "but under what is there");
  ok(symlink("/etc", below("/link")) == 0 && find("/link", &at, &err) == CAISSON_E_CONFIG &&
         strstr(err.message, "symbolic link"), "a link is refused");
  is_str(err.reason, CAISSON_REASON_POLICY, "by its reason");
  is_int(find("/link/passwd", &at, &err), CAISSON_E_CONFIG, "so is what is behind one");
  ok(mkfifo(below("/fifo"), 0600) == 0 && find("/fifo", &at, &err) == CAISSON_E_CONFIG,
     "a FIFO is refused, without waiting for it");
  is_int(csn_host_find("here", below("/gone"), below("/gone/x"), &at, &err), CAISSON_E_CONFIG,
         "a root that is not there");
}

static void test_make(void) {
  const struct csn_host_owner owner = {getuid(), getgid(), 0710, 0};
  struct csn_host_place at;
  struct csn_error err = {0};
  struct stat st;
  is_int(csn_host_make("here", root, below("/new/deep/er"), &owner, &at, &err), 0,
         "three directories");
  is_str(at.path, below("/new/deep/er"), "are made");
  ok(at.st.st_uid == getuid() && (at.st.st_mode & 07777) == 0710, "the last with owner and mode");
  ok(stat(below("/new"), &st) == 0 && (st.st_mode & 07777) == 0755, "those above with another");
  is_int(csn_host_make("here", root, below("/new/deep/er"), &owner, &at, &err), 0, "again");
  ok(chmod(below("/new/deep/er"), 0700) == 0 &&
         csn_host_make("here", root, below("/new/deep/er"), &owner, &at, &err) == 0 &&
         (at.st.st_mode & 07777) == 0700, "what is there is left as it is");
  is_int(csn_host_make("here", root, below("/link/x"), &owner, &at, &err), CAISSON_E_CONFIG,
         "nothing is made behind a link");
  ok(access("/etc/x", F_OK) != 0, "indeed");
  is_int(csn_host_make("here", root, below("/fifo/x"), &owner, &at, &err), CAISSON_E_CONFIG,
         "nor in what is no directory");
}

int main(void) {
  char command[64];
  if (!mkdtemp(root)) BAIL_OUT("no directory in /tmp");
  test_plain();
  test_within();
  test_forbidden();
  test_targets();
  test_below();
  test_find();
  test_make();
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  if (system(command) != 0) diag("cannot remove %s", root);
  return done_testing();
}
