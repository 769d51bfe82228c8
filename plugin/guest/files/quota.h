/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much the workspace may hold, where the host says so (operand `quota`): asked before an
 * operation writes. What commands write is noticed, but nothing here stops it.
 */
#ifndef CSN_GUEST_FILES_QUOTA_H
#define CSN_GUEST_FILES_QUOTA_H

#include "guest/files/op.h"

/* For tests: another directory in place of /workspace. */
extern const char *csn_quota_root;

/* In the serve, once: what was measured is then remembered for a second from one operation to the
 * next, since measuring means walking through all of it. Without it each one measures anew. */
void csn_quota_share(void);
/* Something other than an operation may have written: what is remembered does not count any
 * more. */
void csn_quota_forget(void);

/* Something of `size` bytes is about to be written at `path`, which need not exist, in place of
 * what takes `freed` bytes of the disk. 0, or -1 after csn_op_fail, with the figures. */
int csn_quota_check(struct csn_op *op, const char *path, uint64_t freed, uint64_t size);

/* For what is sent without saying how long it is. */
struct csn_quota {
  struct csn_op *op;
  const char *path;
  uint64_t room, used;   /* bytes that may come; of the workspace before. UINT64_MAX: any */
  uint64_t taken;
};
void csn_quota_begin(struct csn_quota *quota, struct csn_op *op, const char *path, uint64_t freed);
/* So much more will come: 0, or -1 after csn_op_fail where there is no room for it. */
int csn_quota_expect(struct csn_quota *quota, uint64_t size);
/* So much of it came. Likewise. */
int csn_quota_take(struct csn_quota *quota, uint64_t size);

#endif
