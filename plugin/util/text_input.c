/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text_input.h"

#include <string.h>

#include "caisson.h"

int64_t csn_text_input_read(void *ctx, void *buffer, uint64_t capacity) {
  struct csn_text_input *input = ctx;
  size_t n = input->left < capacity ? input->left : (size_t)capacity;
  if (n == 0) return CAISSON_INPUT_END;
  memcpy(buffer, input->text, n);
  input->text += n;
  input->left -= n;
  return (int64_t)n;
}
