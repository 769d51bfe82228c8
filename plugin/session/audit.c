/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit says of sandboxes and images: caisson.h has the members. */
#include "session/internal.h"

#include "util/audit.h"
#include "util/json.h"

static void say(struct csn_sessions *all, const struct csn_session *s, const char *event,
                const char *container, const char *reason, const char *message) {
  cJSON *line = csn_audit_begin(all->log, event);
  if (!line) return;
  int bad = csn_audit_add(line, "session", s && *s->key ? s->key : NULL) |
            csn_audit_add(line, "name", s ? s->name : NULL) |
            csn_audit_add(line, "container", container && *container ? container : NULL) |
            csn_audit_add(line, "reason", reason && *reason ? reason : NULL);
  if (message) bad |= csn_audit_add(line, "message", message);
  csn_audit_end(all->log, line, bad);
}

void csn_session_audit(struct csn_sessions *all, const struct csn_session *s, const char *event,
                       const char *container, const char *reason) {
  say(all, s, event, container, reason, NULL);
}

void csn_session_audit_end(struct csn_sessions *all, struct csn_session *s, const char *container,
                           const char *reason) {
  if (atomic_exchange(&s->is_end_told, 1)) return;
  say(all, s, "sandbox.ended", container, reason, NULL);
}

void csn_session_audit_refused(struct csn_sessions *all, const struct csn_session *s,
                               const struct csn_error *err) {
  say(all, s, "sandbox.refused", NULL, err->reason, err->message);
}

void csn_session_audit_image(struct csn_sessions *all, const char *image, const char *id,
                             enum csn_image_action action) {
  if (action == CSN_IMAGE_PRESENT) return;
  cJSON *line =
      csn_audit_begin(all->log, action == CSN_IMAGE_BUILT ? "image.built" : "image.pulled");
  if (!line) return;
  int bad = csn_audit_add(line, "image", image) | csn_audit_add(line, "id", id);
  csn_audit_end(all->log, line, bad);
}
