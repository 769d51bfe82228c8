/* SPDX-License-Identifier: Apache-2.0 */
/* The extension caisson.async/1: queues, and calls that are started on them. */
#ifndef CSN_ENTRY_ASYNC_H
#define CSN_ENTRY_ASYNC_H

#include "caisson.h"

struct csn_async_call;

const caisson_async *csn_async_extension(void);

/* With its call, which it is a part of; NULL is fine. */
void csn_async_free(struct csn_async_call *a);
/* Those of an instance that are still open, once none of its calls runs any more. */
void csn_async_close_queues(uint64_t instance);

#endif
