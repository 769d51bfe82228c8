/* SPDX-License-Identifier: Apache-2.0 */
/* One libcurl transfer at a time, under a csn_control: how to connect, how to wait, and what its
 * failures mean. The parts of transport/ share it; nothing above includes it. */
#ifndef CSN_TRANSPORT_HANDLE_H
#define CSN_TRANSPORT_HANDLE_H

#include <curl/curl.h>

#include "transport/endpoint.h"
#include "transport/tunnel.h"
#include "util/control.h"
#include "util/error.h"

/* A multi handle of its own for each: libcurl's way of waiting together with other descriptors, and
 * a connection cache that no other thread touches (a shared one is not thread-safe). */
struct csn_handle {
  CURLM *multi;
  CURL *easy;
  const struct csn_endpoint *endpoint;
  const struct csn_control *control; /* while it runs */
  struct csn_error failure;          /* left by one of the callbacks; code 0: none */
  char words[CURL_ERROR_SIZE];       /* libcurl's own */
  struct csn_tunnel *tunnels;        /* by ssh: the connections */
  char *said;                        /* likewise: by those that failed; CSN_TUNNEL_WORDS */
  struct csn_handle *next;           /* in the pool */
};

/* 0 or CAISSON_E_NOMEM. The endpoint must live as long as the handle is run. */
int csn_handle_new(const struct csn_endpoint *endpoint, struct csn_handle **handle,
                   struct csn_error *err);
/* Closes its connection. NULL is allowed. */
void csn_handle_free(struct csn_handle *handle);

/* Forgets the transfer before and sets what all have in common. 0 or CAISSON_E_NOMEM. */
int csn_handle_prepare(struct csn_handle *handle, const char *path, struct csn_error *err);

/* Runs what was prepared to its end. 0 or an error as csn_http_do() has it; then the handle can
 * only be freed. With keep the transfer stays attached, which a connection that is used
 * directly needs. */
int csn_handle_run(struct csn_handle *handle, const struct csn_control *control, int keep,
                   struct csn_error *err);

/* What it means that libcurl, asked directly or by csn_handle_run(), ended with this code. */
int csn_handle_failure(struct csn_handle *handle, CURLcode code, int sys_errno,
                       const struct csn_control *control, struct csn_error *err);

#endif
