/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/hardening.h"

#include "util/alloc.h"

static void add_seccomp(struct csn_body *b, cJSON *security, const char *profile) {
  char *option CSN_CLEANUP_FREE = csn_asprintf("seccomp=%s", profile);
  if (option)
    csn_body_item(b, security, option);
  else
    b->failed = 1;
}

static void add_ulimit(struct csn_body *b, cJSON *list, const char *name, double value) {
  cJSON *limit = csn_body_entry(b, list);
  csn_body_text(b, limit, "Name", name);
  csn_body_number(b, limit, "Soft", value);
  csn_body_number(b, limit, "Hard", value);
}

cJSON *csn_body_harden(struct csn_body *b, cJSON *host, const struct csn_hardening *hardening) {
  cJSON *security = csn_body_array(b, host, "SecurityOpt");
  csn_body_item(b, security, "no-new-privileges");
  if (hardening->seccomp) add_seccomp(b, security, hardening->seccomp);
  csn_body_item(b, csn_body_array(b, host, "CapDrop"), "ALL");
  csn_body_flag(b, host, "Privileged", 0);
  csn_body_flag(b, host, "ReadonlyRootfs", !hardening->has_writable_root);
  csn_body_text(b, host, "NetworkMode", hardening->network);
  csn_body_text(b, host, "IpcMode", "private");
  csn_body_text(b, host, "CgroupnsMode", "private");
  cJSON *ulimits = csn_body_array(b, host, "Ulimits");
  add_ulimit(b, ulimits, "nofile", hardening->nofile);
  add_ulimit(b, ulimits, "core", 0);
  if (hardening->nproc > 0) add_ulimit(b, ulimits, "nproc", hardening->nproc);
  csn_body_flag(b, host, "AutoRemove", 1);
  csn_body_text(b, csn_body_object(b, host, "LogConfig"), "Type", "none");
  return security;
}
