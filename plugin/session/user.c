/* SPDX-License-Identifier: Apache-2.0 */
/* Who a sandbox's processes are. */
#include <stdlib.h>
#include <string.h>

#include "engine/images.h"
#include "session/carrier.h"
#include "session/internal.h"
#include "session/passwd.h"
#include "util/alloc.h"
#include "util/random.h"

/* ---- "auto" ---------------------------------------------------------------------------------- */

/* Marks the ids that sandboxes of any instance on this engine have. */
static int mark_used(struct csn_sessions *all, unsigned char *used, uint32_t n,
                     const struct csn_control *control, struct csn_error *err) {
  static const char *const labels[] = {CSN_LABEL_UID};
  struct csn_container_list list CSN_CLEANUP_CONTAINER_LIST = {0};
  int rc = csn_container_list(all->engine, labels, 1, control, &list, err);
  for (size_t i = 0; rc == 0 && i < list.count; i++) {
    const char *text = csn_container_label(&list.items[i], CSN_LABEL_UID);
    unsigned long uid = text ? strtoul(text, NULL, 10) : 0;
    if (uid >= all->settings->uid_first && uid - all->settings->uid_first < n)
      used[uid - all->settings->uid_first] = 1;
  }
  return rc;
}

/* One of those that no sandbox on this engine has: that which *uid says, else a random one. */
static int pick_uid(struct csn_sessions *all, const struct csn_control *control, uint32_t *uid,
                    struct csn_error *err) {
  uint32_t n = all->settings->uid_last - all->settings->uid_first + 1, at;
  unsigned char *used CSN_CLEANUP_FREE = csn_calloc(n, 1);
  if (!used) return csn_fail_nomem(err);
  int rc = mark_used(all, used, n, control, err);
  if (rc == 0) rc = csn_random_bytes(&at, sizeof at, err);
  if (rc) return rc;
  if (*uid >= all->settings->uid_first && *uid <= all->settings->uid_last)
    at = *uid - all->settings->uid_first;
  for (uint32_t i = 0; i < n; i++)
    if (!used[(at % n + i) % n]) {
      *uid = all->settings->uid_first + (at % n + i) % n;
      return 0;
    }
  return csn_fail(err, CAISSON_E_LIMIT, CAISSON_REASON_POLICY,
                  "all %u ids of sandbox.uid_range are taken by running sandboxes; widen the range "
                  "or remove sandboxes",
                  n);
}

/* ---- names ----------------------------------------------------------------------------------- */

static int check_not_root(const struct csn_policy_facts *facts, const char *user,
                          struct csn_error *err) {
  if (facts->uid && facts->gid) return 0;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                  "sandbox.user: \"%.64s\" is %u:%u, and no sandbox runs as root, neither by uid "
                  "nor by gid",
                  user, facts->uid, facts->gid);
}

/* "UID:GID"; 0 or -1. */
static int read_numbers(const char *user, struct csn_policy_facts *facts) {
  const char *colon = strchr(user, ':');
  if (!colon || csn_passwd_number(user, (size_t)(colon - user), &facts->uid) != 0) return -1;
  return csn_passwd_number(colon + 1, strlen(colon + 1), &facts->gid);
}

static int pick_named(struct csn_sessions *all, const struct csn_sandbox_settings *e,
                      const struct csn_image *image, const char *user,
                      const struct csn_control *control, struct csn_policy_facts *facts,
                      struct csn_error *err) {
  int rc = 0;
  if (read_numbers(user, facts) == 0) return check_not_root(facts, user, err);
  if (strchr(user, ':'))
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_CONFIG,
                    "sandbox.user: the image's own user is \"%.64s\", of which the group cannot be "
                    "looked up; give the name alone, or UID:GID",
                    user);
  rc = csn_carrier_find_user(all, e->image, image->id, user, control, &facts->uid, &facts->gid,
                             err);
  return rc ? rc : check_not_root(facts, user, err);
}

int csn_session_pick_user(struct csn_sessions *all, const struct csn_sandbox_settings *e,
                          const struct csn_image *image, const struct csn_control *control,
                          struct csn_policy_facts *facts, struct csn_error *err) {
  const char *user = e->user;
  if (strcmp(user, "auto") == 0) {
    int rc = pick_uid(all, control, &facts->uid, err);
    facts->gid = facts->uid;
    return rc;
  }
  if (strcmp(user, "image") == 0) user = *image->user ? image->user : "0:0";
  return pick_named(all, e, image, user, control, facts, err);
}

/* ---- the owner of what is there -------------------------------------------------------------- */

int csn_session_take_owner(const struct csn_sandbox_settings *e, const char *place, uint32_t uid,
                           uint32_t gid, struct csn_policy_facts *facts, struct csn_error *err) {
  int is_auto = strcmp(e->user, "auto") == 0;
  facts->uid = uid;
  facts->gid = gid;
  if (!uid || !gid)
    return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY,
                    "sandbox.workspace: %.200s belongs to %u:%u, and no sandbox runs as root, "
                    "neither by uid nor by gid; give it to another user",
                    place, uid, gid);
  if (!is_auto || (uid >= e->uid_first && uid <= e->uid_last)) return 0;
  return csn_fail(err, CAISSON_E_CONFIG, CAISSON_REASON_POLICY,
                  "sandbox.workspace: %.200s belongs to uid %u, which is not in sandbox.uid_range; "
                  "let sandbox.user be \"%s\", or give it to a uid of the range",
                  place, uid, strchr(place, '/') ? "owner-of-workspace" : "UID:GID");
}
