/* SPDX-License-Identifier: Apache-2.0 */
#include "session/path_rules.h"

#include <string.h>

#include "util/path.h"

#define BELOW_MAX 90 /* bytes: it has to fit into any tar */

static int has_control(const char *path) {
  for (; *path; path++)
    if ((unsigned char)*path < 0x20 || *path == 0x7f) return 1;
  return 0;
}

int csn_path_is_plain(const char *path) {
  char resolved[CSN_PATH_SIZE];
  return *path == '/' && csn_path_resolve("/", path, resolved) == 0 &&
         strcmp(resolved, path) == 0 && !has_control(path);
}

int csn_path_is_within(const char *path, const char *directory) {
  size_t n = strlen(directory);
  if (n == 1) return 1; /* "/" */
  return strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* ---- the host's side ------------------------------------------------------------------------- */

const char *const csn_path_forbidden[] = {"/",     "/proc", "/sys",     "/dev",
                                          "/etc",  "/boot", "/run",     "/var/run",
                                          "/var/lib/docker", "/var/lib/containers",
                                          "/var/lib/containerd", NULL};

const char *csn_path_find_forbidden(const char *path, const char *const *list) {
  for (; *list; list++) {
    int is_root = strcmp(*list, "/") == 0;
    if (is_root ? strcmp(path, "/") == 0
                : csn_path_is_within(path, *list) || csn_path_is_within(*list, path))
      return *list;
  }
  return NULL;
}

/* ---- the sandbox's side ---------------------------------------------------------------------- */

/* The kernel's, the helper's, and what the policy mounts itself. */
static const struct {
  const char *path;
  int below_too;
  const char *problem;
} taken[] = {
    {"/", 0, "must not be /, which is the image's"},
    {"/proc", 1, "must not be in /proc"},
    {"/sys", 1, "must not be in /sys"},
    {"/dev", 1, "must not be in /dev"},
    {"/.caisson", 1, "must not be in /.caisson, which is the helper's"},
    {"/tmp/.caisson", 1, "must not be in /tmp/.caisson, which is the helper's"},
    {"/tmp", 0, "must not be /tmp, which is a tmpfs of its own (sandbox.tmp)"},
    {"/workspace", 0, "must not be /workspace, which sandbox.workspace is about"},
};

const char *csn_path_target_problem(const char *target) {
  if (!csn_path_is_plain(target))
    return "must be an absolute path without \".\", \"..\", doubled slashes or a slash at its end";
  if (strchr(target, ':') || strchr(target, ',')) return "must hold neither ':' nor ','";
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
    int is_hit = taken[i].below_too ? csn_path_is_within(target, taken[i].path)
                                    : strcmp(target, taken[i].path) == 0;
    if (is_hit) return taken[i].problem;
  }
  return NULL;
}

const char *csn_path_below_problem(const char *path) {
  char resolved[CSN_PATH_SIZE];
  if (*path == '/') return "must be relative to the workspace";
  if (csn_path_resolve("/", path, resolved) != 0 || strcmp(resolved + 1, path) != 0 || !*path ||
      strlen(path) > BELOW_MAX || has_control(path))
    return "must be a plain path below the workspace, such as \"uploads/raw\"";
  return NULL;
}
