/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this layer share. */
#ifndef CSN_SESSION_INTERNAL_H
#define CSN_SESSION_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "channel/delivery.h"
#include "channel/keeper.h"
#include "engine/containers.h"
#include "session/dialect.h"
#include "session/images.h"
#include "session/names.h"
#include "session/session.h"

#define CSN_SESSION_BUCKETS 256

/* A channel that waits for its next call. */
struct csn_idle_channel {
  struct csn_idle_channel *next;
  struct csn_channel *channel;
  int64_t since;
};

/* One key of this process. Fields are guarded by csn_sessions.mutex, but for those that the table
 * below names: they belong to whoever holds the session's own lock (`locked`). */
struct csn_session {
  struct csn_session *next; /* in its bucket */
  char *key;
  char name[CSN_NAME_SIZE];
  int ephemeral;
  int spare; /* started ahead: the pool's */
  unsigned refs;
  int locked; /* somebody ensures, recreates or removes it */
  unsigned leases; /* calls in flight here */
  struct csn_idle_channel *idle;
  /* Of whoever holds the lock: */
  char container[CSN_CONTAINER_ID_SIZE]; /* "" while it is not known to run */
  int64_t started; /* seconds since 1970, or 0: where to look for its end in the engine's events */
  atomic_int created_here; /* a shutdown reads it without the lock */
  int delivered;   /* while it starts: the helper was delivered for it, and not again */
  unsigned skip_ports; /* of ranges, since others have them */
  unsigned rejoined; /* how often a start found its network gone again */
  uint32_t uid;     /* that its last start chose: what was made for it is that one's */
  unsigned learned; /* while it starts: which rules of dialect.c its refusals have met */
  int older;       /* it runs under other settings than the operator's */
  cJSON *shape;    /* the options it was made with */
  cJSON *env;      /* ["NAME=value"]: the container's own environment */
  cJSON *service;  /* what it runs by itself; NULL: nothing */
  int service_up;  /* this process need not ask for it any more */
  struct csn_mask *mask; /* what calls were given as secret; replaced under the mutex too */
  atomic_int is_end_told; /* the audit has said that what ran in `container` ended */
  int attested;    /* what runs in `container` was held against what it was to be */
};

/* What an image's /etc/passwd said last. */
struct csn_known_user {
  char *image_id, *user; /* NULL: nothing is known */
  uint32_t uid, gid;
};

/* Sandboxes that were started ahead; the list is guarded by csn_sessions.mutex, the rest is the
 * caretaker's. */
struct csn_warm_pool {
  struct csn_spare *spares;
  uint32_t count;
  int is_known, is_impossible;
  int64_t backoff, next_try; /* after a failure; 0: the last one worked */
};

struct csn_sessions {
  const char *instance;
  const struct csn_sandbox_settings *settings;
  struct csn_engine *engine;
  struct csn_delivery delivery;
  struct csn_dialect dialect;
  const struct csn_log *log;
  struct csn_keeper *keeper;
  pthread_mutex_t mutex;
  pthread_cond_t unlocked;
  struct csn_session *buckets[CSN_SESSION_BUCKETS];
  unsigned next_sweep;
  struct csn_known_user known_user;
  char *data_root; /* of the engine, once asked; never replaced */
  struct csn_session gate; /* its lock only: with a limit, sandboxes are made one after the other */
  unsigned starting; /* sandboxes that a call waits for */
  struct csn_warm_pool pool;
  struct csn_caretaker *caretaker;
  struct csn_known_key *known_keys;
  unsigned known_key_count;
  cJSON *host_facts; /* of the engine's host, as network_deny.c has them; NULL: not asked yet */
  int64_t host_facts_since;
};

/* A channel on loan for one call. */
struct csn_lease {
  struct csn_channel *channel;
  struct csn_session *session;
  uint32_t flags; /* CAISSON_RESULT_CREATED, _RECREATED, _OLDER_SETTINGS */
  cJSON *service; /* what it runs by itself, or NULL */
  /* Copies, since the session's own may change while the call runs. */
  char container[CSN_CONTAINER_ID_SIZE];
  int64_t started;
  cJSON *env;
  char *workdir;       /* as in csn_session_view, and */
  cJSON *settings_env; /* its env */
  uint64_t quota;      /* its quota */
};

