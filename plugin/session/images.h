/* SPDX-License-Identifier: Apache-2.0 */
/* The image that a sandbox is made of: there already, pulled or built, as the operator's policy
 * says. plugin/engine/images.md has the rules. */
#ifndef CSN_SESSION_IMAGES_H
#define CSN_SESSION_IMAGES_H

#include "engine/engine.h"
#include "engine/image_watch.h"
#include "engine/images.h"
#include "session/policy.h"

struct csn_image_wish {
  const char *name;
  enum csn_pull pull;
};

enum csn_image_action { CSN_IMAGE_PRESENT, CSN_IMAGE_PULLED, CSN_IMAGE_BUILT };

/* Sees that the engine has the image, and says what it is. As every operation of the engine, and
 * image.*; CAISSON_E_CONFIG for what is wrong with the configured build. */
int csn_session_image(struct csn_engine *engine, const struct csn_sandbox_settings *settings,
                      const struct csn_image_wish *wish, const struct csn_image_watch *watch,
                      const struct csn_control *control, struct csn_image *image,
                      enum csn_image_action *action, struct csn_error *err);

/* "never", "missing" or "always"; any other text is `fallback`. */
enum csn_pull csn_pull_of(const char *text, enum csn_pull fallback);

#endif
