/* SPDX-License-Identifier: Apache-2.0 */
/* What a look-up of a session's container finds, and what is done about it. */
#include <stdio.h>
#include <string.h>

#include "channel/delivery.h"
#include "session/attest_run.h"
#include "session/internal.h"
#include "session/kept.h"
#include "session/network.h"
#include "session/service.h"
#include "util/alloc.h"
#include "util/json.h"

/* Looking again for a state that is about to change. */
#define LOOK_EVERY (40 * CSN_MS)
/* A container that was made and not started for so long has lost its starter. */
#define STARTER_GRACE (10 * CSN_SECOND)
/* One that runs without what it is to keep: so long if its maker may still be connected, which has to
 * look at it first; and if nobody is, who could hand that over. */
#define KEEPER_GRACE (30 * CSN_SECOND)
#define ORPHAN_GRACE (2 * CSN_SECOND)
#define REMOVAL_GRACE (60 * CSN_SECOND)
/* An engine may keep a name for a container that is not to be seen: one that it is just making, or
 * has just removed. */
#define NAME_GRACE (10 * CSN_SECOND)
/* For what has to be removed, whatever the call's own control says. */
#define CLEANUP_NS (5 * CSN_SECOND)

/* One ensure under way. */
struct ensuring {
  struct csn_sessions *all;
  struct csn_session *s;
  const struct csn_session_want *want;
  const struct csn_control *control;
  cJSON *shape;      /* what is asked for; NULL: no wish */
  cJSON *chosen;     /* the options of a new one; NULL: not chosen yet */
  struct csn_channel **out;
  uint32_t flags;
  int replaces;      /* a sandbox of this session was here before, and is not any more */
  int made;          /* the one that is here now is new */
  int is_pooled;     /* and was started ahead */
  int adopted;       /* it ran, and this process did not know it */
  int fresh;         /* still to be removed because of "fresh" */
  int delivered;
  int64_t created;   /* since when one that was not started was seen; 0: it was not */
  int64_t unkept;    /* since when one that lacks what it is to keep was; 0: it was not */
  int64_t unseen;    /* since when the name is taken by nothing to be seen; 0: it is not */
};

#define DONE 1 /* of a step: there is a channel; 0: look again */
#define LATER 2 /* of a part of one: what is needed is not there yet */

int csn_session_check_owner(const struct csn_sessions *all, const struct csn_session *s,
                            const struct csn_container *found, struct csn_error *err) {
  if (csn_session_is_of(all, s, found)) return 0;
  return csn_fail(err, CAISSON_E_POLICY, CAISSON_REASON_SESSION_CONFLICT,
                  "the container \"%s\" exists on the engine but is not this session's; remove it, "
                  "or give this installation another \"instance\" in its configuration",
                  s->name);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int pause_for(const struct csn_control *control, int64_t ns, struct csn_error *err) {
  return csn_control_poll(control, NULL, 0, csn_clock_after(ns), err);
}

static int wait_until_gone(struct csn_sessions *all, const char *container,
                           const struct csn_control *control, struct csn_error *err) {
  int64_t end = csn_clock_after(REMOVAL_GRACE);
  while (csn_clock_now() < end) {
    struct csn_container found CSN_CLEANUP_CONTAINER = {0};
    int rc = csn_container_inspect(all->engine, container, control, &found, err);
    if (rc) return csn_engine_is_missing(err) ? 0 : rc;
    rc = pause_for(control, LOOK_EVERY, err);
    if (rc < 0) return rc;
  }
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_REFUSED,
                  "the engine is still removing the container after %d s; look into its log",
                  (int)(REMOVAL_GRACE / CSN_SECOND));
}

int csn_session_remove(struct csn_sessions *all, struct csn_session *s, const char *container,
                       const struct csn_control *control, struct csn_error *err) {
  csn_session_forget(all, s);
  int rc = csn_container_remove(all->engine, container, CSN_REMOVE_FORCE | CSN_REMOVE_VOLUMES,
                                control, err);
  if (rc == 0) csn_session_audit(all, s, "sandbox.removed", container, NULL);
  return rc ? rc : wait_until_gone(all, container, control, err);
}

