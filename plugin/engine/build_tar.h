/* SPDX-License-Identifier: Apache-2.0 */
/* A build context as a tar, made as it is read: never more than a piece of it is in memory. */
#ifndef CSN_ENGINE_BUILD_TAR_H
#define CSN_ENGINE_BUILD_TAR_H

#include "engine/build_context.h"

struct csn_build_tar;

/* `hash`, as csn_context_hash() made it, is what the content must still have at the end. The
 * context must outlive it. 0 or CAISSON_E_NOMEM. */
int csn_build_tar_new(const struct csn_context *context, const struct csn_sha256 *hash_begin,
                      const unsigned char hash[CSN_SHA256_SIZE], struct csn_build_tar **out,
                      struct csn_error *err);
void csn_build_tar_free(struct csn_build_tar *tar);

/* As give_body of csn_http_request; ctx is the tar. */
int64_t csn_build_tar_give(void *ctx, void *buffer, size_t room, struct csn_error *err);
/* Bytes of content that were given so far. */
uint64_t csn_build_tar_given(const struct csn_build_tar *tar);

#endif
