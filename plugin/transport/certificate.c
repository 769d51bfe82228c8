/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/certificate.h"

#include <string.h>
#include <time.h>

#define DER_MAX 16384
#define BEGIN "-----BEGIN CERTIFICATE-----"

/* ---- PEM: base64 between two lines ----------------------------------------------------------- */

static int digit_of(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* How many bytes, 0 where there is no certificate or too large a one. */
static size_t decode(const char *pem, size_t n, unsigned char der[DER_MAX]) {
  const char *at = memmem(pem, n, BEGIN, strlen(BEGIN)), *end = pem + n;
  unsigned bits = 0, count = 0;
  size_t size = 0;
  if (!at) return 0;
  for (at += strlen(BEGIN); at < end && *at != '-' && *at != '='; at++) {
    int digit = digit_of(*at);
    if (digit < 0) continue;
    bits = (bits << 6 | (unsigned)digit) & 0xffffff;
    if (++count % 4 == 1) continue;
    if (size == DER_MAX) return 0;
    der[size++] = (unsigned char)(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0));
  }
  return at < end ? size : 0;
}

/* ---- DER: a tag, a length, and what it holds ------------------------------------------------- */

enum {
  TAG_INTEGER = 0x02,
  TAG_UTC_TIME = 0x17,
  TAG_GENERALIZED_TIME = 0x18,
  TAG_SEQUENCE = 0x30,
  TAG_VERSION = 0xa0, /* [0], explicit */
};

struct der {
  const unsigned char *at;
  size_t left;
};

/* Takes the next element off *from; its content in *content. -1 if it is not whole. */
static int next(struct der *from, unsigned *tag, struct der *content) {
  if (from->left < 2) return -1;
  size_t length = from->at[1], head = 2;
  *tag = from->at[0];
  if (length >= 0x80) {
    size_t bytes = length & 0x7f;
    if (bytes == 0 || bytes > 3 || from->left < 2 + bytes) return -1;
    length = 0;
    for (size_t i = 0; i < bytes; i++) length = length << 8 | from->at[2 + i];
    head += bytes;
  }
  if (length > from->left - head) return -1;
  *content = (struct der){from->at + head, length};
  from->at += head + length;
  from->left -= head + length;
  return 0;
}

static int expect(struct der *from, unsigned wanted, struct der *content) {
  unsigned tag;
  return next(from, &tag, content) == 0 && tag == wanted ? 0 : -1;
}

/* Two decimal digits, or -1. */
static int two(const unsigned char *at) {
  if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') return -1;
  return (at[0] - '0') * 10 + (at[1] - '0');
}

/* YYMMDDHHMMSSZ, or with a whole year: RFC 5280, 4.1.2.5. */
static int read_time(unsigned tag, const struct der *text, int64_t *seconds) {
  size_t years = tag == TAG_GENERALIZED_TIME ? 4 : 2;
  int part[7];
  if ((tag != TAG_UTC_TIME && tag != TAG_GENERALIZED_TIME) || text->left != years + 11 ||
      text->at[years + 10] != 'Z')
    return -1;
  for (size_t i = 0; i < years / 2 + 5; i++)
    if ((part[i] = two(text->at + 2 * i)) < 0) return -1;
  const int *rest = part + years / 2;
  int year = years == 4 ? part[0] * 100 + part[1] : part[0] + (part[0] < 50 ? 2000 : 1900);
  struct tm utc = {.tm_year = year - 1900, .tm_mon = rest[0] - 1, .tm_mday = rest[1],
                   .tm_hour = rest[2], .tm_min = rest[3], .tm_sec = rest[4]};
  *seconds = timegm(&utc);
  return 0;
}

/* Certificate { tbs { [version], serial, algorithm, issuer, validity { notBefore, notAfter } ... */
static int find_end(struct der whole, int64_t *end) {
  struct der certificate, tbs, validity, part;
  unsigned tag;
  if (expect(&whole, TAG_SEQUENCE, &certificate) || expect(&certificate, TAG_SEQUENCE, &tbs))
    return -1;
  if (next(&tbs, &tag, &part)) return -1;
  if (tag == TAG_VERSION && next(&tbs, &tag, &part)) return -1;
  if (tag != TAG_INTEGER || expect(&tbs, TAG_SEQUENCE, &part) ||
      expect(&tbs, TAG_SEQUENCE, &part) || expect(&tbs, TAG_SEQUENCE, &validity))
    return -1;
  if (next(&validity, &tag, &part)) return -1; /* notBefore */
  if (next(&validity, &tag, &part)) return -1;
  return read_time(tag, &part, end);
}

int csn_certificate_end(const char *pem, size_t n, int64_t *end) {
  unsigned char der[DER_MAX];
  size_t size = decode(pem, n, der);
  return size ? find_end((struct der){der, size}, end) : -1;
}
