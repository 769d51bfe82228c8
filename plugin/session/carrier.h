/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that are made, never started and removed again: by way of them an engine shows what
 * is in an image, and takes what is to be in a volume. */
#ifndef CSN_SESSION_CARRIER_H
#define CSN_SESSION_CARRIER_H

#include "session/internal.h"

/* Whom `user` is in the image: a name or a uid of its /etc/passwd. CAISSON_E_CONFIG where it
 * knows none. The last answer is remembered by the image's id. */
int csn_carrier_find_user(struct csn_sessions *all, const char *image, const char *image_id,
                          const char *user, const struct csn_control *control, uint32_t *uid,
                          uint32_t *gid, struct csn_error *err);

/* Makes a volume's root directory and, {"below": "mode"}, directories in it the user's. */
int csn_carrier_own_volume(struct csn_sessions *all, const char *image, const char *volume,
                           const cJSON *dirs, uint32_t uid, uint32_t gid,
                           const struct csn_control *control, struct csn_error *err);

#endif