/* The options of a new sandbox: what the call asks for, else what the sandbox before it had, else
 * what the host says. */
static int choose_shape(struct ensuring *e, cJSON **shape, struct csn_error *err) {
  cJSON *asked CSN_CLEANUP_JSON = NULL;
  *shape = NULL;
  if (e->shape) {
    *shape = cJSON_Duplicate(e->shape, 1);
  } else {
    if (e->want->ask_options) {
      int rc = e->want->ask_options(e->want->ask_ctx, e->s->key, &asked, err);
      if (rc) return rc;
    }
    *shape = asked || !e->s->shape ? csn_policy_shape(asked) : cJSON_Duplicate(e->s->shape, 1);
  }
  return *shape ? 0 : csn_fail_nomem(err);
}

/* Its key is the host's: not for a model's text. */
static int missing(struct csn_error *err) {
  return csn_fail(err, CAISSON_E_NOT_FOUND, CAISSON_REASON_SESSION_MISSING,
                  "this session has no running sandbox, and this call may not make one");
}

/* A create was refused. Another process may have been first: the name is the lock. */
static int look_who_has_it(struct ensuring *e, int rc, struct csn_error *err) {
  struct csn_error looked;
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  if (csn_container_inspect(e->all->engine, e->s->name, e->control, &found, &looked) == 0) return 0;
  if (!csn_engine_is_conflict(err) || !csn_engine_is_missing(&looked)) return rc;
  if (!e->unseen) e->unseen = csn_clock_now();
  if (csn_clock_now() - e->unseen >= NAME_GRACE) return rc;
  return pause_for(e->control, LOOK_EVERY, err);
}

/* One of the pool, or a new one. While calls wait for that, the pool is not filled. */
static int start(struct ensuring *e, const cJSON *shape, struct csn_error *err) {
  struct csn_sessions *all = e->all;
  pthread_mutex_lock(&all->mutex);
  all->starting++;
  pthread_mutex_unlock(&all->mutex);
  int rc = csn_warm_pool_take(all, e->s, shape, e->control, e->out, err);
  e->is_pooled = rc == 0;
  if (rc == CSN_WARM_POOL_EMPTY)
    rc = csn_session_start(all, e->s, shape, e->want, e->control, e->out, err);
  pthread_mutex_lock(&all->mutex);
  all->starting--;
  pthread_mutex_unlock(&all->mutex);
  csn_caretaker_call(all->caretaker, 1);
  return rc;
}

static int create(struct ensuring *e, struct csn_error *err) {
  if (e->want->ensure == CSN_ENSURE_ADOPT || e->want->ensure == CSN_ENSURE_NEVER)
    return missing(err);
  /* Chosen once, however often the start has to be tried. */
  int rc = e->chosen ? 0 : choose_shape(e, &e->chosen, err);
  if (rc) return rc;
  rc = start(e, e->chosen, err);
  if (rc == 0) {
    e->made = 1;
    return DONE;
  }
  if (rc > 0) return 0;
  if (csn_is_stop(rc) || rc == CAISSON_E_NOMEM || rc == CAISSON_E_CONFIG) return rc;
  if (rc == CAISSON_E_LIMIT || rc == CAISSON_E_POLICY) return rc;
  return look_who_has_it(e, rc, err);
}

static int on_missing(struct ensuring *e, struct csn_error *err) {
  e->fresh = 0;
  return create(e, err);
}

/* Its starter has lost it. It is started without an attach: the first channel may have been spoilt
 * by the end of the starter's, so it is reached by an exec, as any other that runs. */
static int on_created(struct ensuring *e, const struct csn_container *found,
                      struct csn_error *err) {
  if (!e->created) e->created = csn_clock_now();
  if (csn_clock_now() - e->created < STARTER_GRACE) return pause_for(e->control, LOOK_EVERY, err);
  e->created = 0;
  int rc = csn_container_start(e->all->engine, found->id, e->control, err);
  if (rc == 0) e->made = 1;
  if (rc == 0 || csn_is_stop(rc) || rc == CAISSON_E_NOMEM) return rc;
  return csn_session_remove(e->all, e->s, found->id, e->control, err);
}

