/* SPDX-License-Identifier: Apache-2.0 */
/* Where an engine listens: the text that an operator configures, taken apart. Reads nothing but the
 * files that TLS names. */
#ifndef CSN_TRANSPORT_ENDPOINT_H
#define CSN_TRANSPORT_ENDPOINT_H

#include "transport/ssh.h"
#include "transport/tls.h"
#include "util/error.h"

struct csn_endpoint {
  char *text;        /* as it was given, for messages */
  char *socket_path; /* of a unix socket; for ssh one that is never opened; NULL for tcp */
  char *host;        /* for the Host header: "host:port", or "docker" where there is none */
  char *base_url;    /* "http://" or "https://", and host */
  struct csn_tls tls;
  int has_tls;
  struct csn_ssh ssh; /* .host NULL: not by ssh */
};

/* unix:///path, tcp://host[:port], http://host[:port], https://host[:port] or
 * ssh://[user@]host[:port][/path/of/socket]. tls: what TLS needs, copied; NULL: none, for https the
 * system's CAs. 0, CAISSON_E_CONFIG (also for what does not go together, or files that cannot be
 * read) or CAISSON_E_NOMEM. */
int csn_endpoint_parse(const char *text, const struct csn_tls *tls, struct csn_endpoint *out,
                       struct csn_error *err);
void csn_endpoint_free(struct csn_endpoint *endpoint);

/* Does it go unencrypted to another machine? */
int csn_endpoint_is_exposed(const struct csn_endpoint *endpoint);

#endif
