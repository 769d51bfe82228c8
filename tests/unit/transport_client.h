/* SPDX-License-Identifier: Apache-2.0 */
/* The transport to a server of transport_server.h. */
#ifndef TRANSPORT_CLIENT_H
#define TRANSPORT_CLIENT_H

#include "tap.h"
#include "transport/http.h"
#include "transport_server.h"

static const struct csn_control no_control = CSN_CONTROL_NONE;

TAP_UNUSED static struct csn_transport *transport_to(const struct server *server) {
  struct csn_transport *t;
  struct csn_error err = {0};
  if (csn_transport_new(server->endpoint, NULL, &t, &err)) BAIL_OUT("%s", err.message);
  return t;
}

TAP_UNUSED static int get(struct csn_transport *t, struct csn_http_response *r, struct csn_error *err) {
  struct csn_http_request request = {.method = "GET", .path = "/x?y=1"};
  memset(err, 0, sizeof *err);
  return csn_http_do(t, &request, &no_control, r, err);
}

#endif