/* ---- table.c: which sessions this process knows, and who may change them --------------------- */

/* The session of a key, made if need be, with a reference. "" gives one of its own. */
int csn_session_get(struct csn_sessions *all, const char *key, struct csn_session **out,
                    struct csn_error *err);
/* Only if it is there already. */
struct csn_session *csn_session_find(struct csn_sessions *all, const char *key);
void csn_session_put(struct csn_sessions *all, struct csn_session *s);
/* The session's own lock; waiting for it ends with the control. */
int csn_session_lock(struct csn_sessions *all, struct csn_session *s,
                     const struct csn_control *control, struct csn_error *err);
void csn_session_unlock(struct csn_sessions *all, struct csn_session *s);
/* References to all sessions with a key, as a NULL-ended array to csn_free; NULL: no memory. */
struct csn_session **csn_session_all(struct csn_sessions *all);

/* The one that this process knows to run in that container, with a reference; NULL: none. */
struct csn_session *csn_session_in(struct csn_sessions *all, const char *container);
/* Closes the channels that nobody needed for a while, and those of sandboxes that ended. */
void csn_session_close_spares(struct csn_sessions *all);
/* Does this process know the session to run in that container? */
int csn_session_holds(struct csn_sessions *all, struct csn_session *s, const char *container);

/* An idle channel that still works, or NULL. Counts as a lease. */
struct csn_channel *csn_session_take_idle(struct csn_sessions *all, struct csn_session *s);
/* How many idle channels still work. */
unsigned csn_session_count_idle(struct csn_sessions *all, struct csn_session *s);
void csn_session_add_lease(struct csn_sessions *all, struct csn_session *s);
/* Ends a lease; the channel is kept if `keep`, else closed. */
void csn_session_give_back(struct csn_sessions *all, struct csn_session *s, struct csn_channel *ch,
                           int keep);
unsigned csn_session_leases(struct csn_sessions *all, struct csn_session *s);
/* Closes the idle channels and forgets what is known of the container; the options that it was made
 * with outlive it. The lock is held. */
void csn_session_forget(struct csn_sessions *all, struct csn_session *s);

/* ---- mask.c ---------------------------------------------------------------------------------- */

/* From now on these are masked in the session's output. Its lock is held. */
int csn_session_learn_mask(struct csn_sessions *all, struct csn_session *s, struct csn_mask *mask,
                           struct csn_error *err);

/* ---- place.c: what a new container stands on ------------------------------------------------- */

struct csn_image;
struct csn_mount_list;

/* Finds out who the sandbox's user is and makes ready what it mounts: directories of this machine,
 * volumes. Fills in uid and gid and the list (the caller's to free, also after a failure). */
int csn_session_place(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                      const struct csn_image *image, const struct csn_control *control,
                      struct csn_policy_facts *facts, struct csn_mount_list *mounts,
                      struct csn_error *err);
/* mend.c: a volume whose maker was killed before it gave it its owner is given it now. `container` is
 * one with these mounts that has not started. */
int csn_session_mend_volumes(struct csn_sessions *all, const char *image, const char *container,
                             const struct csn_mount_list *mounts,
                             const struct csn_control *control, struct csn_error *err);
/* After the session was removed: its workspace's volume goes too, if that is not to be kept. */
int csn_session_discard(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                        const struct csn_control *control, struct csn_error *err);

/* After a call's own sandbox was removed: the volumes that are named after it go too. */
int csn_session_discard_all(struct csn_sessions *all, struct csn_session *s,
                            const struct csn_control *control, struct csn_error *err);

/* ---- user.c ---------------------------------------------------------------------------------- */

/* Who it is where the workspace does not say: sandbox.user as configured, or of the range one
 * that no sandbox on the engine has, facts->uid if it is such a one. Never root. */
int csn_session_pick_user(struct csn_sessions *all, const struct csn_sandbox_settings *e,
                          const struct csn_image *image, const struct csn_control *control,
                          struct csn_policy_facts *facts, struct csn_error *err);
