/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS to an engine needs of files, how libcurl is told, and what its failures mean. */
#ifndef CSN_TRANSPORT_TLS_H
#define CSN_TRANSPORT_TLS_H

#include <curl/curl.h>

#include "util/error.h"

/* Paths of PEM files. The files are read at each connection, so renewed ones need no restart. */
struct csn_tls {
  char *ca;     /* who may sign the engine's certificate; NULL: whom this machine trusts */
  char *cert;   /* with key: ours; NULL: none */
  char *key;
  char *origin; /* the setting that they come from, for messages: "engine.tls" */
  int insecure; /* whoever answers is taken for the engine */
};

/* 0, CAISSON_E_CONFIG for a cert without a key, a ca that would not be used, or a file that cannot
 * be read or is no PEM; or CAISSON_E_NOMEM. */
int csn_tls_check(const struct csn_tls *tls, struct csn_error *err);
int csn_tls_copy(const struct csn_tls *from, struct csn_tls *to, struct csn_error *err);
void csn_tls_free(struct csn_tls *tls);

/* 0 or CAISSON_E_NOMEM. */
int csn_tls_prepare(const struct csn_tls *tls, CURL *easy);

/* CAISSON_E_ENGINE (engine.tls) if this failure of a transfer is about TLS, else 0 and nothing is
 * said. words are libcurl's own; where: the engine's endpoint. */
int csn_tls_failure(const struct csn_tls *tls, const char *where, CURLcode code, const char *words,
                    struct csn_error *err);

/* The same if the other side ended the connection over our certificate, or that we have none. */
int csn_tls_refusal(const struct csn_tls *tls, const char *where, const char *words,
                    struct csn_error *err);

/* When our own certificate ends, in seconds since 1970; 0: there is none, or it cannot be told. */
int64_t csn_tls_end(const struct csn_tls *tls);

#endif
