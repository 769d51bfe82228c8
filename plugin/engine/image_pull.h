/* SPDX-License-Identifier: Apache-2.0 */
/* An image from its registry into the engine. */
#ifndef CSN_ENGINE_IMAGE_PULL_H
#define CSN_ENGINE_IMAGE_PULL_H

#include "engine/engine.h"
#include "engine/image_watch.h"

/* Pulls it, with the credentials that the user's Docker client has for its registry. `platform` is
 * "os/arch[/variant]" or NULL. It takes as long as it takes; when the control says stop, the engine
 * stops too. As every operation, and image.* by what the registry says. */
int csn_image_pull(struct csn_engine *engine, const char *name, const char *platform,
                   const struct csn_image_watch *watch, const struct csn_control *control,
                   struct csn_error *err);

#endif