/* The same user as the owner of a workspace that is there. */
int csn_session_take_owner(const struct csn_sandbox_settings *e, const char *place, uint32_t uid,
                           uint32_t gid, struct csn_policy_facts *facts, struct csn_error *err);
/* ---- key.c: whose a container is ------------------------------------------------------------- */

/* Is it this session's? */
int csn_session_is_of(const struct csn_sessions *all, const struct csn_session *s,
                      const struct csn_container *c);
/* Was it started ahead, and is it nobody's yet? Or does it only do something for a sandbox? */
int csn_session_is_nobodys(const struct csn_sessions *all, const struct csn_container *c);
/* The key of one of this instance; "" where it has none or cannot be asked. */
void csn_session_key_of(struct csn_sessions *all, const struct csn_container *c,
                        const struct csn_control *control, char key[CSN_KEY_MAX + 1]);
/* The mutex is held, or nobody else is there. */
void csn_session_forget_keys(struct csn_sessions *all);

/* ---- audit.c: what the audit says ------------------------------------------------------------ */

/* Of a session's sandbox, or (s is NULL) of one that is known by its container alone; reason may be
 * NULL. */
void csn_session_audit(struct csn_sessions *all, const struct csn_session *s, const char *event,
                       const char *container, const char *reason);
/* It ended: said once, whoever sees it first. */
void csn_session_audit_end(struct csn_sessions *all, struct csn_session *s, const char *container,
                           const char *reason);
/* It may not be used. */
void csn_session_audit_refused(struct csn_sessions *all, const struct csn_session *s,
                               const struct csn_error *err);
/* Nothing, where the image was there. */
void csn_session_audit_image(struct csn_sessions *all, const char *image, const char *id,
                             enum csn_image_action action);

/* ---- limit.c --------------------------------------------------------------------------------- */

struct csn_limited {
  int (*make)(void *ctx, const struct csn_control *control, struct csn_error *err);
  void (*undo)(void *ctx);
  void *ctx;
};
/* Makes a sandbox of that name, within sessions.max: CAISSON_E_LIMIT (session.limit), or what
 * make() says. */
int csn_limit_make(struct csn_sessions *all, const char *name, const struct csn_limited *one,
                   const struct csn_control *control, struct csn_error *err);

/* ---- warm_pool.c ----------------------------------------------------------------------------- */

#define CSN_WARM_POOL_LOOK_AGAIN 1 /* somebody else was first */
#define CSN_WARM_POOL_EMPTY 2      /* none is ready, or none can serve: start one */
/* Gives the session one that was started ahead, with its channel. Its lock is held. 0, one of
 * these, or negative. */
int csn_warm_pool_take(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                  const struct csn_control *control, struct csn_channel **out,
                  struct csn_error *err);
/* Fills it up; returns when it wants to be called again. */
int64_t csn_warm_pool_tend(struct csn_sessions *all, const struct csn_control *control);
/* Removes all that were not taken. */
void csn_warm_pool_empty(struct csn_sessions *all);

/* ---- reap.c, caretaker.c --------------------------------------------------------------------- */

void csn_reap_in_background(struct csn_sessions *all, const struct csn_control *control);

int csn_caretaker_new(struct csn_sessions *all, struct csn_caretaker **out, struct csn_error *err);
/* There is something to do; reap: look for leftovers, if that was not done yet. */
void csn_caretaker_call(struct csn_caretaker *caretaker, int reap);
/* Ends and joins its thread, which does not start again. */
void csn_caretaker_stop(struct csn_caretaker *caretaker);
void csn_caretaker_free(struct csn_caretaker *caretaker);

/* ---- operations.c ---------------------------------------------------------------------------- */

/* Removes the session's container if there is one that is its own, and forgets its options: the
 * next one of that key is another session. Its lock is held. */
int csn_session_remove_locked(struct csn_sessions *all, struct csn_session *s,
                              const struct csn_control *control, int *removed,
                              struct csn_error *err);
/* All containers of this instance, whatever state they are in. */
int csn_session_containers(struct csn_sessions *all, const struct csn_control *control,
                           struct csn_container_list *list, struct csn_error *err);
