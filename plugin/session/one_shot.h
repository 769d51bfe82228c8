/* SPDX-License-Identifier: Apache-2.0 */
/* A container that runs the helper once, for what a sandbox itself has no right to: hardened as a
 * sandbox is, labelled as the instance's, and gone when it has reported. */
#ifndef CSN_SESSION_ONE_SHOT_H
#define CSN_SESSION_ONE_SHOT_H

#include "session/internal.h"

struct csn_one_shot {
  const char *network;     /* "host", or "container:ID" */
  const char *capability;  /* the only one it gets, or NULL */
  const char *image;       /* any that is there: nothing of it is run */
  const char *const *args; /* of the helper; NULL-ended */
};

/* Its report, which is JSON; {"error": "..."} in it is an error. */
int csn_one_shot_run(struct csn_sessions *all, const struct csn_one_shot *shot,
                     const struct csn_control *control, cJSON **report, struct csn_error *err);

#endif
