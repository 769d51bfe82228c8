/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a text is encoded, told from its first bytes, and turning it into UTF-8 piece by piece. Pure.
 */
#ifndef CSN_GUEST_FILES_ENCODING_H
#define CSN_GUEST_FILES_ENCODING_H

#include "util/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum csn_encoding {
  CSN_ENCODING_UTF8,      /* with flaws, maybe: they are shown as U+FFFD */
  CSN_ENCODING_UTF16LE,
  CSN_ENCODING_UTF16BE,
  CSN_ENCODING_LATIN1,
  CSN_ENCODING_CP1252,    /* Latin-1 with more letters and quotes in 0x80 to 0x9f */
};

struct csn_decoder {
  enum csn_encoding encoding;
  size_t mark;        /* bytes of the byte order mark, which is no text; the caller skips them */
  uint8_t odd;        /* half of a UTF-16 unit */
  bool has_odd;
  uint16_t high;      /* the first half of a surrogate pair; 0: none */
};

/* From the first piece of a file; `whole`: it is all of it. */
struct csn_decoder csn_encoding_detect(const void *bytes, size_t n, bool whole);
const char *csn_encoding_name(enum csn_encoding encoding);

/* Adds the text of the next piece; n = 0 ends it. At most 3 bytes come of each. 0, or negative as
 * csn_buffer_add. */
int csn_decoder_add(struct csn_decoder *decoder, const void *bytes, size_t n,
                    struct csn_buffer *out);

#endif
