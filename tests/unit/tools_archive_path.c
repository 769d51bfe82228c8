/* SPDX-License-Identifier: Apache-2.0 */
/* Which names and links of an archive are safe. */
#include "tools/archive_path.h"

#include <string.h>

#include "tap.h"

static const struct {
  const char *name;
  unsigned strip;
  int rc;
  const char *wanted; /* the path, or a word of the reason */
} paths[] = {
    {"a/b", 0, 1, "a/b"},     {"./a//b/./", 0, 1, "a/b"}, {"a/b/c", 1, 1, "b/c"},
    {"a", 1, 0, ""},          {"./", 0, 0, ""},           {"", 0, -1, "no name"},
    {"/a", 0, -1, "absolute"}, {"..", 0, -1, ".."},       {"a/../b", 0, -1, ".."},
    {"../a", 1, -1, ".."},    {"..a/b..", 0, 1, "..a/b.."}, {"a\\..\\b", 0, 1, "a\\..\\b"},
    {"\xff", 0, 1, "\xff"},   {"a/..", 5, -1, ".."},
};

static const struct {
  const char *path, *target;
  int rc;
} links[] = {
    {"l", "a", 0},           {"l", "a/b/./c", 0},  {"l", ".", 0},         {"a/l", "..", 0},
    {"a/l", "../b", 0},      {"a/b/l", "../../c", 0}, {"l", "..", -1},    {"a/l", "../..", -1},
    {"l", "/etc", -1},       {"l", "", -1},        {"l", "a/..", -1},     {"a/b/l", "../x/../y", -1},
    {"l", "a/../../b", -1},  {"l", "...", 0},
};

static void test_lengths(void) {
  char name[6000], out[CSN_ARCHIVE_PATH_SIZE];
  const char *why = NULL;
  memset(name, 'n', 255);
  name[255] = '\0';
  is_int(csn_archive_path(name, 0, out, &why), 1, "255 bytes are a name");
  strcat(name, "n");
  is_int(csn_archive_path(name, 0, out, &why), -1, "256 are none");
  name[0] = '\0';
  for (int i = 0; i < CSN_ARCHIVE_DEPTH_MAX; i++) strcat(name, "a/");
  is_int(csn_archive_path(name, 0, out, &why), 1, "as deep as it may be");
  strcat(name, "a");
  is_int(csn_archive_path(name, 0, out, &why), -1, "and deeper");
  name[0] = '\0';
  for (int i = 0; i < 41; i++) strcat(strcat(name, i ? "/" : ""),
      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
  is_int(csn_archive_path(name, 0, out, &why), -1, "a path of %zu bytes", strlen(name));
}

int main(void) {
  char out[CSN_ARCHIVE_PATH_SIZE];
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    const char *why = "";
    int rc = csn_archive_path(paths[i].name, paths[i].strip, out, &why);
    is_int(rc, paths[i].rc, "\"%s\"", paths[i].name);
    ok(strstr(rc < 0 ? why : out, paths[i].wanted), "%s", rc < 0 ? why : out);
  }
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    const char *why = "";
    is_int(csn_archive_symlink(links[i].path, links[i].target, &why), links[i].rc, "%s -> \"%s\"",
           links[i].path, links[i].target);
  }
  test_lengths();
  return done_testing();
}
