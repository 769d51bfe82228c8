/* SPDX-License-Identifier: Apache-2.0 */
/* What of a sandbox's settings the schema cannot say, as far as texts tell: what contradicts
 * itself, and what is never given to a sandbox. */
#include <stdlib.h>
#include <string.h>

#include "session/names.h"
#include "session/path_rules.h"
#include "session/policy_mounts.h"
#include "util/json.h"

static int invalid(struct csn_error *err, const char *path, const char *words, const char *what) {
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG, "%s: %s%s", path, words, what);
}

/* Of "uid:gid": a root without capabilities still owns the helper's files and most of the image. */
static int is_root(const char *user) {
  const char *gid = strchr(user, ':');
  return strcmp(user, "root") == 0 ||
         (gid && (strtoul(user, NULL, 10) == 0 || strtoul(gid + 1, NULL, 10) == 0));
}

static int check_user(const struct csn_sandbox_settings *e, struct csn_error *err) {
  if (is_root(e->user)) return invalid(err, "sandbox.user", "neither uid nor gid may be 0", "");
  int is_bind = strcmp(csn_json_string(e->workspace, "type", ""), "bind") == 0;
  if (is_bind || strcmp(e->user, "owner-of-workspace") != 0) return 0;
  return invalid(err, "sandbox.user",
                 "\"owner-of-workspace\" needs a workspace of the type \"bind\"", "");
}

static int check_labels(const cJSON *labels, struct csn_error *err) {
  const cJSON *label;
  cJSON_ArrayForEach(label, labels) {
    if (!*label->string) return invalid(err, "sandbox.labels", "a name must not be empty", "");
    if (strncmp(label->string, "caisson.", 8) == 0)
      return invalid(err, "sandbox.labels",
                     "names that begin with \"caisson.\" are the plugin's own: ", label->string);
  }
  return 0;
}

static int check_roots(const cJSON *roots, struct csn_error *err) {
  const cJSON *root;
  cJSON_ArrayForEach(root, roots) {
    if (!csn_path_is_plain(root->valuestring))
      return invalid(err, "sandbox.bind_roots", "must be absolute paths without \".\", \"..\", "
                     "doubled slashes or a slash at the end: ", root->valuestring);
    if (csn_path_find_forbidden(root->valuestring, csn_path_forbidden))
      return invalid(err, "sandbox.bind_roots", "never given to a sandbox: ", root->valuestring);
  }
  return 0;
}

static int check_room(const struct csn_sandbox_settings *e, const struct csn_mount_list *mounts,
                      struct csn_error *err) {
  if (csn_mounts_memory(mounts) + e->tmp_size + e->shm_size < e->memory) return 0;
  return invalid(err, "sandbox.memory",
                 "must be more than sandbox.workspace.size, sandbox.tmp.size, sandbox.shm.size and "
                 "every other tmpfs together, since tmpfs counts as memory; raise the one or lower "
                 "the others", "");
}

int csn_policy_check(const struct csn_sandbox_settings *e, struct csn_error *err) {
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  const char *problem = csn_name_template_problem(e->name_template, "{key}");
  if (problem) return invalid(err, "sandbox.name_template", problem, "");
  int rc = check_user(e, err);
  if (rc == 0) rc = check_labels(e->labels, err);
  if (rc == 0) rc = check_labels(e->own_labels, err);
  if (rc == 0) rc = check_roots(e->bind_roots, err);
  /* With any instance's name and any session's key, which both are made safe. */
  if (rc == 0) rc = csn_mounts_read(e, "i", "k", &mounts, err);
  return rc ? rc : check_room(e, &mounts, err);
}