static int on_ended(struct ensuring *e, const struct csn_container *found, struct csn_error *err) {
  e->replaces = 1;
  csn_session_audit_end(e->all, e->s, found->id, NULL);
  return csn_session_remove(e->all, e->s, found->id, e->control, err);
}

static int on_removing(struct ensuring *e, const struct csn_container *found,
                       struct csn_error *err) {
  e->replaces = 1;
  csn_session_audit_end(e->all, e->s, found->id, NULL);
  csn_session_forget(e->all, e->s);
  return wait_until_gone(e->all, found->id, e->control, err);
}

static int on_paused(struct ensuring *e, const struct csn_container *found, struct csn_error *err) {
  (void)found;
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_SESSION_CONFLICT,
                  "the sandbox \"%s\" is paused on the engine; `docker unpause %s` lets it go on",
                  e->s->name, e->s->name);
}

/* ---- adopting what runs ---------------------------------------------------------------------- */

/* Nobody runs anything in it, here or in another process. */
static int is_idle(struct ensuring *e, struct csn_channel *ch) {
  struct csn_channel_hello hello;
  if (csn_session_leases(e->all, e->s) > 1) return 0; /* one is this call's own */
  struct csn_error err;
  return csn_channel_stat(ch, e->control, &hello, &err) == 0 && hello.busy_others == 0;
}

static int is_as_wanted(const struct ensuring *e) {
  return !e->s->older && (!e->shape || cJSON_Compare(e->s->shape, e->shape, 1));
}

/* There is a channel to a sandbox that runs: keep it, or make a new one if it is not as wanted and
 * nobody uses it. */
static int accept_or_replace(struct ensuring *e, struct csn_channel *ch, struct csn_error *err) {
  if (is_as_wanted(e)) {
    *e->out = ch;
    return DONE;
  }
  int may_create = e->want->ensure == CSN_ENSURE_CREATE;
  if (!may_create || !is_idle(e, ch)) {
    e->flags |= CAISSON_RESULT_OLDER_SETTINGS;
    *e->out = ch;
    return DONE;
  }
  char container[CSN_CONTAINER_ID_SIZE];
  memcpy(container, e->s->container, sizeof container);
  csn_channel_close(ch);
  e->replaces = 1;
  return csn_session_remove(e->all, e->s, container, e->control, err);
}

static int open_channel(struct ensuring *e, const char *container, const char *image,
                        struct csn_channel **ch, struct csn_error *err) {
  struct csn_delivery *delivery = &e->all->delivery;
  int rc = csn_session_reach(e->all, container, e->control, ch, err);
  if (rc == 0 || e->delivered || !csn_delivery_is_missing(delivery, err)) return rc;
  e->delivered = 1; /* an older version started it: this one's helper is not there yet */
  rc = csn_delivery_deliver(delivery, e->all->engine, image, e->control, err);
  return rc ? rc : csn_session_reach(e->all, container, e->control, ch, err);
}

/* Its maker may be about to hand over what is kept in it; else that is lost, and so is the sandbox,
 * in which nothing was done yet. */
static int await_kept(struct ensuring *e, const struct csn_container *found, int is_alone,
                      struct csn_error *err) {
  if (!e->unkept) e->unkept = csn_clock_now();
  int64_t grace = e->made ? 0 : is_alone ? ORPHAN_GRACE : KEEPER_GRACE;
  if (csn_clock_now() - e->unkept < grace) return pause_for(e->control, LOOK_EVERY, err);
  e->unkept = 0;
  if (e->want->ensure == CSN_ENSURE_ADOPT || e->want->ensure == CSN_ENSURE_NEVER)
    return missing(err);
  return csn_session_remove(e->all, e->s, found->id, e->control, err);
}

/* Over a channel to a sandbox that this process did not make: what is not in its label. */
static int recall(struct ensuring *e, const struct csn_container *found, struct csn_channel *ch,
                  struct csn_error *err) {
  cJSON *kept CSN_CLEANUP_JSON = NULL;
  int wants;
  if (csn_policy_label_has_kept(csn_container_label(found, CSN_LABEL_SPEC), &wants))
    return csn_fail_nomem(err);
  int rc = wants ? csn_kept_get(ch, e->all->settings->options_schema, e->control, &kept, err) : 0;
  if (rc == 0 && wants && !kept) return LATER;
  return rc ? rc : csn_session_settle(e->all, e->s, found, kept, err);
}

