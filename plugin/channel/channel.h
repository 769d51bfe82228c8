/* The host's end of the wire to one `guest serve`: one hijacked stream, one call at a time.
 * It knows frames and calls; of sessions, of containers beyond an id, and of tools it knows
 * nothing. A channel is used by one thread at a time; the session layer sees to that. */
#ifndef CSN_CHANNEL_CHANNEL_H
#define CSN_CHANNEL_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "util/control.h"
#include "util/error.h"
#include "util/json.h"

struct csn_channel;
struct csn_keeper; /* channel/keeper.h */

/* What the helper says about itself and its sandbox. */
struct csn_channel_hello {
  uint32_t uid, gid;
  uint32_t channels_others; /* other helpers connected to process 1 */
  uint32_t busy_others;     /* of these, with a call in flight */
  uint64_t age_ms;          /* of process 1 */
  uint64_t idle_ms;         /* since its last heartbeat */
  char key[257];            /* the session's key as process 1 holds it */
};

/* A further channel to a running container, by an exec of the helper at that path. The keeper must
 * outlive it. */
int csn_channel_open_exec(struct csn_engine *engine, const char *container, const char *helper,
                          struct csn_keeper *keeper, const struct csn_control *control,
                          struct csn_channel **out, struct csn_error *err);

/* The first channel: process 1's own stdio, attached to a container before it is started. The
 * hello comes only after the start: csn_channel_await_hello(). */
int csn_channel_open_attach(struct csn_engine *engine, const char *container,
                            struct csn_keeper *keeper, const struct csn_control *control,
                            struct csn_channel **out, struct csn_error *err);
int csn_channel_await_hello(struct csn_channel *ch, const struct csn_control *control,
                            struct csn_error *err);

const struct csn_channel_hello *csn_channel_hello(const struct csn_channel *ch);

/* Asks the helper for its hello anew. */
int csn_channel_stat(struct csn_channel *ch, const struct csn_control *control,
                     struct csn_channel_hello *out, struct csn_error *err);

/* Tells a sandbox that was started ahead whose it is. */
int csn_channel_take(struct csn_channel *ch, const char *key, const struct csn_control *control,
                     struct csn_error *err);

/* Asks the helper, between calls, what it finds of itself and of the sandbox around it: an object as
 * plugin/guest/report.md describes it, to be deleted by the caller. It comes from inside: every
 * member may be missing or of another type. */
int csn_channel_report(struct csn_channel *ch, const struct csn_control *control, cJSON **report,
                       struct csn_error *err);

/* Ends the sandbox if nothing runs in it, for whomever, and no call has for idle_ms. 1: it ends,
 * and the channel with it; 0: it goes on, as it is used. */
int csn_channel_retire(struct csn_channel *ch, uint64_t idle_ms, const struct csn_control *control,
                       struct csn_error *err);

/* False once it cannot carry another call; cheap enough to ask before each (one poll). */
int csn_channel_is_usable(struct csn_channel *ch);

void csn_channel_close(struct csn_channel *ch); /* says goodbye if it can; NULL is fine */

/* ---- one command ----------------------------------------------------------------------------- */

struct csn_run {
  /* In place of a program: an operation on files that the helper carries out itself, in cwd. What it
   * writes is stdout, its report (JSON) stderr. Of programs, args, env and script it has none. */
  const char *operation;
  const char *const *operands; /* NAME=VALUE; NULL-ended */
  const char *const *programs; /* argv[0]: the first of these that the image has; NULL-ended */
  const char *const *args;     /* argv[1...]; NULL-ended; may be NULL */
  const char *const *env;      /* NAME=value, the whole environment; NULL-ended */
  const char *cwd;
  uint64_t timeout_ms;  /* 0: none */
  uint64_t spill_after; /* bytes of output beyond which it is also kept in a file; 0: never */
  uint64_t spill_max;
  const char *script;   /* a program text, kept in a private file whose path is appended to the
                           interpreter's arguments where CSN_RUN_SCRIPT stands; NULL: none */
  size_t script_size;
  const char *script_name; /* "script.py" */

  /* As caisson_request.input; NULL: stdin is empty. */
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity);
  void *input_ctx;
  /* Readable once input that answered CAISSON_INPUT_AGAIN has something, so that it is asked at once
   * and not only after the usual while; 0: there is no telling. */
  int input_fd;
  /* The output as it comes; non-zero cancels. */
  int (*output)(void *ctx, int stream, const void *bytes, size_t n);
  void *output_ctx;
};

/* Stands in args for the path of the script. */
#define CSN_RUN_SCRIPT "\001script"

struct csn_run_result {
  int outcome; /* CAISSON_OUTCOME_* */
  int exit_code;
  int term_signal;
  uint64_t duration_ns; /* as the helper measured it */
  uint64_t bytes_stdout, bytes_stderr;
  char spill_path[128]; /* "" if nothing was spilled */
  int spill_whole;
  uint32_t still_running; /* processes that the command left in the background */
  uint32_t survivors;     /* after a kill */
  char survivors_text[256];
  int touched; /* the helper answered, or input was taken: not as if it had never been sent */
  int explained; /* LOST, and the helper itself said why, in a sandbox that goes on */
  char reason[CAISSON_REASON_SIZE]; /* of LOST and OOM, else "" */
  char message[512];                /* likewise */
};

/* Runs it and returns 0 with the result, also when it was cancelled, ran into a deadline or was
 * lost. Negative: it did not start (CAISSON_E_SANDBOX, CAISSON_E_ARGUMENTS for cwd, ...), or it
 * was stopped before it started (CAISSON_E_CANCELLED, CAISSON_E_DEADLINE). */
int csn_channel_run(struct csn_channel *ch, const struct csn_run *run,
                    const struct csn_control *control, struct csn_run_result *result,
                    struct csn_error *err);

#endif
