/* SPDX-License-Identifier: Apache-2.0 */
/* What every tool and operation is: arguments that were found valid in, a result out.
 * A tool knows sessions and channels; of instances, threads and the ABI's structs it knows only
 * what stands here. */
#ifndef CSN_TOOLS_TOOL_H
#define CSN_TOOLS_TOOL_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "session/session.h"
#include "util/control.h"
#include "util/error.h"

/* The operator's settings for background jobs. */
struct csn_job_settings {
  uint32_t running_max, kept_max; /* jobs in one sandbox: running; ended and remembered */
  uint64_t output_max;            /* bytes kept of what one prints */
  uint64_t timeout_ms;            /* of one, when the arguments have none */
  uint64_t max_timeout_ms;
};

/* The operator's settings for tools. */
struct csn_tool_settings {
  uint64_t output_limit;       /* characters shown to the model, default 50,000 */
  uint64_t shell_timeout_ms;   /* when the arguments have none, default 120,000 */
  uint64_t max_timeout_ms;     /* default 600,000 */
  uint64_t spill_max;          /* bytes, default 32 MiB */
  struct csn_job_settings jobs;
};

struct csn_tool_call {
  const cJSON *args; /* checked against the tool's inputSchema */
  const struct csn_tool_settings *settings;
  struct csn_sessions *sessions;
  struct csn_engine *engine;
  const struct csn_session_want *want; /* the session, and what the host asks of it */
  const cJSON *env;                    /* {NAME: value} of the options for this call; or NULL */
  const cJSON *secrets;                /* likewise, never logged or kept */
  const struct csn_mask *mask;         /* what must not be shown; NULL: nothing */
  const char *sandbox_image;           /* as configured, for engine.info */
  const struct csn_control *control;
  uint64_t output_limit; /* characters; already defaulted from settings */
  int64_t (*input)(void *ctx, void *buffer, uint64_t capacity); /* NULL: none */
  void *input_ctx;
  int input_fd; /* as csn_run.input_fd */
  int (*output)(void *ctx, int stream, const void *bytes, size_t n); /* NULL: nobody listens */
  void *output_ctx;
  int *has_run; /* csn_tool_set_run(); NULL: nobody asks */
};

/* Whether something was done for the call: if its result is lost after that, nobody may be told that
 * it had no effect. */
static inline void csn_tool_set_run(const struct csn_tool_call *call, int has_run) {
  if (call->has_run) *call->has_run = has_run;
}

struct csn_tool_result {
  int outcome;
  int exit_code;
  int term_signal;
  uint32_t flags; /* CAISSON_RESULT_* */
  uint64_t bytes_out, bytes_dropped;
  uint64_t command_ns; /* of a command, from its start to its end inside; else 0 */
  cJSON *json; /* a CallToolResult; the caller's */
};

/* 0 with the result filled in, or negative: then nothing was started and result->json is NULL. */
typedef int csn_tool_fn(const struct csn_tool_call *call, struct csn_tool_result *result,
                        struct csn_error *err);

struct csn_tool {
  const char *name; /* the plain name, as in manifest.json */
  csn_tool_fn *run;
};

const struct csn_tool *csn_tool_find(const char *name);      /* for models; NULL: none */
const struct csn_tool *csn_operation_find(const char *name); /* for the host */

#endif
