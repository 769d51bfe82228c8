/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted in a sandbox beside the helper and /tmp: its workspace, sandbox.tmpfs and
 * mounts, as one list with every rule on their texts applied. Pure; host_dir.c and volumes.c see
 * to what is behind the sources. */
#ifndef CSN_SESSION_POLICY_MOUNTS_H
#define CSN_SESSION_POLICY_MOUNTS_H

#include "engine/body.h"
#include "session/policy.h"

#define CSN_WORKSPACE "/workspace"
#define CSN_WORKSPACE_MODE 0750 /* where it is no tmpfs */

enum csn_mount_kind { CSN_MOUNT_TMPFS, CSN_MOUNT_BIND, CSN_MOUNT_VOLUME };

struct csn_mount {
  enum csn_mount_kind kind;
  char where[64];      /* "sandbox.mounts[1]", for messages */
  const char *target;  /* borrowed */
  char *source;        /* bind: as configured, then as resolved; volume: its name; tmpfs: NULL */
  const char *root;    /* bind: that of bind_roots which it lies under; borrowed */
  const cJSON *dirs;   /* {"below": "mode"}, made with it; NULL: none */
  const char *relabel; /* bind: "z" or "Z"; NULL: none */
  uint64_t size;       /* tmpfs */
  int is_read_only, is_exec;
  int is_workspace;
  int is_new; /* volume: it was not there when it was looked for first */
  uint32_t maker_uid, maker_gid; /* volume that was there: whom its labels say it was made for, or 0 */
  int is_own; /* made where it is not there, with the sandbox's user as its owner */
};

struct csn_mount_list {
  struct csn_mount *items; /* the workspace is the first */
  size_t count;
};
void csn_mounts_free(struct csn_mount_list *list);
#define CSN_CLEANUP_MOUNTS __attribute__((cleanup(csn_mounts_free)))

/* `e` as csn_policy_effective() gives it; `part` is what {session} stands for. 0,
 * CAISSON_E_CONFIG with the path of what is wrong, or CAISSON_E_NOMEM. */
int csn_mounts_read(const struct csn_sandbox_settings *e, const char *instance, const char *part,
                    struct csn_mount_list *out, struct csn_error *err);

/* Is something mounted right there? */
int csn_mounts_has(const struct csn_mount_list *list, const char *target);
/* Bytes of all the tmpfs of the list. */
uint64_t csn_mounts_memory(const struct csn_mount_list *list);

/* Adds binds and volumes to "Mounts" and, where they are to be relabelled, "Binds"; tmpfs to
 * "Tmpfs", with what gives it to its owner ("uid=1,gid=1"). */
void csn_mounts_add_binds(struct csn_body *b, cJSON *host, cJSON *mounts,
                          const struct csn_mount_list *list);
void csn_mounts_add_tmpfs(struct csn_body *b, cJSON *tmpfs, const struct csn_mount_list *list,
                          const char *owner);

#endif
