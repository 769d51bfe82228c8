/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what the file tools make of texts: kinds, encodings, folding, and the words for a text
 * that is not there. The first byte is a size of pieces, the next two where the file ends and
 * old_string begins. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest/files/encoding.h"
#include "guest/files/fold.h"
#include "guest/files/kind.h"
#include "guest/files/lines.h"
#include "guest/files/nearest.h"
#include "util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *text, size_t n, size_t piece, struct csn_buffer *out) {
  struct csn_decoder decoder = csn_encoding_detect(text, n, true);
  for (size_t at = decoder.mark; at < n; at += piece) {
    size_t left = n - at;
    if (csn_decoder_add(&decoder, text + at, left < piece ? left : piece, out)) abort();
  }
  if (csn_decoder_add(&decoder, text, 0, out)) abort();
  if (decoder.encoding != CSN_ENCODING_UTF8 && !csn_utf8_is_valid(csn_buffer_text(out), out->size))
    abort();
}

/* However it comes, it is the same text. */
static void check_decoding(const uint8_t *text, size_t n, size_t piece) {
  CSN_CLEANUP_BUFFER struct csn_buffer whole = CSN_BUFFER(3 * n + 8);
  CSN_CLEANUP_BUFFER struct csn_buffer pieces = CSN_BUFFER(3 * n + 8);
  decode(text, n, n + 1, &whole);
  decode(text, n, piece, &pieces);
  if (whole.size != pieces.size) abort();
  if (memcmp(csn_buffer_text(&whole), csn_buffer_text(&pieces), whole.size) != 0) abort();
}

static void check_fold(const char *text, size_t n, unsigned how) {
  CSN_CLEANUP_BUFFER struct csn_buffer folded = CSN_BUFFER(2 * n + 8);
  if (csn_fold(text, n, how, &folded)) abort();
  int keeps_lines = !(how & CSN_FOLD_QUOTED);
  if (keeps_lines && csn_lines_count(csn_buffer_text(&folded), folded.size) !=
                         csn_lines_count(text, n))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  size_t piece = data[0] ? data[0] : 1, n = (size_t)data[1] | (size_t)data[2] << 8;
  const uint8_t *text = data + 3;
  size -= 3;
  if (n > size) n = size;
  struct csn_kind kind = csn_kind_of(text, n);
  if ((kind.mime_type && !kind.what) || !kind.hint) abort();
  check_decoding(text, n, piece);
  for (unsigned how = 0; how <= CSN_FOLD_ALL; how++) check_fold((const char *)text, n, how);
  if (memmem(text, n, text + n, size - n)) return 0;
  CSN_CLEANUP_BUFFER struct csn_buffer words = CSN_BUFFER(CSN_NEAREST_MAX);
  const char *hint =
      csn_nearest_explain(&words, (const char *)text, n, (const char *)text + n, size - n);
  if (!*hint) abort();
  return 0;
}
