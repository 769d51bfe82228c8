/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl's and the kernel's codes mean to somebody who runs an engine: reason, words, and
 * what to do. Pure. */
#ifndef CSN_TRANSPORT_FAILURE_H
#define CSN_TRANSPORT_FAILURE_H

#include <curl/curl.h>

#include "transport/endpoint.h"
#include "util/error.h"

/* Of socket() or connect(). Never 0. */
int csn_failure_connect(const struct csn_endpoint *endpoint, int sys_errno, struct csn_error *err);
/* Of a whole transfer; 0 for CURLE_OK. words are libcurl's own, maybe "". */
int csn_failure_transfer(const struct csn_endpoint *endpoint, CURLcode code, int sys_errno,
                         const char *words, struct csn_error *err);
/* Of the child that was the connection; words are what it said, maybe "". */
int csn_failure_ssh(const struct csn_endpoint *endpoint, const char *words, struct csn_error *err);
int csn_failure_multi(CURLMcode code, struct csn_error *err);

#endif
