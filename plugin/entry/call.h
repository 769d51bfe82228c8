/* SPDX-License-Identifier: Apache-2.0 */
/* A call: open, run, close, and cancel at any moment. */
#ifndef CSN_ENTRY_CALL_H
#define CSN_ENTRY_CALL_H

#include <stdatomic.h>

#include "entry/instance.h"
#include "util/wake.h"

struct csn_async_call;

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
  int input_fd; /* as csn_run.input_fd */
  struct csn_wake wake; /* set once cancelled */
  atomic_int cancelled;
  int state;       /* guarded by state_mutex in call.c */
  int undelivered; /* likewise: it was started on a queue, and its end was not collected */
  int64_t begun;   /* since csn_call_begin() */
  int admitted;    /* its instance counts it among those that run */
  char *json;      /* of the result */
  /* Of caisson.async/1, set once it is to be started; csn_async_free() frees it. */
  _Atomic(struct csn_async_call *) async;
};

int csn_call_open(struct csn_instance *i, const caisson_request *request, uint64_t *id,
                  struct csn_error *err);
struct csn_call *csn_call_get(uint64_t instance, uint64_t id);
void csn_call_cancel(struct csn_call *c);
/* CAISSON_E_STATE while it runs, or its end is still to be collected. */
int csn_call_close(struct csn_call *c);

/* From open to running, once (CAISSON_E_STATE); and from running to done. With `to_queue` it cannot be
 * closed before csn_call_delivered(). csn_call_unbegin(): it did not come to run. */
int csn_call_begin(struct csn_call *c, int to_queue, struct csn_error *err);
void csn_call_unbegin(struct csn_call *c);
void csn_call_end(struct csn_call *c);
void csn_call_delivered(struct csn_call *c);

/* All calls of an instance. */
void csn_calls_cancel(uint64_t instance);
void csn_calls_close(uint64_t instance);

#endif
