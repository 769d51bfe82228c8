/* SPDX-License-Identifier: Apache-2.0 */
/* mcp_flights.c: the list of requests under way. */
#include <stdlib.h>
#include <string.h>

#include "mcp.h"
#include "ui.h"

static void free_flight(struct csn_mcp_flight *flight) {
  free(flight->id);
  free(flight->tool);
  free(flight->args);
  free(flight->options);
  free(flight->token);
  free(flight);
}

/* Where the one of that id hangs; the lock is held. */
static struct csn_mcp_flight **find(struct csn_mcp *mcp, const char *id) {
  struct csn_mcp_flight **at = &mcp->flights;
  while (*at && strcmp((*at)->id, id) != 0)
    at = &(*at)->next;
  return at;
}

struct csn_mcp_flight *csn_mcp_flight_begin(struct csn_mcp *mcp,
                                            const struct csn_mcp_request *request,
                                            struct csn_mcp_failure *failure) {
  struct csn_mcp_flight *flight = NULL;
  (void)pthread_mutex_lock(&mcp->mutex);
  if (*find(mcp, request->id)) {
    (void)csn_mcp_fail(failure, CSN_RPC_INVALID_REQUEST,
                       "a request of this id is still under way");
  } else if (mcp->count >= CSN_MCP_FLIGHTS) {
    (void)csn_mcp_fail(failure, CSN_RPC_INTERNAL_ERROR,
                       "%d requests are under way, which is the most; wait for one of them",
                       CSN_MCP_FLIGHTS);
  } else {
    flight = csn_must(calloc(1, sizeof *flight));
    flight->mcp = mcp;
    flight->id = csn_must(strdup(request->id));
    flight->modern = request->modern;
    flight->next = mcp->flights;
    mcp->flights = flight;
    mcp->count++;
  }
  (void)pthread_mutex_unlock(&mcp->mutex);
  return flight;
}

/* Out of the list. Once it is, another request may have its id. */
static bool unlink_flight(struct csn_mcp_flight *flight) {
  struct csn_mcp *mcp = flight->mcp;
  (void)pthread_mutex_lock(&mcp->mutex);
  *find(mcp, flight->id) = flight->next;
  bool wanted = !flight->unwanted;
  (void)pthread_mutex_unlock(&mcp->mutex);
  return wanted;
}

void csn_mcp_flight_end(struct csn_mcp_flight *flight, char *line, size_t n) {
  struct csn_mcp *mcp = flight->mcp;
  if (unlink_flight(flight))
    csn_out_put(&mcp->out, line, n);
  else
    free(line);
  free_flight(flight);
  /* Last of all: whoever waits for that ends the server. */
  (void)pthread_mutex_lock(&mcp->mutex);
  mcp->count--;
  (void)pthread_cond_broadcast(&mcp->landed);
  (void)pthread_mutex_unlock(&mcp->mutex);
}

/* A subscription has no thread that would end it. */
static void end_subscription(struct csn_mcp_flight *flight) {
  char *result = NULL;
  size_t n;
  if (asprintf(&result, "{\"_meta\":{\"" CSN_MCP_SUBSCRIPTION_KEY "\":%s}}", flight->id) < 0)
    result = csn_must(NULL);
  char *line = csn_rpc_result(flight->id, result, strlen(result), "\"resultType\":\"complete\"", &n);
  free(result);
  csn_mcp_flight_end(flight, line, n);
}

void csn_mcp_flight_cancel(struct csn_mcp *mcp, const char *id) {
  (void)pthread_mutex_lock(&mcp->mutex);
  struct csn_mcp_flight *flight = *find(mcp, id);
  bool listens = flight && flight->listens;
  if (flight) {
    flight->unwanted = true;
    atomic_store(&flight->cancelled, true);
  }
  (void)pthread_mutex_unlock(&mcp->mutex);
  if (listens)
    end_subscription(flight);
}

/* One that listens; NULL: there is none. Only the thread that reads makes and ends those. */
static struct csn_mcp_flight *any_subscription(struct csn_mcp *mcp) {
  (void)pthread_mutex_lock(&mcp->mutex);
  struct csn_mcp_flight *flight = mcp->flights;
  while (flight && !flight->listens)
    flight = flight->next;
  (void)pthread_mutex_unlock(&mcp->mutex);
  return flight;
}

void csn_mcp_flights_land(struct csn_mcp *mcp) {
  struct csn_mcp_flight *flight;
  while ((flight = any_subscription(mcp)))
    end_subscription(flight);
  (void)pthread_mutex_lock(&mcp->mutex);
  for (flight = mcp->flights; flight; flight = flight->next)
    atomic_store(&flight->cancelled, true);
  while (mcp->count > 0)
    (void)pthread_cond_wait(&mcp->landed, &mcp->mutex);
  (void)pthread_mutex_unlock(&mcp->mutex);
}
