/* SPDX-License-Identifier: Apache-2.0 */
/* A new container for a session: its body, its first channel, its start. */
#include <stdatomic.h>
#include <time.h>

#include "channel/delivery.h"
#include "session/attest_run.h"
#include "session/blame.h"
#include "session/images.h"
#include "session/internal.h"
#include "session/kept.h"
#include "session/network.h"
#include "session/policy_mounts.h"
#include "session/ports.h"
#include "session/service.h"
#include "util/alloc.h"
#include "util/json.h"

/* To clear up after a start that failed or was cancelled, whatever the call's own control says. */
#define CLEANUP_NS (5 * CSN_SECOND)

#define LOOK_AGAIN 1
#define REJOIN_MAX 10u

static void note(const struct csn_session_want *want, const char *text) {
  if (want->progress) want->progress(want->progress_ctx, -1, text);
}

/* ---- the container --------------------------------------------------------------------------- */

static const char *image_of(const struct csn_sessions *all, const cJSON *shape) {
  return csn_json_string(shape, "image", all->settings->image);
}

static int get_image(struct csn_sessions *all, const cJSON *shape,
                     const struct csn_session_want *want, const struct csn_control *control,
                     struct csn_image *image, struct csn_error *err) {
  const struct csn_image_wish wish = {
      image_of(all, shape),
      csn_pull_of(csn_json_string(want->options, "pull", NULL), all->settings->pull)};
  const struct csn_image_watch watch = {.progress = want->progress,
                                        .progress_ctx = want->progress_ctx};
  enum csn_image_action action;
  int rc =
      csn_session_image(all->engine, all->settings, &wish, &watch, control, image, &action, err);
  if (rc == 0) csn_session_audit_image(all, wish.name, image->id, action);
  return rc;
}

static int make_body(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                     const struct csn_session_want *want, const struct csn_control *control,
                     struct csn_mount_list *mounts, cJSON **body, struct csn_error *err) {
  char created[CSN_CLOCK_TEXT];
  csn_clock_text(created);
  struct csn_image image CSN_CLEANUP_IMAGE = {0};
  int rc = csn_delivery_choose(&all->delivery, all->engine, control, err);
  if (rc) return rc;
  struct csn_network_joined joined CSN_CLEANUP_NETWORK_JOINED = {0};
  enum csn_seccomp profile = csn_policy_seccomp(all->settings, shape);
  struct csn_policy_facts facts = {.instance = all->instance,
                                   .key = s->key,
                                   .version = CSN_VERSION,
                                   .created = created,
                                   .guest_path = csn_delivery_path(&all->delivery),
                                   .skip_ports = s->skip_ports,
                                   .spare = s->spare,
                                   .seccomp_path = csn_dialect_seccomp(all, profile),
                                   .needs_nproc = atomic_load(&all->dialect.needs_nproc),
                                   .tmpfs_by_flag = atomic_load(&all->dialect.tmpfs_by_flag)};
  rc = get_image(all, shape, want, control, &image, err);
  if (rc == 0)
    rc = csn_service_check_image(csn_policy_service(all->settings, shape), &image,
                                 image_of(all, shape), err);
  if (rc == 0) rc = csn_network_join(all, shape, control, &joined, err);
  if (rc == 0) rc = csn_session_place(all, s, shape, &image, control, &facts, mounts, err);
  facts.network = *joined.id ? joined.id : NULL;
  facts.routes = joined.routes;
  facts.samples = joined.samples;
  facts.image_volumes = image.volumes;
  facts.mounts = mounts;
  return rc ? rc : csn_policy_body(all->settings, shape, &facts, body, err);
}

/* Nothing that was made for a call that failed stays behind. */
static void clean_up(struct csn_sessions *all, struct csn_session *s, const char *container) {
  struct csn_control control = CSN_CONTROL_NONE;
  control.deadline = csn_clock_after(CLEANUP_NS);
  struct csn_error err;
  if (csn_container_remove(all->engine, container, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES, &control,
                           &err) != 0)
    csn_log(all->log, CAISSON_LOG_WARNING, "could not remove %s, which was not used: %s", s->name,
            err.message);
}

/* Within sessions.max. */
struct creating {
  struct csn_sessions *all;
  struct csn_session *s;
  const cJSON *body;
  char *id;
};

static int create_one(void *ctx, const struct csn_control *control, struct csn_error *err) {
  struct creating *c = ctx;
  return csn_container_make(c->all->engine, c->s->name, c->body, control, c->id, err);
}

static void undo_create(void *ctx) {
  struct creating *c = ctx;
  clean_up(c->all, c->s, c->id);
}

static int create_within_limit(struct csn_sessions *all, struct csn_session *s, const cJSON *body,
                               const struct csn_control *control, char id[CSN_CONTAINER_ID_SIZE],
                               struct csn_error *err) {
  if (s->spare) return csn_container_make(all->engine, s->name, body, control, id, err);
  struct creating creating = {all, s, body, id};
  const struct csn_limited one = {create_one, undo_create, &creating};
  return csn_limit_make(all, s->name, &one, control, err);
}

