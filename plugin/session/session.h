/* Sessions of one instance: key -> container. Ensures, adopts, recreates and removes them, and
 * lends out channels. One lock per key, so a slow start of one session never delays another. */
#ifndef CSN_SESSION_SESSION_H
#define CSN_SESSION_SESSION_H

#include <cjson/cJSON.h>

#include "channel/channel.h"
#include "engine/engine.h"
#include "session/policy.h"
#include "util/log.h"

struct csn_mask;
struct csn_sessions;

enum csn_ensure { CSN_ENSURE_CREATE, CSN_ENSURE_ADOPT, CSN_ENSURE_NEVER, CSN_ENSURE_FRESH };

/* About the sandbox's service. */
enum csn_service_wish {
  CSN_SERVICE_START,    /* start it if it never was, and then wait until it is ready */
  CSN_SERVICE_AGAIN,    /* start it also if it has ended, and wait in any case */
  CSN_SERVICE_AS_FOUND, /* leave it alone */
};

/* What a call asks of its session. */
struct csn_session_want {
  const char *key; /* NUL-terminated; "" for a sandbox of the call's own */
  enum csn_ensure ensure;
  enum csn_service_wish service;
  const cJSON *options; /* what it is to be made of; NULL: no wish */
  /* Asked when it has to be created and options is NULL; may be NULL. Gives a valid options
   * document (the session's to cJSON_Delete), or NULL when there is none for this key. */
  int (*ask_options)(void *ctx, const char *key, cJSON **options, struct csn_error *err);
  void *ask_ctx;
  /* How far slow work has come, in thousandths or -1, and what it is doing; may be NULL. */
  void (*progress)(void *ctx, int permille, const char *note);
  void *progress_ctx;
  struct csn_mask *mask; /* of csn_session_mask(); the session keeps it for calls to come */
};

/* What is to be masked in whatever a call with these options gives (options, whose secrets count,
 * may be NULL): the caller's to drop; NULL where there is nothing. util/mask.h. */
int csn_session_mask(struct csn_sessions *all, const char *key, const cJSON *options,
                     struct csn_mask **out, struct csn_error *err);

/* What the sandbox that a command gets was made with. A call without options of its own is to find
 * it so, whichever process made it. */
struct csn_session_view {
  const char *workdir; /* of its options, else the operator's; never NULL */
  const cJSON *env;    /* {NAME: value} of the operator's settings, and over them of its options;
                          never NULL */
  uint64_t quota;      /* bytes that the workspace may hold; 0: what its disk holds */
};

/* Fills in *run, which is all zero, for a sandbox that is there. The view ends with this call; what
 * *run points to lives until csn_session_run() returns or asks again. 0, or negative: then nothing
 * is run and csn_session_run() returns that. */
typedef int csn_session_prepare_fn(void *ctx, const struct csn_session_view *view,
                                   struct csn_run *run, struct csn_error *err);

/* Runs a command in the session, which is made if need be: what tools use. A sandbox that had ended
 * just before the call arrived is made anew, once, and the command prepared anew. Of run->env the
 * container's own environment is the base. flags gets CAISSON_RESULT_CREATED, _RECREATED and
 * _OLDER_SETTINGS. A sandbox of the call's own is gone when this returns. Returns as
 * csn_channel_run(); a result LOST says what became of the container. */
int csn_session_run(struct csn_sessions *all, const struct csn_session_want *want,
                    csn_session_prepare_fn *prepare, void *ctx, const struct csn_control *control,
                    struct csn_run_result *result, uint32_t *flags, struct csn_error *err);

/* Sees that the engine has the image, as the sandboxes of this instance need it: what image.ensure
 * does, and the start of a sandbox too. `log` gets what a build prints; it may be NULL. */
struct csn_image_order {
  const char *image; /* NULL: the configured one */
  const char *pull;  /* "never", "missing", "always"; NULL: as options or configuration say */
  int (*log)(void *ctx, const char *text, size_t n);
  void *log_ctx;
};
int csn_session_op_image(struct csn_sessions *all, const struct csn_image_order *order,
                         const struct csn_session_want *want, const struct csn_control *control,
                         cJSON **out, struct csn_error *err);

/* The operations. Each gives its structuredContent (the caller's to cJSON_Delete). */
int csn_session_op_ensure(struct csn_sessions *all, const struct csn_session_want *want,
                          const struct csn_control *control, cJSON **out, struct csn_error *err);
/* stats: with what each of them uses, which costs two questions a sandbox. */
int csn_session_op_list(struct csn_sessions *all, int stats, const struct csn_control *control,
                        cJSON **out, struct csn_error *err);
int csn_session_op_inspect(struct csn_sessions *all, const char *key,
                           const struct csn_control *control, cJSON **out, struct csn_error *err);
/* Where a port ("8080", "8080/udp") is reached; session.missing or port.unmapped where it is
 * not. */
int csn_session_op_port(struct csn_sessions *all, const char *key, const char *port,
                        const struct csn_control *control, cJSON **out, struct csn_error *err);
int csn_session_op_remove(struct csn_sessions *all, const char *key,
                          const struct csn_control *control, cJSON **out, struct csn_error *err);
enum csn_shutdown_scope { CSN_SHUTDOWN_MINE, CSN_SHUTDOWN_INSTANCE };
/* grace_ms: how long calls in flight are waited for. */
int csn_session_op_shutdown(struct csn_sessions *all, enum csn_shutdown_scope scope,
                            uint64_t grace_ms, const struct csn_control *control, cJSON **out,
                            struct csn_error *err);

/* Removes what should not be there any more: see reap.c. dry_run: only says what it would. */
int csn_session_op_reap(struct csn_sessions *all, int64_t older_than_s, int dry_run,
                        const struct csn_control *control, cJSON **out, struct csn_error *err);

/* Everything passed must outlive it. */
int csn_sessions_new(const char *instance, const struct csn_sandbox_settings *settings,
                     struct csn_engine *engine, const struct csn_log *log,
                     struct csn_sessions **out, struct csn_error *err);
/* Where its sandboxes find the helper, as far as is known by now; see channel/delivery.h. "" if
 * there is none for this engine. */
const char *csn_sessions_helper(struct csn_sessions *all, const struct csn_control *control);
/* Starts to fill the warm pool, if there is one; else it starts with the first session. */
void csn_sessions_warm_up(struct csn_sessions *all);
/* No call will come any more: nothing is done in the background from now on, and what was
 * started ahead and not taken goes. Twice is fine. */
void csn_sessions_wind_down(struct csn_sessions *all);
/* Closes every channel; containers go on. */
void csn_sessions_free(struct csn_sessions *all);

#endif
