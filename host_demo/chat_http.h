/* SPDX-License-Identifier: Apache-2.0 */
/* chat_http.h: one request after the other to an endpoint, and its answer as it comes. */
#ifndef HOST_CHAT_HTTP_H
#define HOST_CHAT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "why.h"

struct csn_chat_http;

enum csn_http_end { CSN_HTTP_WHOLE, CSN_HTTP_INTERRUPTED, CSN_HTTP_FAILED };

/* What of an answer is taken: 0, 1 where no more is wanted, -1 with the reason in `why`. */
typedef int csn_http_take(void *ctx, const char *bytes, size_t n, char why[CSN_LOADER_MESSAGE]);

/* The key may be NULL. An endpoint that says nothing for so long has failed. Returns NULL with the
 * reason in `why`. */
struct csn_chat_http *csn_chat_http_open(const char *base_url, const char *key, uint64_t silent_ms,
                                         char why[CSN_LOADER_MESSAGE]);

/* POSTs JSON to chat/completions of the endpoint; a signal interrupts it. */
enum csn_http_end csn_chat_http_post(struct csn_chat_http *http, const char *body,
                                     csn_http_take *take, void *ctx, char why[CSN_LOADER_MESSAGE]);

void csn_chat_http_close(struct csn_chat_http *http);

#endif