/* Remembers what runs now; if it is what was asked for, hands over what is in no label. */
static int settle(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                  const char *container, const cJSON *body, struct csn_channel *ch,
                  const struct csn_control *control, struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  cJSON *kept CSN_CLEANUP_JSON = NULL;
  int rc = csn_container_inspect(all->engine, container, control, &found, err);
  if (rc == 0 && csn_policy_kept(shape, &kept)) rc = csn_fail_nomem(err);
  if (rc == 0) rc = csn_session_settle(all, s, &found, kept, err);
  if (rc == 0) rc = csn_session_attest(all, s, body, &found, ch, control, err);
  return rc || s->ephemeral ? rc : csn_kept_put(ch, shape, control, err);
}

static int attach_and_start(struct csn_sessions *all, const char *container, const cJSON *body,
                            const struct csn_control *control, struct csn_channel **out,
                            struct csn_error *err) {
  struct csn_channel *ch = NULL;
  int rc = csn_channel_open_attach(all->engine, container, all->keeper, control, &ch, err);
  if (rc == 0) rc = csn_container_start(all->engine, container, control, err);
  if (rc == 0) rc = csn_network_await(all, container, body, ch, control, err);
  if (rc)
    csn_channel_close(ch);
  else
    *out = ch;
  return rc;
}

/* Its network was replaced since it was found: by whoever settled that there is one of its name. */
static int may_join_again(struct csn_session *s, int rc, const struct csn_error *err) {
  return rc == CAISSON_E_ENGINE && csn_network_is_unsettled(err) && s->rejoined++ < REJOIN_MAX;
}

/* A refusal that taught something about the engine, or why it did not. */
static int after_refusal(struct csn_sessions *all, struct csn_session *s, const char *image,
                         const struct csn_control *control, int rc, const char *what,
                         struct csn_error *err) {
  if (csn_is_stop(rc) || rc == CAISSON_E_NOMEM) return rc;
  int learned = csn_dialect_learn(all, &s->learned, image, control, err);
  if (learned > 0) return LOOK_AGAIN;
  if (learned < 0 || csn_blame_setting(err) == CAISSON_E_CONFIG) return err->code;
  return csn_error_wrap(err, "%s", what);
}

/* A start that failed: deliver the helper if that is what it lacked, or one that the runtime
 * takes. */
static int after_failed_start(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                              const char *container, const struct csn_control *control, int rc,
                              struct csn_error *err) {
  int learned = csn_delivery_learns(&all->delivery, err);
  int lacks_helper = learned || csn_delivery_is_missing(&all->delivery, err);
  clean_up(all, s, container);
  if (may_join_again(s, rc, err)) return LOOK_AGAIN;
  if (!lacks_helper || (s->delivered && !learned)) {
    if (csn_is_stop(rc)) return rc;
    const cJSON *ports = csn_policy_ports(all->settings, shape);
    switch (csn_ports_explain(ports, s->skip_ports, err)) {
    case CSN_PORTS_TRY_NEXT: s->skip_ports++; return LOOK_AGAIN;
    case CSN_PORTS_TAKEN: s->skip_ports = 0; return rc;
    case CSN_PORTS_FINE: break;
    }
    return after_refusal(all, s, image_of(all, shape), control, rc, "start its container", err);
  }
  s->delivered = 1;
  csn_log(all->log, CAISSON_LOG_INFO, "delivering the helper to the engine%s",
          learned ? ", readable, since the runtime executes no other" : "");
  rc = csn_delivery_deliver(&all->delivery, all->engine, image_of(all, shape), control, err);
  return rc ? rc : LOOK_AGAIN;
}

int csn_session_start(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                      const struct csn_session_want *want, const struct csn_control *control,
                      struct csn_channel **out, struct csn_error *err) {
  char id[CSN_CONTAINER_ID_SIZE];
  cJSON *body CSN_CLEANUP_JSON = NULL;
  struct csn_mount_list mounts CSN_CLEANUP_MOUNTS = {0};
  struct csn_container made CSN_CLEANUP_CONTAINER = {0};
  note(want, "starting a sandbox");
  s->started = (int64_t)time(NULL) - 1;
  int rc = make_body(all, s, shape, want, control, &mounts, &body, err);
  if (rc) return rc;
  rc = create_within_limit(all, s, body, control, id, err);
  if (csn_is_stop(rc) || rc == CAISSON_E_LIMIT) return rc;
  if (rc && may_join_again(s, rc, err)) return LOOK_AGAIN;
  if (rc)
    return after_refusal(all, s, image_of(all, shape), control, rc, "create its container", err);
  rc = csn_session_mend_volumes(all, image_of(all, shape), id, &mounts, control, err);
  if (rc == 0) rc = csn_container_inspect(all->engine, id, control, &made, err);
  if (rc == 0) rc = attach_and_start(all, id, body, control, out, err);
  if (rc == 0) {
    s->created_here = 1;
    s->rejoined = s->skip_ports = 0;
    s->learned = 0;
    s->delivered = 0;
    rc = settle(all, s, shape, id, body, *out, control, err);
    if (rc == 0) return 0;
    csn_channel_close(*out);
    csn_session_forget(all, s); /* it goes: no later call is to look for it */
  }
  rc = csn_session_attest_failed(all, body, &made, control, rc, err);
  if (rc == CAISSON_E_POLICY) {
    clean_up(all, s, id);
    return rc;
  }
  return after_failed_start(all, s, shape, id, control, rc, err);
}