/* What else a helper is asked, and what it says, which is the caller's. */
struct csn_session_look {
  int wants_jobs;
  cJSON *jobs;
  const cJSON *service; /* what the sandbox runs by itself; NULL: nothing, so nothing is asked */
  cJSON *service_found;
  const struct csn_container *attests; /* hold this against what it was to be; NULL: do not */
  cJSON *attestation;
};
/* What the helper says; a channel is opened for it if none is idle. *ready is 0 if it cannot be
 * asked. look may be NULL. */
void csn_session_ask(struct csn_sessions *all, struct csn_session *s, const char *container,
                     const struct csn_control *control, struct csn_channel_hello *hello,
                     struct csn_session_look *look, int *ready);

/* ---- start.c: a new container ---------------------------------------------------------------- */

/* Makes and starts the session's container with these options and returns its first channel. 1:
 * look again (the helper had to be delivered first). Any failure of the create may mean that the
 * name is taken: look who has it. */
int csn_session_start(struct csn_sessions *all, struct csn_session *s, const cJSON *shape,
                      const struct csn_session_want *want, const struct csn_control *control,
                      struct csn_channel **out, struct csn_error *err);

/* ---- ensure.c: what a look-up finds, and what to do about it --------------------------------- */

/* Makes sure that the session's container runs as wanted, and returns a channel to it. The lock is
 * held. flags gets CAISSON_RESULT_*. */
int csn_session_ensure(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_session_want *want, const struct csn_control *control,
                       struct csn_channel **out, uint32_t *flags, struct csn_error *err);
/* Does the container carry the labels of this session? Otherwise session.conflict. */
int csn_session_check_owner(const struct csn_sessions *all, const struct csn_session *s,
                            const struct csn_container *found, struct csn_error *err);
/* Removes the container and waits until it is gone. The lock is held. */
int csn_session_remove(struct csn_sessions *all, struct csn_session *s, const char *container,
                       const struct csn_control *control, struct csn_error *err);

/* ---- settle.c: what is remembered of a container ---------------------------------------------- */

/* Remembers a container that runs: its id, environment and options, of which `kept` (kept.h; NULL:
 * none) is in no label. The lock is held. */
int csn_session_settle(struct csn_sessions *all, struct csn_session *s,
                       const struct csn_container *found, const cJSON *kept,
                       struct csn_error *err);
/* The options that a container was made with, as its label has them; NULL where a call could not
 * have given them. Anybody on the engine can have written that label. 0 or CAISSON_E_NOMEM. */
int csn_session_options_of(const struct csn_sessions *all, const struct csn_container *found,
                           cJSON **out, struct csn_error *err);

/* ---- reach.c --------------------------------------------------------------------------------- */

/* A new channel to a container that runs, whatever is known of it here. Delivers nothing. */
int csn_session_reach(struct csn_sessions *all, const char *container,
                      const struct csn_control *control, struct csn_channel **ch,
                      struct csn_error *err);

/* ---- lease.c --------------------------------------------------------------------------------- */

int csn_session_acquire(struct csn_sessions *all, const struct csn_session_want *want,
                        const struct csn_control *control, struct csn_lease *lease,
                        struct csn_error *err);
/* Gives it back. After LOST it finds out, within a bounded time, what became of the container, and
 * puts that into *lost (which may be NULL). 1 if the container is gone. */
int csn_session_release(struct csn_sessions *all, struct csn_lease *lease,
                        struct csn_run_result *lost);

/* ---- op_port.c ------------------------------------------------------------------------------- */

/* A container's published ports, as csn_ports_mapped(); none where it cannot be asked. */
cJSON *csn_session_ports(struct csn_sessions *all, const char *container,
                         const struct csn_control *control);

/* ---- cause.c --------------------------------------------------------------------------------- */

/* Has it ended, or will it within a moment? An engine may say for so long that it runs. */
int csn_session_is_ending(struct csn_sessions *all, const char *container);

/* Why a channel broke: looks at the container and, where it is gone, at the engine's events. Fills
 * in reason, message and, for memory, outcome. 1 if the container is gone. */
int csn_session_find_cause(struct csn_sessions *all, const char *container, int64_t started,
                           struct csn_run_result *lost);

#endif
