/* SPDX-License-Identifier: Apache-2.0 */
/* host.h: plugins at work, and one call on one of them from open to close. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "caisson.h"
#include "options.h"
#include "routes.h"
#include "slot.h"

struct csn_host {
  struct csn_routes routes;
  caisson_host offer; /* the plugins keep a pointer to it */
  bool verbose;
};

/* Who is told of the plugins' log, beside stderr: from any thread, and must not wait. Before a host
 * is started. */
void csn_host_notify_log(void (*logged)(void *ctx, int32_t level, const char *text, size_t n),
                         void *ctx);

/* Fills in `host` and loads the plugins. `lazy` leaves asking the engine to the first call,
 * whatever is configured. Returns 0, or -1 with the reason in `failure`. */
int csn_host_load(struct csn_host *host, const struct csn_options *options, bool lazy,
                  struct csn_failure *failure);

/* Makes the instances. Returns 0, or -1 with the reason in `failure`. */
int csn_host_create(struct csn_host *host, struct csn_failure *failure);

/* Both at once, and what every command but doctor wants: 0 or CSN_EXIT_FAILED after saying why. */
int csn_host_start(struct csn_host *host, const struct csn_options *options, bool lazy);

/* Ends what was started; sessions live on. */
void csn_host_stop(struct csn_host *host);

/* The plugin that commands are about which name no tool. */
struct csn_slot *csn_host_slot(struct csn_host *host);

/* Its generation that serves, for reading what it offers: it stays until csn_slot_unpin(). */
struct csn_generation *csn_host_pin(struct csn_host *host);

/* The generation that a tool belongs to, likewise, and its description there; NULL for that where
 * nobody offers it. */
struct csn_generation *csn_host_pin_tool(struct csn_host *host, const char *name,
                                         const cJSON **tool);

/* What its tool that the manifest calls `factory_name` is called here, malloc'd; NULL if it is
 * disabled. */
char *csn_host_tool_name(struct csn_host *host, const char *factory_name);

/* ---- one call -------------------------------------------------------------------------------- */

/* What a call does, told to somebody who is not at a terminal. On the thread of the call. */
struct csn_watch {
  bool (*cancelled)(void *ctx); /* asked often, also while nothing comes */
  void (*output)(void *ctx, const char *bytes, size_t n); /* of stdout and stderr */
  void (*progress)(void *ctx, int32_t permille, const char *note, size_t n); /* -1: not known */
  void *ctx;
};

struct csn_call {
  const char *name;
  const char *args; /* JSON, or NULL */
  size_t args_size; /* 0: of `args` to its NUL */
  const char *options; /* JSON, or NULL */
  const char *session;
  uint64_t timeout_ms;
  int input;      /* a file descriptor for the command's stdin, or -1 */
  bool operation; /* CAISSON_REQUEST_HOST */
  bool live;      /* output goes to stdout and stderr as it comes */
  bool has_output; /* and stdout's to this descriptor */
  int output;
  void (*moved)(void *ctx, uint64_t bytes); /* told of input and output; may be NULL */
  void *moved_ctx;
  bool beside; /* others call at the same time: signals and progress are not this call's business,
                  but for the cancel */
  const struct csn_watch *watch; /* of a call beside others, in place of all that; may be NULL */
};

struct csn_reply {
  int32_t status;
  caisson_error error;   /* where status is negative */
  caisson_result result; /* .json is `json`, which outlives the call */
  char *json;            /* NULL where the call could not even be opened */
  cJSON *document;       /* the same, parsed; NULL where that failed */
  uint64_t streamed;     /* bytes that went out live */
  bool line_open;        /* and the last of them was no newline */
  int write_errno;       /* output could not be written, so the call was cancelled */
  unsigned generation;   /* of the plugin, on which it ran */
  unsigned retries;      /* refused by a generation that was just being replaced: so often */
};

/* Opens, runs and closes the call, on the generation that serves; one that is refused because that
 * is just being replaced goes to the next. `reply` is to be freed whatever happens. */
void csn_host_call(struct csn_host *host, const struct csn_call *call, struct csn_reply *reply);

void csn_reply_free(struct csn_reply *reply);

/* result.json's structuredContent, or NULL. */
const cJSON *csn_reply_structured(const struct csn_reply *reply);

#endif
