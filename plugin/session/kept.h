/* SPDX-License-Identifier: Apache-2.0 */
/* What process 1 keeps for a session: the part of its options that is in no label and in no
 * container's configuration. Whoever makes a sandbox hands it over, over the first channel and
 * before anything runs; whoever adopts one asks for it. */
#ifndef CSN_SESSION_KEPT_H
#define CSN_SESSION_KEPT_H

#include <cjson/cJSON.h>

#include "channel/channel.h"

/* Hands over what of these options is kept, if anything is. */
int csn_kept_put(struct csn_channel *ch, const cJSON *shape, const struct csn_control *control,
                 struct csn_error *err);
/* What is kept, held against the schema of options (which may be NULL), since it comes from inside
 * a sandbox; *out is NULL where its maker did not come to hand anything over. */
int csn_kept_get(struct csn_channel *ch, const cJSON *options_schema,
                 const struct csn_control *control, cJSON **out, struct csn_error *err);

#endif
