/* SPDX-License-Identifier: Apache-2.0 */
/* What engine/ itself knows of an engine. */
#ifndef CSN_ENGINE_INTERNAL_H
#define CSN_ENGINE_INTERNAL_H

#include <stdatomic.h>

#include "engine/engine.h"
#include "transport/http.h"

struct csn_engine {
  struct csn_transport *transport;
  atomic_int api; /* minor of the negotiated version; 0 while it is not known */
};

/* The next question negotiates the version again: the engine may have been restarted as another. */
void csn_engine_forget(struct csn_engine *engine);

#endif
