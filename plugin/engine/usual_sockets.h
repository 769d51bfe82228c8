/* SPDX-License-Identifier: Apache-2.0 */
/* Where engines listen when nobody has said otherwise. */
#ifndef CSN_ENGINE_USUAL_SOCKETS_H
#define CSN_ENGINE_USUAL_SOCKETS_H

#include <stddef.h>

#include "util/control.h"
#include "util/error.h"

/* The first that answers as an engine does, else the first that accepts a connection: it may be
 * starting. 0 with *path, to csn_free, and why for people; CAISSON_E_ENGINE with all that was
 * looked at; CAISSON_E_CANCELLED or CAISSON_E_NOMEM. Done when the control's deadline has come. */
int csn_usual_sockets_find(const struct csn_control *control, char **path, char *why,
                           size_t why_size, struct csn_error *err);

/* Each of them that exists. Ends with what each() returns if that is not 0. */
int csn_usual_sockets_each(int (*each)(void *ctx, const char *path, const char *name,
                                       const char *state),
                           void *ctx);

#endif
