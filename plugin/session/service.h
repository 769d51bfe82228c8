/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox's service: what it is by the settings, and bringing it up over a channel. The helper's
 * process 1 keeps it up; here is only what the host has to say. */
#ifndef CSN_SESSION_SERVICE_H
#define CSN_SESSION_SERVICE_H

#include <cjson/cJSON.h>

#include "channel/channel.h"
#include "engine/images.h"
#include "session/session.h"

struct csn_session;

/* What the schema cannot say of one (null, "image", an array or an object; NULL is none). `path`
 * begins the message, which has this reason. 0 or CAISSON_E_CONFIG. */
int csn_service_check(const cJSON *service, const char *path, const char *reason,
                      struct csn_error *err);

/* Before there is a container: does the image have what the service needs? CAISSON_E_CONFIG. */
int csn_service_check_image(const cJSON *service, const struct csn_image *image, const char *name,
                            struct csn_error *err);

/* Has the session's service started unless it was, and waits until it is ready if it was not, or
 * with CSN_SERVICE_AGAIN in any case. The session's lock is held. 0 too where it has none.
 * service.failed and service.not_ready say what it printed last. */
int csn_service_ensure(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_session_want *want, struct csn_channel *ch,
                       const struct csn_control *control, struct csn_error *err);

/* How this service stands, as the helper says; NULL if it cannot be asked. No sign of life. */
cJSON *csn_service_status(struct csn_channel *ch, const cJSON *service,
                          const struct csn_control *control);

#endif
