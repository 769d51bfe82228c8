/* SPDX-License-Identifier: Apache-2.0 */
/* A call: open, run, close, and cancel at any moment. */
#ifndef CSN_ENTRY_CALL_H
#define CSN_ENTRY_CALL_H

#include <stdatomic.h>

#include "entry/instance.h"

struct csn_call {
  struct csn_handle handle;
  uint64_t instance;
  /* The request, copied: NUL-terminated, "" where it was not given. */
  char *name, *args, *options, *session;
  size_t args_size, options_size;
  uint32_t flags;
  uint64_t deadline_ms, output_limit;
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  void *input_ctx;
  int wake_fd; /* an eventfd: readable once cancelled */
  atomic_int cancelled;
  int state;   /* guarded by state_mutex in call.c */
  char *json;  /* of the result */
};

int csn_call_open(struct csn_instance *i, const caisson_request *request, uint64_t *id,
                  struct csn_error *err);
struct csn_call *csn_call_get(uint64_t instance, uint64_t id);
void csn_call_cancel(struct csn_call *c);
/* CAISSON_E_STATE while it runs. */
int csn_call_close(struct csn_call *c);

/* From open to running, once (CAISSON_E_STATE); and from running to done. */
int csn_call_begin(struct csn_call *c, struct csn_error *err);
void csn_call_end(struct csn_call *c);

/* All calls of an instance. */
void csn_calls_cancel(uint64_t instance);
void csn_calls_close(uint64_t instance);

#endif
