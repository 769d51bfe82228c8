/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit says of instances and of calls: caisson.h has the members. */
#ifndef CSN_ENTRY_AUDIT_H
#define CSN_ENTRY_AUDIT_H

#include "entry/call.h"
#include "tools/tool.h"
#include "util/audit.h"
#include "util/sha256.h"

void csn_audit_instance(const struct csn_instance *i, const char *event);

/* A call's input on its way: counted, and hashed as long as it is small. */
struct csn_audit_input {
  const struct csn_call *call;
  uint64_t bytes;
  struct csn_sha256 sum;
};
void csn_audit_input_init(struct csn_audit_input *in, const struct csn_call *call);
/* As caisson_request.input, with the struct as ctx. */
int64_t csn_audit_take_input(void *ctx, void *buffer, uint64_t capacity);

/* A call that has ended. */
struct csn_audit_call {
  const struct csn_instance *instance;
  const struct csn_call *call;
  const cJSON *args;           /* NULL: not valid, or it is not known what is secret in them */
  const struct csn_mask *mask; /* what is secret in them; NULL: nothing is known to be */
  const struct csn_audit_input *input;
  int rc; /* and the result where it is not negative, else the error */
  const struct csn_tool_result *result;
  const struct csn_error *err;
  int64_t wall_ns;
};
void csn_audit_call(const struct csn_audit_call *c);

#endif
