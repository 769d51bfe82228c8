/* SPDX-License-Identifier: Apache-2.0 */
/* A volume is made first and then given its owner. Whoever is killed in between leaves one that has
 * its labels and belongs to root, which the sandbox could not write. It is told by its root directory:
 * ours have a mode that no engine gives, and what a sandbox made of that itself is not root's. */
#include "engine/archive.h"
#include "session/carrier.h"
#include "session/internal.h"
#include "session/policy_mounts.h"

/* 1: its root directory is still root's. */
static int is_nobodys(struct csn_sessions *all, const char *container, const char *target,
                      const struct csn_control *control, struct csn_error *err) {
  struct csn_path_stat stat;
  uint32_t uid;
  int rc = csn_archive_stat(all->engine, container, target, control, &stat, err);
  if (rc || stat.mode == CSN_WORKSPACE_MODE) return rc;
  rc = csn_archive_owner(all->engine, container, target, control, &uid, err);
  return rc ? rc : uid == 0;
}

int csn_session_mend_volumes(struct csn_sessions *all, const char *image, const char *container,
                             const struct csn_mount_list *mounts,
                             const struct csn_control *control, struct csn_error *err) {
  for (size_t i = 0; i < mounts->count; i++) {
    const struct csn_mount *m = &mounts->items[i];
    if (m->kind != CSN_MOUNT_VOLUME || m->maker_uid == 0) continue;
    int rc = is_nobodys(all, container, m->target, control, err);
    if (rc > 0)
      rc = csn_carrier_own_volume(all, image, m->source, m->dirs, m->maker_uid, m->maker_gid,
                                  control, err);
    if (rc < 0) return csn_is_stop(rc) ? rc : csn_error_wrap(err, "make %s the sandbox's", m->where);
  }
  return 0;
}
