/* SPDX-License-Identifier: Apache-2.0 */
/* Where an engine listens: the text that an operator configures, taken apart. Pure. */
#ifndef CSN_TRANSPORT_ENDPOINT_H
#define CSN_TRANSPORT_ENDPOINT_H

#include "util/error.h"

struct csn_endpoint {
  char *text;        /* as it was given, for messages */
  char *socket_path; /* of a unix socket; NULL for tcp */
  char *host;        /* for the Host header: "host:port", or "docker" for a unix socket */
  char *base_url;    /* "http://" and host */
};

/* unix:///path, tcp://host[:port] or http://host[:port]. 0, CAISSON_E_CONFIG or CAISSON_E_NOMEM. */
int csn_endpoint_parse(const char *text, struct csn_endpoint *out, struct csn_error *err);
void csn_endpoint_free(struct csn_endpoint *endpoint);

#endif
