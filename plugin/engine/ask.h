/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the engine, in the negotiated version and under a deadline of its own, with
 * refusals made into errors. The operations in engine/ share it; nothing above includes it. */
#ifndef CSN_ENGINE_ASK_H
#define CSN_ENGINE_ASK_H

#include "engine/engine.h"
#include "transport/stream.h"
#include "util/buffer.h"

struct csn_ask {
  const char *method;
  const char *path;  /* behind "/v1.41": escaped, with its query */
  int seconds;       /* how long an engine that works may take; 0: as long as the caller waits */
  const cJSON *json; /* the body, or NULL: then these */
  const void *bytes;
  size_t size;
  const char *content_type;
  const char *const *headers; /* further ones, as in csn_http_request; NULL: none */
  int64_t (*give_body)(void *ctx, void *buffer, size_t room, struct csn_error *err); /* or NULL; */
  void *give_ctx;             /* it is asked once: a body that was given is not given again */
  int (*on_body)(void *ctx, const void *bytes, size_t n, struct csn_error *err); /* or NULL */
  void *ctx;
};

/* 0 for 2xx and 304. *response is to be freed in any case. */
int csn_ask(struct csn_engine *engine, const struct csn_ask *ask,
            const struct csn_control *control, struct csn_http_response *response,
            struct csn_error *err);
/* The path as it is, and any status is a success: for the question which version is spoken. */
int csn_ask_unversioned(struct csn_engine *engine, const struct csn_ask *ask,
                        const struct csn_control *control, struct csn_http_response *response,
                        struct csn_error *err);
/* Where nobody looks at what a success says. */
int csn_ask_simple(struct csn_engine *engine, const struct csn_ask *ask,
                   const struct csn_control *control, struct csn_error *err);
/* The answer must be JSON, and an object unless array is set. */
int csn_ask_json(struct csn_engine *engine, const struct csn_ask *ask,
                 const struct csn_control *control, int array, cJSON **answer,
                 struct csn_error *err);
/* The connection must be hijacked. */
int csn_ask_stream(struct csn_engine *engine, const struct csn_ask *ask,
                   const struct csn_control *control, struct csn_stream **stream,
                   struct csn_error *err);

/* The buffer in which a path is built. */
#define CSN_ASK_PATH(name) struct csn_buffer name CSN_CLEANUP_BUFFER = CSN_BUFFER((size_t)16384)
/* A path with no name in it. */
int csn_ask_route(struct csn_buffer *path, const char *route, struct csn_error *err);
/* A path of three parts, of which the middle one is a name that is escaped and checked: it may not
 * be empty, nor change which question is asked. */
int csn_ask_path(struct csn_buffer *path, const char *before, const char *name, const char *after,
                 struct csn_error *err);
/* Adds escaped text to a query. */
int csn_ask_query(struct csn_buffer *path, const char *key, const char *value,
                  struct csn_error *err);

/* Says what was asked in front of an error, unless the caller's own control was what ended it.
 * Returns rc. */
int csn_ask_context(int rc, struct csn_error *err, const char *what, const char *name);

/* "Id" of an answer, if it is one. */
int csn_ask_id(const cJSON *answer, char *id, size_t size, struct csn_error *err);

/* engine.protocol: an answer without what it must have. */
int csn_ask_malformed(struct csn_error *err, const char *what);

#endif
