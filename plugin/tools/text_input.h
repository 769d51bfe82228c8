/* SPDX-License-Identifier: Apache-2.0 */
/* A text of the arguments in the place of a caisson_request.input. */
#ifndef CSN_TOOLS_TEXT_INPUT_H
#define CSN_TOOLS_TEXT_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct csn_text_input {
  const char *text;
  size_t left;
};

int64_t csn_text_input_read(void *ctx, void *buffer, uint64_t capacity);

#endif
