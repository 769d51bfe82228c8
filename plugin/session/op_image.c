/* SPDX-License-Identifier: Apache-2.0 */
/* image.ensure: the image before the first sandbox. */
#include <string.h>

#include "session/images.h"
#include "session/internal.h"
#include "util/alloc.h"
#include "util/json.h"

static const char *const actions[] = {[CSN_IMAGE_PRESENT] = "present",
                                      [CSN_IMAGE_PULLED] = "pulled",
                                      [CSN_IMAGE_BUILT] = "built"};

static int describe(const char *name, const struct csn_image *image, enum csn_image_action action,
                    cJSON *out) {
  return csn_json_add_string(out, "image", name) | csn_json_add_string(out, "id", image->id) |
         csn_json_add_string(out, "os", image->os) | csn_json_add_string(out, "arch", image->arch) |
         csn_json_add_string(out, "action", actions[action]);
}

int csn_session_op_image(struct csn_sessions *all, const struct csn_image_order *order,
                         const struct csn_session_want *want, const struct csn_control *control,
                         cJSON **out, struct csn_error *err) {
  const char *asked = csn_json_string(want->options, "image", all->settings->image);
  const char *pull = order->pull ? order->pull : csn_json_string(want->options, "pull", NULL);
  const struct csn_image_wish wish = {order->image ? order->image : asked,
                                      csn_pull_of(pull, all->settings->pull)};
  const struct csn_image_watch watch = {.progress = want->progress,
                                        .progress_ctx = want->progress_ctx,
                                        .log = order->log,
                                        .log_ctx = order->log_ctx};
  struct csn_image image CSN_CLEANUP_IMAGE = {0};
  enum csn_image_action action;
  int rc = csn_session_image(all->engine, all->settings, &wish, &watch, control, &image, &action,
                             err);
  if (rc) return rc;
  csn_session_audit_image(all, wish.name, image.id, action);
  cJSON *answer CSN_CLEANUP_JSON = cJSON_CreateObject();
  if (describe(wish.name, &image, action, answer)) return csn_fail_nomem(err);
  *out = CSN_STEAL(answer);
  return 0;
}
