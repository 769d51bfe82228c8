/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/pool.h"

#include <pthread.h>

#include "util/alloc.h"

#define IDLE_MAX 8
/* A login, over whatever network it takes. */
#define SSH_SECONDS 15

struct csn_transport {
  struct csn_endpoint endpoint;
  pthread_mutex_t lock;
  struct csn_handle *idle; /* the latest first */
  unsigned count;
};

int csn_transport_new(const char *endpoint, const struct csn_tls *tls,
                      struct csn_transport **transport, struct csn_error *err) {
  struct csn_transport *t = csn_calloc(1, sizeof *t);
  if (!t) return csn_fail_nomem(err);
  int rc = csn_endpoint_parse(endpoint, tls, &t->endpoint, err);
  if (rc) {
    csn_free(t);
    return rc;
  }
  pthread_mutex_init(&t->lock, NULL);
  *transport = t;
  return 0;
}

void csn_transport_free(struct csn_transport *transport) {
  if (!transport) return;
  while (transport->idle) {
    struct csn_handle *next = transport->idle->next;
    csn_handle_free(transport->idle);
    transport->idle = next;
  }
  pthread_mutex_destroy(&transport->lock);
  csn_endpoint_free(&transport->endpoint);
  csn_free(transport);
}

const char *csn_transport_endpoint(const struct csn_transport *transport) {
  return transport->endpoint.text;
}

int csn_transport_patience(const struct csn_transport *transport) {
  return transport->endpoint.ssh.host ? SSH_SECONDS : 0;
}

const struct csn_endpoint *csn_pool_endpoint(const struct csn_transport *transport) {
  return &transport->endpoint;
}

int csn_pool_take(struct csn_transport *transport, struct csn_handle **handle,
                  struct csn_error *err) {
  pthread_mutex_lock(&transport->lock);
  struct csn_handle *h = transport->idle;
  if (h) {
    transport->idle = h->next;
    transport->count--;
  }
  pthread_mutex_unlock(&transport->lock);
  if (!h) return csn_handle_new(&transport->endpoint, handle, err);
  h->next = NULL;
  *handle = h;
  return 0;
}

/* The lock is held and there is at least one. */
static struct csn_handle *unlink_oldest(struct csn_transport *transport) {
  struct csn_handle **at = &transport->idle;
  while ((*at)->next) at = &(*at)->next;
  struct csn_handle *oldest = *at;
  *at = NULL;
  transport->count--;
  return oldest;
}

void csn_pool_give(struct csn_transport *transport, struct csn_handle *handle) {
  struct csn_handle *surplus = NULL;
  pthread_mutex_lock(&transport->lock);
  if (transport->count == IDLE_MAX) surplus = unlink_oldest(transport);
  handle->next = transport->idle;
  transport->idle = handle;
  transport->count++;
  pthread_mutex_unlock(&transport->lock);
  csn_handle_free(surplus);
}
