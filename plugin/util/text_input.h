/* SPDX-License-Identifier: Apache-2.0 */
/* A text in the place of a caisson_request.input. */
#ifndef CSN_UTIL_TEXT_INPUT_H
#define CSN_UTIL_TEXT_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct csn_text_input {
  const char *text;
  size_t left;
};

int64_t csn_text_input_read(void *ctx, void *buffer, uint64_t capacity);

#endif
