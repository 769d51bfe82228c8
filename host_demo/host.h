/* SPDX-License-Identifier: Apache-2.0 */
/* host.h: an instance of a plugin, and one call on it from open to close. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "caisson.h"
#include "loader.h"
#include "options.h"

struct csn_host {
  struct csn_loaded loaded;
  caisson_host offer; /* the plugin keeps a pointer to it */
  bool verbose;
  uint64_t instance; /* 0: none */
  cJSON *offered;    /* describe(), once it was asked for */
};

/* Fills in `host` and loads the plugin. Returns 0, or -1 with the reason in `why`. */
int csn_host_load(struct csn_host *host, const struct csn_options *options,
                  char why[CSN_LOADER_MESSAGE]);

/* Makes the instance. `lazy` leaves asking the engine to the first call, whatever is configured.
 * Returns the status; CAISSON_E_CONFIG where the file cannot be read. `err` says why. */
int32_t csn_host_create(struct csn_host *host, const struct csn_options *options, bool lazy,
                        caisson_error *err);

/* Both at once, and what every command but doctor wants: 0 or CSN_EXIT_FAILED after saying why. */
int csn_host_start(struct csn_host *host, const struct csn_options *options, bool lazy);

/* Ends what was started; sessions live on. */
void csn_host_stop(struct csn_host *host);

/* What the instance offers, owned by `host`; NULL after saying why not. */
const cJSON *csn_host_describe(struct csn_host *host);

/* The offered tool of this name, or NULL. */
const cJSON *csn_host_tool(struct csn_host *host, const char *name);

/* What the tool that the manifest calls `factory_name` is called here, or NULL if it is disabled. */
const char *csn_host_tool_name(struct csn_host *host, const char *factory_name);

/* ---- one call -------------------------------------------------------------------------------- */

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
};

/* Opens, runs and closes the call. `reply` is to be freed whatever happens. */
void csn_host_call(struct csn_host *host, const struct csn_call *call, struct csn_reply *reply);

void csn_reply_free(struct csn_reply *reply);

/* result.json's structuredContent, or NULL. */
const cJSON *csn_reply_structured(const struct csn_reply *reply);

#endif