/* What is not as it was to be goes, whoever uses it: nothing may run there any more. */
static int attest(struct ensuring *e, const struct csn_container *found, struct csn_channel *ch,
                  struct csn_error *err) {
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_error removing;
  if (e->s->attested) return 0;
  int rc = csn_session_attest(e->all, e->s, NULL, found, ch, e->control, err);
  if (rc != CAISSON_E_POLICY || strcmp(err->reason, CAISSON_REASON_ATTESTATION) != 0) return rc;
  control.deadline = csn_clock_after(CLEANUP_NS);
  if (csn_session_remove(e->all, e->s, found->id, &control, &removing))
    csn_log(e->all->log, CAISSON_LOG_WARNING,
            "could not remove %s, which is not what it was to be: %s", e->s->name,
            removing.message);
  return rc;
}

static int on_running(struct ensuring *e, const struct csn_container *found,
                      struct csn_error *err) {
  if (e->fresh) {
    e->fresh = 0;
    e->replaces = 1;
    return csn_session_remove(e->all, e->s, found->id, e->control, err);
  }
  int known = strcmp(e->s->container, found->id) == 0;
  if (!known && e->s->container[0]) e->replaces = 1; /* by somebody else */
  if (!known) csn_session_forget(e->all, e->s);
  e->adopted |= !known;
  struct csn_channel *ch;
  csn_delivery_recognise(&e->all->delivery, csn_json_string(found->raw, "Path", ""));
  /* Known is one of which the routes were seen to be set, so that comes first. */
  int rc = known ? 0 : csn_network_assert(e->all, found, e->control, err);
  if (rc == 0) rc = open_channel(e, found->id, found->image, &ch, err);
  if (rc == 0) {
    if (!known) rc = recall(e, found, ch, err);
    if (rc == 0) rc = attest(e, found, ch, err);
    if (rc == 0) return accept_or_replace(e, ch, err);
    int is_alone = csn_channel_hello(ch)->channels_others == 0;
    csn_channel_close(ch);
    if (rc == LATER) return await_kept(e, found, is_alone, err);
  }
  if (csn_is_stop(rc) || rc == CAISSON_E_NOMEM || rc == CAISSON_E_POLICY) return rc;
  if (csn_session_is_ending(e->all, found->id)) {
    e->replaces = 1;
    csn_session_forget(e->all, e->s);
    return 0;
  }
  return csn_error_wrap(err, "reach the helper in its container");
}

static int on_unknown(struct ensuring *e, const struct csn_container *found,
                      struct csn_error *err) {
  return csn_fail(err, CAISSON_E_ENGINE, CAISSON_REASON_ENGINE_PROTOCOL,
                  "the engine says that the container \"%s\" is \"%s\", a state that is not known "
                  "here; remove it to go on",
                  e->s->name, csn_json_string(csn_json_get(found->raw, "State"), "Status", "?"));
}

typedef int step_fn(struct ensuring *e, const struct csn_container *found, struct csn_error *err);

static step_fn *const steps[] = {
    [CSN_CONTAINER_UNKNOWN] = on_unknown, [CSN_CONTAINER_CREATED] = on_created,
    [CSN_CONTAINER_RUNNING] = on_running, [CSN_CONTAINER_PAUSED] = on_paused,
    [CSN_CONTAINER_RESTARTING] = on_ended, [CSN_CONTAINER_REMOVING] = on_removing,
    [CSN_CONTAINER_EXITED] = on_ended,    [CSN_CONTAINER_DEAD] = on_ended,
};

