/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodings of text: see encoding.h.
 */
#include "guest/files/encoding.h"

#include "util/utf8.h"

#include <string.h>

#define REPLACEMENT 0xfffdu

/* ---- which ----------------------------------------------------------------------------------- */

const char *csn_encoding_name(enum csn_encoding encoding) {
  static const char *const names[] = {"utf-8", "utf-16le", "utf-16be", "latin-1", "windows-1252"};
  return names[encoding];
}

static const struct {
  const char *bytes;
  size_t size;
  enum csn_encoding encoding;
} marks[] = {
  {"\xef\xbb\xbf", 3, CSN_ENCODING_UTF8},
  {"\xff\xfe", 2, CSN_ENCODING_UTF16LE},
  {"\xfe\xff", 2, CSN_ENCODING_UTF16BE},
};

/* A text in UTF-8 that has a flaw is still that: some whole sequences, and few flaws. Latin-1 has
 * next to no bytes that happen to be such a sequence. */
static enum csn_encoding guess(const unsigned char *p, size_t n) {
  size_t sequences = 0, flaws = 0, controls = 0;
  for (size_t at = 0; at < n;) {
    size_t length = csn_utf8_span(p + at, n - at, 1);
    bool is_valid = csn_utf8_is_valid(p + at, length);
    sequences += is_valid && length > 1;
    for (size_t i = at; !is_valid && i < at + length; i++) controls += p[i] >= 0x80 && p[i] < 0xa0;
    flaws += !is_valid;
    at += length;
  }
  if (flaws == 0 || sequences > flaws) return CSN_ENCODING_UTF8;
  return controls > 0 ? CSN_ENCODING_CP1252 : CSN_ENCODING_LATIN1;
}

struct csn_decoder csn_encoding_detect(const void *bytes, size_t n, bool whole) {
  struct csn_decoder decoder = {.encoding = CSN_ENCODING_UTF8};
  for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
    if (n < marks[i].size || memcmp(bytes, marks[i].bytes, marks[i].size) != 0) continue;
    decoder.encoding = marks[i].encoding;
    decoder.mark = marks[i].size;
    return decoder;
  }
  size_t valid = csn_utf8_valid_prefix(bytes, n);
  /* The piece's end may cut a character. */
  if (valid == n || (!whole && n - valid < 4)) return decoder;
  decoder.encoding = guess(bytes, n);
  return decoder;
}

/* ---- into UTF-8 ------------------------------------------------------------------------------ */

/* What windows-1252 has at 0x80 to 0x9f (WHATWG's table; five are controls). */
static const uint16_t cp1252[32] = {
  0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
  0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
  0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static int add_character(struct csn_buffer *out, uint32_t c) {
  char text[4];
  size_t n = 0;
  if (c < 0x80) {
    text[n++] = (char)c;
  } else if (c < 0x800) {
    text[n++] = (char)(0xc0 | c >> 6);
    text[n++] = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    text[n++] = (char)(0xe0 | c >> 12);
    text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    text[n++] = (char)(0x80 | (c & 0x3f));
  } else {
    text[n++] = (char)(0xf0 | c >> 18);
    text[n++] = (char)(0x80 | (c >> 12 & 0x3f));
    text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    text[n++] = (char)(0x80 | (c & 0x3f));
  }
  return csn_buffer_add(out, text, n);
}

static int add_unit(struct csn_decoder *decoder, uint16_t unit, struct csn_buffer *out) {
  uint16_t high = decoder->high;
  bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
  decoder->high = 0;
  if (high != 0 && is_low)
    return add_character(out, 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (unit - 0xdc00u));
  int rc = high != 0 ? add_character(out, REPLACEMENT) : 0;
  if (unit >= 0xd800 && unit <= 0xdbff) {
    decoder->high = unit;
    return rc;
  }
  return rc != 0 ? rc : add_character(out, is_low ? REPLACEMENT : unit);
}

static int add_utf16(struct csn_decoder *decoder, const uint8_t *p, size_t n,
                     struct csn_buffer *out) {
  int rc = 0;
  if (n == 0) {
    bool is_cut = decoder->has_odd || decoder->high != 0;
    decoder->has_odd = false;
    decoder->high = 0;
    return is_cut ? add_character(out, REPLACEMENT) : 0;
  }
  for (size_t i = 0; i < n && rc == 0; i++) {
    if (decoder->has_odd) {
      uint8_t low = decoder->encoding == CSN_ENCODING_UTF16LE ? decoder->odd : p[i];
      uint8_t high = decoder->encoding == CSN_ENCODING_UTF16LE ? p[i] : decoder->odd;
      rc = add_unit(decoder, (uint16_t)(high << 8 | low), out);
    }
    decoder->odd = p[i];
    decoder->has_odd = !decoder->has_odd;
  }
  return rc;
}

static int add_single(const struct csn_decoder *decoder, const uint8_t *p, size_t n,
                      struct csn_buffer *out) {
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++) {
    bool is_special = decoder->encoding == CSN_ENCODING_CP1252 && p[i] >= 0x80 && p[i] < 0xa0;
    rc = add_character(out, is_special ? cp1252[p[i] - 0x80] : p[i]);
  }
  return rc;
}

int csn_decoder_add(struct csn_decoder *decoder, const void *bytes, size_t n,
                    struct csn_buffer *out) {
  switch (decoder->encoding) {
    case CSN_ENCODING_UTF16LE:
    case CSN_ENCODING_UTF16BE:
      return add_utf16(decoder, bytes, n, out);
    case CSN_ENCODING_LATIN1:
    case CSN_ENCODING_CP1252:
      return add_single(decoder, bytes, n, out);
    case CSN_ENCODING_UTF8:
      break;
  }
  return csn_buffer_add(out, bytes, n);
}
