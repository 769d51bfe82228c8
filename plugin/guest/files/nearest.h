/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a text that was to be replaced is not there, in words: what it differs in from the nearest
 * place, and that place. Pure.
 */
#ifndef CSN_GUEST_FILES_NEAREST_H
#define CSN_GUEST_FILES_NEAREST_H

#include "util/buffer.h"

#define CSN_NEAREST_MAX 4500u   /* bytes of words */

/* Adds the words, each sentence with a blank before it, and the lines; where memory or room runs
 * out, less. Returns what to do about it. */
const char *csn_nearest_explain(struct csn_buffer *words, const char *text, size_t n,
                                const char *wanted, size_t wanted_size);

#endif
