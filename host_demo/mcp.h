/* SPDX-License-Identifier: Apache-2.0 */
/* mcp.h: a server of the Model Context Protocol, on one connection.
 *
 * cmd_mcp.c      begin, loop, end
 * mcp_in, _out   lines from and to the client
 * mcp_rpc        what is a message
 * mcp_methods.c  what is asked, and in which revision of the protocol
 * mcp_flights.c  requests that are not answered yet
 * mcp_call.c     tools/call, on a thread of its own
 * mcp_progress   what it prints meanwhile
 *
 * Two kinds of client come. Those of revision 2026-07-28 say with each request which revision it is
 * of, and no request depends on one before it; those of earlier ones say so once, by `initialize`,
 * and keep to it. Both may come on one connection. */
#ifndef HOST_MCP_H
#define HOST_MCP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "host.h"
#include "mcp_out.h"
#include "mcp_rpc.h"

/* Requests under way at the same time, each of which is a thread. */
#define CSN_MCP_FLIGHTS 256

#define CSN_MCP_VERSION_KEY "io.modelcontextprotocol/protocolVersion"
#define CSN_MCP_CAPABILITIES_KEY "io.modelcontextprotocol/clientCapabilities"
#define CSN_MCP_SUBSCRIPTION_KEY "io.modelcontextprotocol/subscriptionId"

struct csn_mcp_flight;

struct csn_mcp {
  struct csn_host host;
  const struct csn_options *options;
  const char *session;
  struct csn_out out;
  _Atomic(const char *) agreed; /* the revision of `initialize`; NULL: there was none */
  atomic_int log_level;         /* a severity of syslog's */
  pthread_mutex_t mutex;        /* of what follows */
  pthread_cond_t landed;
  struct csn_mcp_flight *flights;
  unsigned count;
};

/* ---- mcp_methods.c --------------------------------------------------------------------------- */

struct csn_mcp_request {
  const char *id; /* JSON text */
  const cJSON *params, *meta; /* objects, or NULL */
  bool modern; /* of a revision without `initialize` */
};

struct csn_mcp_failure {
  int code;
  char message[1024];
  cJSON *data;
};

/* What becomes of a request. */
enum csn_mcp_answer {
  CSN_MCP_RESULT, /* an object was given */
  CSN_MCP_LATER,  /* somebody answers it when it is done */
  CSN_MCP_FAILED, /* the failure was filled in */
};

enum csn_mcp_answer csn_mcp_fail(struct csn_mcp_failure *failure, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Deals with one line from the client. */
void csn_mcp_take(struct csn_mcp *mcp, const char *line, size_t n);

/* An error that answers no request that could be read. */
void csn_mcp_refuse(struct csn_mcp *mcp, int code, const char *words);

/* What this result of a request of this kind lacks, as csn_rpc_result's extra. */
const char *csn_mcp_result_extra(bool modern, const cJSON *result);

/* Tells the client that the tools may be others now. */
void csn_mcp_tools_changed(void *mcp);

/* Tells it what the plugin logs. */
void csn_mcp_logged(void *mcp, int32_t level, const char *text, size_t n);

/* ---- mcp_flights.c --------------------------------------------------------------------------- */

struct csn_mcp_flight {
  struct csn_mcp_flight *next;
  struct csn_mcp *mcp;
  char *id; /* JSON text */
  bool modern;
  atomic_bool cancelled;
  bool unwanted; /* the client cancelled it, so it gets no answer */
  /* Of subscriptions/listen: */
  bool listens, wants_tools;
  /* Of tools/call, malloc'd: */
  char *tool, *args, *options;
  char *token; /* JSON text; NULL: no progress is wanted */
};

/* A new one, or a failure: its id is taken, or there are too many. */
struct csn_mcp_flight *csn_mcp_flight_begin(struct csn_mcp *mcp,
                                            const struct csn_mcp_request *request,
                                            struct csn_mcp_failure *failure);
/* Ends it with this answer (taken), which goes out unless nobody wants it. */
void csn_mcp_flight_end(struct csn_mcp_flight *flight, char *line, size_t n);

/* The client cancels the request of that id, if there is one. */
void csn_mcp_flight_cancel(struct csn_mcp *mcp, const char *id);

/* Cancels all, and returns when all have been answered. */
void csn_mcp_flights_land(struct csn_mcp *mcp);

/* ---- mcp_call.c ------------------------------------------------------------------------------ */

enum csn_mcp_answer csn_mcp_tools_call(struct csn_mcp *mcp, const struct csn_mcp_request *request,
                                       cJSON *result, struct csn_mcp_failure *failure);

#endif