static int step(struct ensuring *e, struct csn_error *err) {
  struct csn_container found CSN_CLEANUP_CONTAINER = {0};
  int rc = csn_container_inspect(e->all->engine, e->s->name, e->control, &found, err);
  if (rc && csn_engine_is_missing(err)) {
    if (e->s->container[0]) {
      e->replaces = 1;
      csn_session_audit_end(e->all, e->s, e->s->container, NULL);
    }
    pthread_mutex_lock(&e->all->mutex);
    e->s->container[0] = '\0';
    pthread_mutex_unlock(&e->all->mutex);
    return on_missing(e, err);
  }
  if (rc == 0) rc = csn_session_check_owner(e->all, e->s, &found, err);
  if (rc) return rc;
  /* Whatever becomes of it, the next one is made with its options. */
  if (!e->s->shape) rc = csn_session_options_of(e->all, &found, &e->s->shape, err);
  if (rc) return rc;
  return steps[found.state](e, &found, err);
}

/* The quick way: a channel is there, and the sandbox is as wanted. */
static int from_idle(struct ensuring *e, struct csn_error *err) {
  if (e->fresh || !e->s->container[0] || !e->s->attested) return 0;
  struct csn_channel *ch = csn_session_take_idle(e->all, e->s);
  if (!ch) return 0;
  pthread_mutex_lock(&e->all->mutex);
  e->s->leases--; /* the caller counts its own */
  pthread_mutex_unlock(&e->all->mutex);
  return accept_or_replace(e, ch, err);
}

/* ---- its service ----------------------------------------------------------------------------- */

/* One that was made just now goes, unless somebody else has come to use it meanwhile. */
static void leave_without_service(struct ensuring *e) {
  struct csn_control control = CSN_CONTROL_NONE;
  struct csn_channel_hello hello;
  struct csn_error err;
  char container[CSN_CONTAINER_ID_SIZE];
  memcpy(container, e->s->container, sizeof container);
  control.deadline = csn_clock_after(CLEANUP_NS);
  int alone = e->made && csn_channel_is_usable(*e->out) &&
              csn_channel_stat(*e->out, &control, &hello, &err) == 0 && hello.channels_others == 0;
  csn_channel_close(*e->out);
  if (alone && csn_session_remove(e->all, e->s, container, &control, &err) != 0)
    csn_log(e->all->log, CAISSON_LOG_WARNING, "could not remove %s, whose service failed: %s",
            e->s->name, err.message);
}

static int ensure(struct ensuring *e, struct csn_error *err) {
  int rc = from_idle(e, err);
  if (rc == 0 && e->want->ensure == CSN_ENSURE_NEVER && !e->s->container[0]) return missing(err);
  while (rc == 0) rc = step(e, err);
  if (rc != DONE) return rc;
  rc = csn_service_ensure(e->all, e->s, e->want, *e->out, e->control, err);
  if (rc == 0) return DONE;
  leave_without_service(e);
  return rc;
}

static void audit(const struct ensuring *e, int rc, const struct csn_error *err) {
  const char *event = !e->made       ? "sandbox.adopted"
                      : e->is_pooled ? "sandbox.taken"
                      : e->replaces  ? "sandbox.recreated"
                                     : "sandbox.created";
  if (rc == CAISSON_E_POLICY)
    csn_session_audit_refused(e->all, e->s, err);
  else if (rc == DONE && (e->made || e->adopted))
    csn_session_audit(e->all, e->s, event, e->s->container, NULL);
}

int csn_session_ensure(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_session_want *want, const struct csn_control *control,
                       struct csn_channel **out, uint32_t *flags, struct csn_error *err) {
  struct ensuring e = {.all = all, .s = s, .want = want, .control = control, .out = out};
  e.fresh = want->ensure == CSN_ENSURE_FRESH;
  if (want->options) {
    e.shape = csn_policy_shape(want->options);
    if (!e.shape) return csn_fail_nomem(err);
    if (!e.shape->child) { /* options that shape nothing are no wish */
      cJSON_Delete(e.shape);
      e.shape = NULL;
    }
  }
  int rc = e.shape ? csn_network_check_shape(all, e.shape, err) : 0;
  if (rc == 0) rc = ensure(&e, err);
  audit(&e, rc, err);
  cJSON_Delete(e.shape);
  cJSON_Delete(e.chosen);
  if (e.replaces)
    e.flags |= CAISSON_RESULT_RECREATED;
  else if (e.made)
    e.flags |= CAISSON_RESULT_CREATED;
  *flags |= e.flags;
  return rc == DONE ? 0 : rc;
}
